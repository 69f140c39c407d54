"""Where a recording was cut off at the top: found in how its samples are distributed.

The louder, the rarer: that holds for every undamaged recording up to its peak. Clipping
heaps samples up at one level, and lossy codecs and resampling only blur that heap. So
the level is found whatever gain came afterwards, and where there is no heap nothing was
clipped.
"""

import math

import numpy as np
import numpy.typing as npt

_BINS = 50
# The heap is looked for in the upper half of the range.
_LOWEST_BIN = 25
# A heap is at least this much higher than the valley below it, beyond chance (3 sigma).
_HEAP_RATIO = 1.5
_LEAST_SAMPLES = 20


def clip_level(waveform_N: npt.NDArray[np.float32]) -> float:
    """Return the magnitude from which on samples are clipped; infinite if none are.

    Args:
      waveform_N: a whole recording, shape (N,), full scale 1. Samples beyond full
        scale will be clipped in every clip, so that 1 is the highest level.
    """
    if not len(waveform_N):
        return math.inf
    magnitude = np.minimum(np.abs(waveform_N), np.float32(1.0))
    top = float(magnitude.max())
    if top == 0.0:
        return math.inf
    loud = magnitude[magnitude >= np.float32(top * _LOWEST_BIN / _BINS)]
    bins = (loud * np.float32(_BINS / top)).astype(np.int64)
    counts = np.bincount(np.minimum(bins, _BINS - 1), minlength=_BINS)[_LOWEST_BIN:]
    lowest_before = np.minimum.accumulate(counts)[:-1]
    heap = counts[1:]
    sure = heap - 3 * np.sqrt(heap)
    is_heap = (heap >= _LEAST_SAMPLES) & (
        sure > _HEAP_RATIO * np.maximum(lowest_before, 1)
    )
    if not is_heap.any():
        return math.inf
    highest = int(np.argmax(np.where(is_heap, sure, -np.inf))) + 1
    # The valley nearest to the heap, if several bins are as empty.
    valley = highest - 1 - int(np.argmin(counts[:highest][::-1]))
    return (_LOWEST_BIN + valley + 1) * top / _BINS
