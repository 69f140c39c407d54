"""Sounds in which nobody speaks, by seed, at a level in dB of full scale."""

import numpy as np

from models import sound
from schemas.units import SAMPLE_RATE_HZ


def tune(sec: float, seed: int = 1, level_db: float = -20.0) -> np.ndarray:
    """Return chords one after another."""
    made_N = sound.music(round(sec * SAMPLE_RATE_HZ), np.random.default_rng(seed))
    return at_level(made_N, level_db)


def hiss(sec: float, seed: int = 1, level_db: float = -20.0) -> np.ndarray:
    """Return the noise of a room, however loud."""
    made_N = sound.room_noise(round(sec * SAMPLE_RATE_HZ), np.random.default_rng(seed))
    return at_level(made_N, level_db)


def quiet(sec: float, seed: int = 1) -> np.ndarray:
    """Return what a recording has where nothing sounds."""
    return hiss(sec, seed, level_db=-75.0)


def at_level(samples_N: np.ndarray, level_db: float) -> np.ndarray:
    """Return sound of that mean power, dB of full scale, float32."""
    scale = 10 ** (level_db / 20) / sound.rms(samples_N)
    return (samples_N * scale).astype(np.float32)
