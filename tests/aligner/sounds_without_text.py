"""Sounds in which nobody speaks: tunes, noise and silence, by seed."""

import numpy as np

from schemas.units import SAMPLE_RATE_HZ

MAJOR = (0, 2, 4, 5, 7, 9, 11, 12)


def tune(sec: float, seed: int = 1, level_db: float = -20.0) -> np.ndarray:
    """Return plucked notes of a scale, two a second, three at a time."""
    rng = np.random.default_rng(seed)
    total = round(sec * SAMPLE_RATE_HZ)
    samples_N = np.zeros(total)
    note_sec = np.arange(round(0.75 * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    envelope = np.minimum(note_sec / 0.01, 1) * np.exp(-1.5 * note_sec)
    for start in range(0, total, SAMPLE_RATE_HZ // 2):
        part = samples_N[start : start + len(note_sec)]
        for step in rng.choice(MAJOR, 3, replace=False):
            base_hz = 220 * 2 ** (step / 12)
            partials = sum(
                np.sin(2 * np.pi * base_hz * k * note_sec) / k for k in (1, 2, 3, 4)
            )
            part += (envelope * partials)[: len(part)]
    return at_level(samples_N, level_db)


def hiss(sec: float, seed: int = 1, level_db: float = -20.0) -> np.ndarray:
    """Return pink noise."""
    rng = np.random.default_rng(seed)
    total = round(sec * SAMPLE_RATE_HZ)
    spectrum = np.fft.rfft(rng.standard_normal(total))
    spectrum /= np.sqrt(np.maximum(np.arange(len(spectrum)), 1))
    return at_level(np.fft.irfft(spectrum, total), level_db)


def quiet(sec: float, seed: int = 1) -> np.ndarray:
    """Return the dither of a silent recording."""
    return hiss(sec, seed, level_db=-75.0)


def at_level(samples_N: np.ndarray, level_db: float) -> np.ndarray:
    """Return sound of that mean power, dB of full scale, float32."""
    power = 10 ** (level_db / 10)
    scale = np.sqrt(power / np.mean(samples_N**2))
    return (samples_N * scale).astype(np.float32)
