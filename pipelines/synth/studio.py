"""The recording while it grows, and what the studio adds to it in the end."""

import random
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from models import sound
from pipelines.synth.options import ChapterOptions
from pipelines.synth.speech import MASTER_RATE_HZ
from schemas.units import samples_from_sec, sec_from_samples


@dataclass
class Take:
    """Speech and silence, one after another, float32 at ``MASTER_RATE_HZ``."""

    blocks: list[npt.NDArray[np.float32]] = field(default_factory=list)
    samples: int = 0

    @property
    def now_sec(self) -> float:
        """The length so far, in seconds."""
        return sec_from_samples(self.samples, MASTER_RATE_HZ)

    def add(self, block: npt.NDArray[np.float32]) -> float:
        """Append samples (N,) and return the time in seconds at which they begin."""
        start_sec = self.now_sec
        self.blocks.append(block)
        self.samples += len(block)
        return start_sec

    def pause(self, sec: float) -> None:
        """Append silence."""
        self.add(np.zeros(samples_from_sec(sec, MASTER_RATE_HZ), np.float32))


def produce(
    samples_N: npt.NDArray[np.float32], options: ChapterOptions, recording_id: str
) -> npt.NDArray[np.float32]:
    """Add the room, music and noise of the options; none of them moves the words.

    Args:
      samples_N: the speech at ``MASTER_RATE_HZ``, full scale 1.
      options: reverb_sec, music_db, noise_db, and the seed of all of them.
      recording_id: other recordings of the same seed sound otherwise.

    Returns:
      Samples (N,), float32, at most 0.99 loud.
    """
    seed = random.Random(f"studio/{options.seed}/{recording_id}").getrandbits(64)
    rng = np.random.default_rng(seed)
    if options.reverb_sec > 0:
        samples_N = sound.reverberate(
            samples_N, options.reverb_sec, rng, MASTER_RATE_HZ
        )
    if options.music_db is not None:
        music = sound.music(len(samples_N), rng, MASTER_RATE_HZ)
        samples_N = sound.mix(samples_N, music, options.music_db)
    if options.noise_db is not None:
        noise = sound.room_noise(len(samples_N), rng)
        samples_N = sound.mix(samples_N, noise, options.noise_db)
    peak = float(np.abs(samples_N).max(initial=0.0))
    if peak > 0.99:
        samples_N = samples_N * np.float32(0.99 / peak)
    return samples_N
