"""What training does to clean speech, so that the model hears more than one studio.

``degraded`` changes the sound only: rooms, noise, music, microphones, lines. ``varied``
also changes the speaker and the pace: slow drifts of speed and pitch, uneven tempo,
breaths, vocal tract, spectral colour. That wide variation, with a loss that does not
fix the edges of words, is what lets a model trained on synthetic speech follow people.
Word times move with the sound. Samples are float32 (N,) at 16 kHz, times in seconds.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from models import sound
from models.features import (
    FEATURE_HOP_SAMPLES,
    SILENCE,
    TARGET_RMS,
    log_mel,
    mel_bank,
    normalise_log,
    power_spectrum,
)
from schemas.units import SAMPLE_RATE_HZ

Waveform = npt.NDArray[np.float32]
FRAMES_HZ = SAMPLE_RATE_HZ / FEATURE_HOP_SAMPLES


@dataclass(frozen=True)
class TimedWord:
    """Romanised letters of a word and when they are said, from the clip's start."""

    letters: str
    start_sec: float
    end_sec: float


@dataclass(frozen=True)
class Example:
    """What the loss needs: features (F, 80) and the words in them."""

    features: Tensor
    words: tuple[TimedWord, ...]


def plain_example(samples: Waveform, words: tuple[TimedWord, ...]) -> Example:
    """Features without any change (validation)."""
    return Example(log_mel(_power(samples)), words)


def degraded_example(
    samples: Waveform, words: tuple[TimedWord, ...], rng: np.random.Generator
) -> Example:
    """Features of the speech in another room, on another line."""
    return Example(log_mel(_power(degrade(samples, rng))), words)


def varied_example(
    samples: Waveform, words: tuple[TimedWord, ...], rng: np.random.Generator
) -> Example:
    """Features of the speech as another person might say it, somewhere else."""
    if rng.random() < 0.5:
        samples, words = drift_speed(samples, words, rng)
    if rng.random() < 0.5:
        samples = sound.level_drift(samples, rng)
    if rng.random() < 0.5:
        samples = add_breaths(samples, words, rng)
    samples = degrade(samples, rng, strength=1.4)
    if rng.random() < 0.2:
        samples = sound.reverberate(samples, rng.uniform(0.3, 1.3), rng)
    power = _power(samples)
    if rng.random() < 0.6:
        power, words = uneven_tempo(power, words, rng)
    warp = 1.0
    if rng.random() < 0.85:
        # Steps of 0.02 keep the cache of filter banks small.
        warp = round(np.exp(rng.uniform(np.log(0.8), np.log(1.25))) * 50) / 50
    log_energy = torch.log(power @ mel_bank(warp) + 1e-3)
    return Example(normalise_log(colour(log_energy, rng)), words)


def degrade(
    samples: Waveform, rng: np.random.Generator, strength: float = 1.0
) -> Waveform:
    """Add a random choice of microphone, room, noise, narrow band and quantising.

    ``strength`` scales how often each is chosen; the samples (N,) keep their length.
    """
    samples = samples + 1e-5 * sound.white_noise(len(samples), rng)
    if rng.random() < 0.5 * strength:
        samples = sound.equalise(samples, rng)
    if rng.random() < 0.3 * strength:
        samples = sound.reverberate(samples, rng.uniform(0.12, 0.7), rng)
    if rng.random() < 0.6 * strength:
        make = (sound.white_noise, sound.room_noise, sound.brown_noise, sound.music)
        noise = make[rng.integers(len(make))](len(samples), rng)
        samples = sound.mix(samples, noise, -rng.uniform(3, 30))
    if rng.random() < 0.12 * strength:
        samples = sound.low_pass(samples, rng.uniform(3000, 7000))
    if rng.random() < 0.08 * strength:
        samples = sound.companded(samples)
    return samples


