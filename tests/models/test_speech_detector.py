"""The detector of speech: as silero-vad's own, without its state and side effects."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
import torch

from models import speech_detector
from models.speech_detector import load_speech_detector
from schemas.errors import ArtifactError
from tests.aligner.sounds import bursts

STEP = 512
# What differs between many frames at once and one after another.
CLOSE = 1e-3


@pytest.fixture(scope="module")
def reading(speech):
    """Twenty seconds of speech."""
    from aligner.audio import decode_audio

    return decode_audio(speech.audio("swh-luk-001"), max_hours=1)


def test_it_says_what_silero_says(reading):
    threads = torch.get_num_threads()
    with pytest.warns(DeprecationWarning):
        import silero_vad

        theirs = silero_vad.load_silero_vad()
    torch.set_num_threads(threads)
    for waveform_N in (reading, bursts(16_000), reading[: 40 * STEP + 1]):
        ours = load_speech_detector().speech_probabilities(waveform_N)
        padded = torch.from_numpy(np.pad(waveform_N, (0, -len(waveform_N) % STEP)))
        expected = theirs.audio_forward(padded[None], 16_000)[0].numpy()
        assert ours.shape == expected.shape and ours.dtype == np.float32
        assert np.abs(ours - expected).max() < CLOSE
    assert np.mean(load_speech_detector().speech_probabilities(reading) > 0.5) > 0.6


def test_blocks_do_not_show(reading, monkeypatch):
    whole = load_speech_detector().speech_probabilities(reading)
    monkeypatch.setattr(speech_detector, "_FRAMES_AT_ONCE", 7)
    parts = load_speech_detector().speech_probabilities(reading)
    assert np.abs(whole - parts).max() < CLOSE


def test_threads_do_not_disturb_each_other(reading):
    detector = load_speech_detector()
    waveforms = [reading[k * 16_000 :] for k in range(4)]
    alone = [detector.speech_probabilities(own) for own in waveforms]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(detector.speech_probabilities, waveforms))
    for left, right in zip(alone, together, strict=True):
        assert np.array_equal(left, right)


@pytest.mark.parametrize("samples", [0, 1, 511, 512, 513])
def test_short_audio_has_a_probability_for_each_step_that_begins(samples):
    found = load_speech_detector().speech_probabilities(np.zeros(samples, np.float32))
    assert len(found) == -(-samples // STEP)
    assert np.all(found < 0.5)


def test_an_hour_takes_no_more_memory_than_a_minute():
    hour = np.zeros(16_000 * 3600, np.float32)
    hour[: 16_000 * 60] = np.tile(bursts(16_000), 15)
    detector = load_speech_detector()
    detector.speech_probabilities(hour[: 16_000 * 60])
    hour.max()  # now it is in memory as far as it ever will be
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before_kb = memory_kb("VmRSS")
    found = detector.speech_probabilities(hour)
    assert len(found) == 16_000 * 3600 // STEP
    assert memory_kb("VmHWM") - before_kb < 20_000


def memory_kb(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name))


def test_to_load_it_imports_nothing_that_fetches_or_sets_threads():
    threads = torch.get_num_threads()
    load_speech_detector.cache_clear()
    with mock.patch("socket.socket.connect", side_effect=AssertionError):
        found = load_speech_detector()
    assert torch.get_num_threads() == threads
    source = Path(speech_detector.__file__).read_text()
    assert "import silero_vad" not in source
    weights = Path(speech_detector.weights_path()).read_bytes()
    assert found.fingerprint == hashlib.sha256(weights).hexdigest()


def test_damaged_weights_are_named(tmp_path, monkeypatch):
    path = tmp_path / "silero_vad.jit"
    path.write_bytes(Path(speech_detector.weights_path()).read_bytes()[:-1000])
    monkeypatch.setattr(speech_detector, "weights_path", lambda: path)
    load_speech_detector.cache_clear()
    with pytest.raises(ArtifactError, match=r"silero_vad\.jit: expected the weights"):
        load_speech_detector()
    load_speech_detector.cache_clear()
