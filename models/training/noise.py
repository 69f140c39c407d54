"""Noise for students: the same words in another room, on another line."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from models.augment import degrade, drift_speed
from models.data import Clip
from models.training.crops import MakeBatch, with_samples

_DRIFTING_SHARE = 0.5


@dataclass(frozen=True)
class MakeOfNoise:
    """Makes a batch of noisy clips; picklable if what it hands them to is."""

    make: MakeBatch

    def __call__(self, clips: list[Clip], rng: np.random.Generator) -> Any:
        """Change each clip in its own way."""
        return self.make([noisy(clip, rng) for clip in clips], rng)


def noisy(clip: Clip, rng: np.random.Generator) -> Clip:
    """Return a clip with the same text and other sound.

    Half of them drift in speed, and pitch with it, by up to 18 %; all may get another
    microphone, a room, noise, music, a narrow band. Word times do not move with it.
    """
    samples = clip.samples
    if rng.random() < _DRIFTING_SHARE:
        samples, _ = drift_speed(samples, (), rng)
    return with_samples(clip, degrade(samples, rng))