def drift_speed(
    samples: Waveform, words: tuple[TimedWord, ...], rng: np.random.Generator
) -> tuple[Waveform, tuple[TimedWord, ...]]:
    """Let speed, pitch and formants drift together by up to 15 %.

    Samples (N,) come back with another N; nothing of the clip is lost.
    """
    knots = max(3, int(len(samples) / SAMPLE_RATE_HZ / 0.7) + 2)
    speeds = np.exp(rng.normal(0, 0.06, knots)).clip(0.85, 1.18)
    count = max(2, round(len(samples) / float(speeds.mean())))
    places = np.linspace(0, count - 1, knots)
    source = np.cumsum(np.interp(np.arange(count), places, speeds))
    source = (source - source[0]) * ((len(samples) - 1) / (source[-1] - source[0]))
    drifted = np.interp(source, np.arange(len(samples)), samples).astype(np.float32)

    def moved_sec(sec: float) -> float:
        return float(np.searchsorted(source, sec * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ

    return drifted, _moved(words, moved_sec)


def uneven_tempo(
    power: Tensor, words: tuple[TimedWord, ...], rng: np.random.Generator
) -> tuple[Tensor, tuple[TimedWord, ...]]:
    """Stretch or squeeze every 60 to 300 ms by its own factor (0.6 to 1.6).

    The power spectrum (F, bins) comes back with another F, at least 2 to begin with.
    """
    frames = len(power)
    lengths = rng.integers(6, 30, frames // 6 + 1)
    knots = np.concatenate([[0], np.cumsum(lengths)])
    factors = np.exp(rng.normal(0, 0.22, len(lengths))).clip(0.6, 1.6)
    moved = np.concatenate([[0], np.cumsum(lengths * factors)])
    count = int(np.interp(frames - 1, knots, moved)) + 1
    source = np.interp(np.arange(count), moved, knots).clip(0, frames - 1.001)
    left = torch.from_numpy(source.astype(np.int64))
    share = torch.from_numpy((source - left.numpy()).astype(np.float32))[:, None]
    stretched = power[left] * (1 - share) + power[left + 1] * share

    def moved_sec(sec: float) -> float:
        return float(np.interp(sec * FRAMES_HZ, knots, moved)) / FRAMES_HZ

    return stretched, _moved(words, moved_sec)


def add_breaths(
    samples: Waveform, words: tuple[TimedWord, ...], rng: np.random.Generator
) -> Waveform:
    """Put bursts of breath into pauses and at both ends; they are not letters."""
    samples = samples.copy()
    starts = [0.0, *(word.end_sec for word in words)]
    ends = [*(word.start_sec for word in words), len(samples) / SAMPLE_RATE_HZ]
    level = sound.rms(samples)
    for start_sec, end_sec in zip(starts, ends, strict=True):
        room = int((end_sec - start_sec - 0.06) * SAMPLE_RATE_HZ)
        if room < 0.06 * SAMPLE_RATE_HZ or rng.random() < 0.5:
            continue
        count = min(room, int(SAMPLE_RATE_HZ * rng.uniform(0.08, 0.5)))
        first = int((start_sec + 0.03) * SAMPLE_RATE_HZ)
        first += int(rng.integers(0, room - count + 1))
        burst = sound.breath(count, rng)
        gain = level / sound.rms(burst) * 10 ** (rng.uniform(-34, -12) / 20)
        samples[first : first + count] += burst * np.float32(gain)
    return samples


def colour(log_energy: Tensor, rng: np.random.Generator) -> Tensor:
    """Equalise, smooth over bands, add noise and scale features (F, 80) at random."""
    frames, bands = log_energy.shape
    if rng.random() < 0.7:
        x = torch.linspace(0, 1, bands)
        curve = torch.zeros(bands)
        for k in range(1, 5):
            shift = rng.uniform(0, 2 * np.pi)
            curve += rng.normal(0, 1.2 / k) * torch.cos(torch.pi * k * x + shift)
        log_energy = torch.log(torch.exp(log_energy + curve) + 1e-3)
    if rng.random() < 0.5:
        offsets = torch.arange(-5, 6) / rng.uniform(0.4, 2.2)
        kernel = torch.softmax(-0.5 * offsets.square(), 0)[None, None]
        padded = functional.pad(log_energy[:, None], (5, 5), mode="replicate")
        log_energy = functional.conv1d(padded, kernel)[:, 0]
    if rng.random() < 0.5:
        cells = rng.standard_normal((frames, bands), dtype=np.float32)
        log_energy = log_energy + torch.from_numpy(cells) * rng.uniform(0.05, 0.6)
    if rng.random() < 0.5:
        mean = log_energy.mean()
        log_energy = mean + (log_energy - mean) * rng.uniform(0.75, 1.25)
    return log_energy


def mask_features(features_BFM: Tensor, rng: np.random.Generator) -> None:
    """Hide two bands and up to three short stretches of each item, in place.

    At most 10 bins and 70 ms each. Source: SpecAugment, Park et al. 2019.
    """
    batch, frames, bands = features_BFM.shape
    for item in range(batch):
        for _ in range(2):
            width = int(rng.integers(0, 11))
            first = int(rng.integers(0, bands - width + 1))
            features_BFM[item, :, first : first + width] = -0.5
        for _ in range(int(rng.integers(0, 4))):
            width = int(rng.integers(1, 8))
            first = int(rng.integers(0, max(1, frames - width)))
            features_BFM[item, first : first + width] = -0.5


def pad_features(examples: list[Example], multiple: int) -> Tensor:
    """Stack features to (B, F, 80), F rounded up, padded with silence."""
    longest = max(len(example.features) for example in examples)
    frames = -(-longest // multiple) * multiple
    bands = examples[0].features.shape[1]
    batch = torch.full((len(examples), frames, bands), SILENCE)
    for row, example in zip(batch, examples, strict=True):
        row[: len(example.features)] = example.features
    return batch


def _power(samples: Waveform) -> Tensor:
    gain = np.float32(TARGET_RMS / max(sound.rms(samples), 1e-5))
    return power_spectrum(torch.from_numpy(samples.astype(np.float32) * gain))


def _moved(
    words: tuple[TimedWord, ...], moved_sec: Callable[[float], float]
) -> tuple[TimedWord, ...]:
    return tuple(
        replace(
            word,
            start_sec=moved_sec(word.start_sec),
            end_sec=max(moved_sec(word.end_sec), moved_sec(word.start_sec) + 0.02),
        )
        for word in words
    )
