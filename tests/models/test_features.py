"""Log-mel features against torchaudio's, in place and in frequency."""

import numpy as np
import pytest
import torch
import torchaudio

from models.features import (
    FEATURE_HOP_SAMPLES,
    MELS,
    SILENCE,
    features,
    log_mel,
    mel_bank,
    power_spectrum,
)


def tone(hz: float, samples: int = 16_000) -> torch.Tensor:
    seconds = torch.arange(samples) / 16_000
    return 0.1 * torch.sin(2 * torch.pi * hz * seconds)


def noise(*shape: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(5)
    return 0.1 * torch.randn(*shape, generator=generator)


def test_mel_energies_are_those_of_torchaudio():
    reference = torchaudio.transforms.MelSpectrogram(
        sample_rate=16_000,
        n_fft=512,
        win_length=400,
        hop_length=160,
        f_min=0.0,
        f_max=8000.0,
        n_mels=80,
        power=2.0,
        norm=None,
        mel_scale="htk",
    )
    waveform = noise(32_000) + tone(440, 32_000)
    ours = power_spectrum(waveform) @ mel_bank()
    theirs = reference(waveform).T
    inside = slice(2, -3)  # the edges are padded in another way
    assert ours.shape == (200, MELS)
    torch.testing.assert_close(
        ours[inside], theirs[: len(ours)][inside], rtol=1e-3, atol=1e-4
    )


@pytest.mark.parametrize("samples", [1, 159, 160, 161, 320, 16_000, 16_001])
def test_a_frame_begins_with_every_160_samples(samples):
    assert features(noise(samples)).shape == (-(-samples // 160), MELS)


def test_a_batch_is_its_rows():
    batch = noise(3, 4000)
    rows = torch.stack([features(row) for row in batch])
    torch.testing.assert_close(features(batch), rows)


@pytest.mark.parametrize("frame", [5, 30, 77])
def test_a_frame_is_centred_on_its_sample(frame):
    click = torch.zeros(100 * FEATURE_HOP_SAMPLES)
    click[frame * FEATURE_HOP_SAMPLES] = 1
    energy = power_spectrum(click).sum(-1)
    assert int(energy.argmax()) == frame
    torch.testing.assert_close(energy[frame - 1], energy[frame + 1])
    later = torch.zeros_like(click)
    later[frame * FEATURE_HOP_SAMPLES + 80] = 1  # half-way to the next frame
    energy = power_spectrum(later).sum(-1)
    torch.testing.assert_close(energy[frame], energy[frame + 1])


def test_nothing_sounds_like_padding():
    silent = features(torch.zeros(3200))
    assert silent == pytest.approx(np.full((20, MELS), SILENCE), abs=0.005)


def test_speech_at_its_level_lies_about_within_two():
    loud = features(noise(32_000))
    assert float(loud.min()) > -2
    assert float(loud.max()) < 3


@pytest.mark.parametrize("hz", [300, 900, 2500])
@pytest.mark.parametrize("warp", [0.8, 0.9, 1.1, 1.25])
def test_a_warp_moves_a_tone_to_where_it_is_divided(hz, warp):
    warped = log_mel(power_spectrum(tone(hz)), warp)[20:80].mean(0)
    moved = log_mel(power_spectrum(tone(hz / warp)))[20:80].mean(0)
    plain = log_mel(power_spectrum(tone(hz)))[20:80].mean(0)
    assert abs(int(warped.argmax()) - int(moved.argmax())) <= 1
    assert np.sign(int(plain.argmax()) - int(warped.argmax())) == np.sign(warp - 1)


@pytest.mark.parametrize("warp", [0.8, 1.0, 1.25])
def test_a_bank_covers_every_frequency_once(warp):
    bank = mel_bank(warp)
    assert bank.shape == (257, MELS)
    assert (bank >= 0).all()
    assert (bank <= 1).all()
    assert (bank.sum(0) > 0).all()
    covered = bank.sum(1)
    # Neighbouring triangles add up to one between the first and last centres.
    assert covered[8:230] == pytest.approx(np.ones(222), abs=1e-4)
    assert bool((bank.argmax(0).diff() >= 0).all())


def test_an_unwarped_bank_is_kept():
    assert mel_bank(1.1) is mel_bank(1.1)
