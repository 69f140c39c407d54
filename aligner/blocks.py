"""How far one text stands above another in a recording, in means of seconds.

Neighbouring frames go together; seconds of different words do not.

Shapes: T frames.
"""

import math

import numpy as np
import numpy.typing as npt

from schemas.units import frames_from_sec

_BLOCK_SEC = 1.0


def whole_blocks(frames: int, hop_samples: int) -> int:
    """Return how many whole seconds some frames have."""
    return frames // frames_from_sec(_BLOCK_SEC, hop_samples)


def mean_of_blocks(
    above_T: npt.NDArray[np.float64], hop_samples: int
) -> tuple[float, float]:
    """Return a mean over frames and its standard error; what is left over is not used.

    Args:
      above_T: log-probability of one path less that of another, two seconds at least.
      hop_samples: samples from one frame to the next.
    """
    block = frames_from_sec(_BLOCK_SEC, hop_samples)
    used = len(above_T) // block * block
    means = above_T[:used].reshape(-1, block).mean(axis=1)
    error = float(means.std(ddof=1)) / math.sqrt(len(means))
    return float(means.mean()), error
