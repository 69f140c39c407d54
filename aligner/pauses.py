"""Where the reader paused, by energy alone, and what a verse start elsewhere costs.

No other aid to decoding is worth as much on people: a verse begins where a pause ends.
It enters the alignment as a soft cost, so that a verse read without a pause is still
placed by its sounds.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from aligner.config import AlignConfig
from aligner.path import FloatArray
from schemas.units import (
    FRAME_SAMPLES,
    SAMPLE_RATE_HZ,
    frames_from_sec,
)

Pause = tuple[float, float]

STEP_SAMPLES = FRAME_SAMPLES // 2
STEP_SEC = STEP_SAMPLES / SAMPLE_RATE_HZ
# 16-bit samples end at -98 dB of full scale: below -120 dB there is only digital zero.
_LEAST_POWER = 1e-12

# The quietest 8 % of a reading are pauses, the loudest 8 % its vowels.
_FLOOR_PERCENTILE = 8
_LOUD_PERCENTILE = 92
# Digital silence at the ends of a file must not stand for the pauses in it.
_MAX_RANGE_DB = 45.0
_THRESHOLD_SHARE = 0.35
# Levels wander over an hour, so the threshold is taken from the minute around.
_LOCAL_SEC = 60.0

# A verse's first token begins in this interval around the end of the pause before it.
_BEFORE_END_SEC = 0.08
_AFTER_END_SEC = 0.10


def level_db(waveform_N: npt.NDArray[np.floating]) -> FloatArray:
    """Return the mean power of each 10 ms in dB of full scale, two values a frame.

    Args:
      waveform_N: mono at 16 kHz, shape (N,).

    Returns:
      float32, shape (2 T,), T = ceil(N / 320). Where the recording ends within the
      first half of its last frame, the second half repeats the first.
    """
    whole = len(waveform_N) // STEP_SAMPLES
    body = waveform_N[: whole * STEP_SAMPLES].reshape(whole, STEP_SAMPLES)
    power = np.einsum("ij,ij->i", body, body) / STEP_SAMPLES
    rest = waveform_N[whole * STEP_SAMPLES :]
    if len(rest):
        power = np.append(power, rest @ rest / len(rest))
    if len(power) % 2:
        power = np.append(power, power[-1])
    power = np.maximum(power.astype(np.float64), _LEAST_POWER)
    return (10 * np.log10(power)).astype(np.float32)


def find_pauses(level_db: FloatArray, min_pause_sec: float) -> tuple[Pause, ...]:
    """Return the quiet stretches of at least that length, (start_sec, end_sec) each.

    Levels are first averaged over about 20 ms, since 10 ms hold less than a period of
    hum or of a deep voice. A step is quiet below floor + 0.35 (loud - floor), where
    loud is the 92nd percentile and floor the 8th, but at most 45 dB under loud. Both
    are taken from the minute around the step.

    Args:
      level_db: energy every 10 ms, as ``level_db`` returns it.
      min_pause_sec: shorter stretches are closures of stops, not pauses.
    """
    if not len(level_db):
        return ()
    level = _smoothed(level_db)
    quiet = level < _thresholds(level)
    change = np.diff(quiet.astype(np.int8), prepend=0, append=0)
    starts, ends = np.flatnonzero(change == 1), np.flatnonzero(change == -1)
    long_enough = ends - starts >= round(min_pause_sec / STEP_SEC)
    return tuple(
        (float(start * STEP_SEC), float(end * STEP_SEC))
        for start, end in zip(starts[long_enough], ends[long_enough], strict=True)
    )


def verse_start_cost(
    pauses: Sequence[Pause], frames: int, config: AlignConfig
) -> FloatArray:
    """Return what it costs to begin a verse in each frame, float32 (T,).

    It is ``pause_cost``, but around the end of a pause of length l (80 ms before to 100
    ms after it) only pause_cost * exp(-l / pause_decay_sec). The start of the recording
    is the end of a pause without limit.
    """
    cost = np.full(frames, config.pause_cost, np.float32)
    ends = [(0.0, np.inf), *((end, end - start) for start, end in pauses)]
    for end_sec, length_sec in ends:
        near = slice(
            max(0, frames_from_sec(end_sec - _BEFORE_END_SEC)),
            frames_from_sec(end_sec + _AFTER_END_SEC) + 1,
        )
        eased = config.pause_cost * np.exp(-length_sec / config.pause_decay_sec)
        cost[near] = np.minimum(cost[near], np.float32(eased))
    return cost


def _smoothed(level_db: FloatArray) -> npt.NDArray[np.float64]:
    """Return the level of each step's power and half that of its neighbours."""
    power = np.pad(10 ** (level_db.astype(np.float64) / 10), 1, mode="edge")
    return 10 * np.log10((power[:-2] + 2 * power[1:-1] + power[2:]) / 4)


def _thresholds(level_db: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the level below which each step is quiet, following slow changes."""
    steps, window = len(level_db), round(_LOCAL_SEC / STEP_SEC)
    # A minute that stays below this has no speech that its floor could be told from.
    least_loud = sum(_floor_and_loud(level_db)) / 2
    # Windows overlap by half at least; the last one ends with the recording.
    count = max(1, -(-2 * (steps - window) // window) + 1)
    firsts = np.linspace(0, max(0, steps - window), count).round().astype(int)
    values = []
    for first in firsts:
        floor, loud = _floor_and_loud(level_db[first : first + window], least_loud)
        values.append(floor + _THRESHOLD_SHARE * (loud - floor))
    return np.interp(np.arange(steps), firsts + window / 2, values)


def _floor_and_loud(
    level_db: npt.NDArray[np.float64], least_loud: float = -np.inf
) -> tuple[float, float]:
    floor, loud = np.percentile(level_db, [_FLOOR_PERCENTILE, _LOUD_PERCENTILE])
    loud = max(loud, least_loud)
    return max(floor, loud - _MAX_RANGE_DB), loud
