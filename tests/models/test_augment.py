"""What training does to speech: word times move with the sound, nothing breaks."""

import numpy as np
import pytest
import torch

from models import sound
from models.augment import (
    FRAMES_HZ,
    Example,
    TimedWord,
    add_breaths,
    colour,
    degrade,
    degraded_example,
    drift_speed,
    mask_features,
    pad_features,
    plain_example,
    uneven_tempo,
    varied_example,
)
from models.features import MELS, SILENCE

RATE_HZ = 16_000
SECONDS = 4.0
SEEDS = range(8)
# Silence follows: what drifts to a slower speed loses its end.
STARTS_SEC = (0.4, 0.83, 1.21, 1.9, 2.35, 2.9)
WORDS = tuple(TimedWord("ab", start, start + 0.3) for start in STARTS_SEC)


def rng(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def speech(seed: int = 0) -> np.ndarray:
    """Noise during words, almost nothing between them."""
    samples = rng(seed).standard_normal(int(SECONDS * RATE_HZ)) * 1e-4
    for word in WORDS:
        part = slice(int(word.start_sec * RATE_HZ), int(word.end_sec * RATE_HZ))
        samples[part] += 0.1 * rng(seed + 1).standard_normal(part.stop - part.start)
    return samples.astype(np.float32)


def clicks() -> np.ndarray:
    """A click of half a millisecond at each word's start and at its end."""
    samples = np.zeros(int(SECONDS * RATE_HZ), np.float32)
    for word in WORDS:
        for sec in (word.start_sec, word.end_sec):
            samples[round(sec * RATE_HZ) - 4 : round(sec * RATE_HZ) + 4] = 1
    return samples


def edges_sec(words: tuple[TimedWord, ...]) -> list[float]:
    return [sec for word in words for sec in (word.start_sec, word.end_sec)]


@pytest.mark.parametrize("seed", SEEDS)
def test_words_drift_with_the_sound(seed):
    drifted, words = drift_speed(clicks(), WORDS, rng(seed))
    loud = np.flatnonzero(drifted > 0.5)
    groups = np.split(loud, np.flatnonzero(np.diff(loud) > 100) + 1)
    heard = [float(group.mean()) / RATE_HZ for group in groups]
    assert heard == pytest.approx(edges_sec(words), abs=0.001)
    assert edges_sec(words) != pytest.approx(edges_sec(WORDS), abs=0.01)
    assert drifted.dtype == np.float32


def test_drifting_changes_the_pitch_by_at_most_a_sixth():
    seconds = np.arange(int(SECONDS * RATE_HZ)) / RATE_HZ
    tone = np.sin(2 * np.pi * 500 * seconds).astype(np.float32)
    for seed in SEEDS:
        drifted, _ = drift_speed(tone, (), rng(seed))
        crossings = np.flatnonzero(np.diff(np.signbit(drifted)))
        hz = RATE_HZ / 2 / np.diff(crossings)
        assert np.quantile(hz, 0.05) > 500 * 0.84
        assert np.quantile(hz, 0.95) < 500 * 1.2
        assert hz.std() > 3


@pytest.mark.parametrize("seed", SEEDS)
def test_words_are_stretched_with_their_frames(seed):
    frames = int(SECONDS * FRAMES_HZ)
    power = torch.zeros(frames, 3)
    for sec in edges_sec(WORDS):
        power[round(sec * FRAMES_HZ)] = 1
    stretched, words = uneven_tempo(power, WORDS, rng(seed))
    assert torch.isfinite(stretched).all()
    for sec in edges_sec(words):
        place = sec * FRAMES_HZ
        near = slice(max(0, round(place) - 2), round(place) + 3)
        weight = stretched[near, 0]
        assert weight.sum() > 0.2
        centre = (weight * torch.arange(near.start, near.start + len(weight))).sum()
        assert float(centre / weight.sum()) == pytest.approx(place, abs=1)
    far = stretched[:, 0].clone()
    for sec in edges_sec(words):
        far[max(0, round(sec * FRAMES_HZ) - 2) : round(sec * FRAMES_HZ) + 3] = 0
    assert far.sum() == 0


def test_tempo_changes_by_at_most_its_bounds():
    lengths = []
    for seed in range(30):
        stretched, words = uneven_tempo(torch.ones(400, 2), WORDS, rng(seed))
        lengths.append(len(stretched))
        ratios = [
            (moved.end_sec - moved.start_sec) / (word.end_sec - word.start_sec)
            for moved, word in zip(words, WORDS, strict=True)
        ]
        assert min(ratios) >= 0.6
        assert max(ratios) <= 1.6
        torch.testing.assert_close(stretched, torch.ones_like(stretched))
    assert 400 * 0.8 < min(lengths) < 400 < max(lengths) < 400 * 1.25


@pytest.mark.parametrize("seed", SEEDS)
def test_breaths_are_taken_between_words_only(seed):
    before = speech()
    after = add_breaths(before, WORDS, rng(seed))
    added = after - before
    for word in WORDS:
        inside = slice(int(word.start_sec * RATE_HZ), int(word.end_sec * RATE_HZ))
        assert not added[inside].any()
    assert np.array_equal(before, speech())  # the clip itself is kept


def test_breaths_are_softer_than_the_speech():
    before = speech()
    added = np.concatenate(
        [add_breaths(before, WORDS, rng(seed)) - before for seed in SEEDS]
    )
    assert added.any()
    level_db = 20 * np.log10(sound.rms(added[added != 0]) / sound.rms(before))
    assert -34 < level_db < -8


MAKERS = {"degraded": degraded_example, "varied": varied_example}


@pytest.mark.parametrize("seed", range(25))
@pytest.mark.parametrize("name", MAKERS)
def test_every_example_is_finite_and_has_its_words(name, seed):
    example = MAKERS[name](speech(), WORDS, rng(seed))
    assert example.features.dtype == torch.float32
    assert example.features.shape[1] == MELS
    assert torch.isfinite(example.features).all()
    assert float(example.features.abs().max()) < 10
    assert [word.letters for word in example.words] == [w.letters for w in WORDS]
    edges = edges_sec(example.words)
    assert edges == sorted(edges)
    assert len(example.features) / FRAMES_HZ + 0.02 >= edges[-1]


@pytest.mark.parametrize("level", [0.0, 1e-6, 1.0, 30.0])
@pytest.mark.parametrize("name", MAKERS)
def test_silence_and_overload_are_finite_too(name, level):
    samples = (level * rng(0).standard_normal(8000)).astype(np.float32)
    for seed in range(6):
        example = MAKERS[name](samples, (TimedWord("a", 0.1, 0.3),), rng(seed))
        assert torch.isfinite(example.features).all()


def loud_where_words_are(example: Example) -> float:
    """Mean feature inside words minus outside."""
    inside = torch.zeros(len(example.features), dtype=torch.bool)
    for word in example.words:
        inside[int(word.start_sec * FRAMES_HZ) : int(word.end_sec * FRAMES_HZ)] = True
    energy = example.features.mean(1)
    return float(energy[inside].mean() - energy[~inside].mean())


@pytest.mark.parametrize("name", MAKERS)
def test_the_sound_is_where_the_words_say(name):
    contrast = [
        loud_where_words_are(MAKERS[name](speech(), WORDS, rng(seed)))
        for seed in range(12)
    ]
    assert np.median(contrast) > 0.4
    assert min(contrast) > 0.05


@pytest.mark.parametrize("name", MAKERS)
def test_equal_seeds_give_equal_examples(name):
    first, again, other = (
        MAKERS[name](speech(), WORDS, rng(seed)) for seed in (3, 3, 4)
    )
    assert torch.equal(first.features, again.features)
    assert first.words == again.words
    assert first.features.shape != other.features.shape or not torch.equal(
        first.features, other.features
    )


def test_degrading_is_as_long_as_the_speech_and_stronger_if_asked():
    def changed(strength: float) -> float:
        differences = [
            sound.rms(degrade(speech(), rng(seed), strength) - speech())
            for seed in range(20)
        ]
        return float(np.mean([difference > 1e-3 for difference in differences]))

    assert len(degrade(speech(), rng(0))) == len(speech())
    assert changed(0.0) == 0
    assert changed(1.0) > 0.6


def test_a_plain_example_is_the_clip_at_its_level():
    one = plain_example(speech(), WORDS)
    louder = plain_example(7 * speech(), WORDS)
    assert one.words == WORDS
    torch.testing.assert_close(one.features, louder.features, rtol=1e-3, atol=1e-3)


def test_colours_keep_the_shape_and_differ():
    energy = torch.randn(50, MELS, generator=torch.Generator().manual_seed(0))
    coloured = [colour(energy, rng(seed)) for seed in SEEDS]
    assert all(changed.shape == energy.shape for changed in coloured)
    assert all(torch.isfinite(changed).all() for changed in coloured)
    assert len({round(float(changed.sum()), 3) for changed in coloured}) > 4


def test_masks_hide_little_and_only_in_bands_and_stretches():
    shares = []
    for seed in SEEDS:
        features = torch.ones(3, 120, MELS)
        mask_features(features, rng(seed))
        hidden = features == -0.5
        assert ((features == 1) | hidden).all()
        for item in hidden:
            bands, frames = item.all(0), item.all(1)
            assert (item == (bands[None] | frames[:, None])).all()
            assert int(bands.sum()) <= 20
            assert int(frames.sum()) <= 21
        shares.append(float(hidden.float().mean()))
    assert 0.05 < np.mean(shares) < 0.3


def test_padding_is_silence_up_to_the_multiple():
    examples = [Example(torch.ones(length, MELS), WORDS) for length in (100, 129, 5)]
    batch = pad_features(examples, 128)
    assert batch.shape == (3, 256, MELS)
    for row, length in zip(batch, (100, 129, 5), strict=True):
        assert (row[:length] == 1).all()
        assert (row[length:] == SILENCE).all()
