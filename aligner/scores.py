"""How surely a span was read: the MMS score, and that of its worst part.

A frame's score is log P(aligned label) - log P(greedy label), 0 at best. Its mean over
a span is the score of Pratap et al. 2023, section 3.1, (1/T)[log P(aligned) - log
P(greedy)] with T in frames, as the greedy path takes the likeliest label of each frame.
Frames of a star are left out (NaN): its log-probability is a constant that says nothing
of the text, and would lift the mean, even above 0.
"""

import math
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from aligner.path import FloatArray
from schemas.units import frames_from_sec

# One wrong word is worst seen in a window of about its own length.
WORST_WINDOW_SEC = 0.7


def frame_score(
    emissions_TC: FloatArray, frames_T: npt.NDArray[np.integer], star: int
) -> FloatArray:
    """Return the score of each frame (T,): 0 or below, NaN where a star was aligned.

    Args:
      emissions_TC: log-probabilities without the star's column, (T, C).
      frames_T: aligned label at each frame, ``AlignmentPath.frames``.
      star: label id of the first star; all from there on are stars.
    """
    is_star = frames_T >= star
    aligned = np.where(is_star, 0, frames_T)[:, None]
    score = np.take_along_axis(emissions_TC, aligned, axis=1)[:, 0]
    score = score.astype(np.float32) - emissions_TC.max(axis=1).astype(np.float32)
    score[is_star] = np.nan
    return score


def span_score(frame_score_T: FloatArray, start_frame: int, end_frame: int) -> float:
    """Return the mean score of a span's frames without stars, NaN if there are none."""
    heard = _heard(frame_score_T, start_frame, end_frame)
    return float(heard.mean()) if len(heard) else float("nan")


def worst_window_frames(hop_samples: int) -> int:
    """Return how many frames of a model the window behind ``score_worst`` has."""
    return max(1, frames_from_sec(WORST_WINDOW_SEC, hop_samples))


def worst_window_score(
    frame_score_T: FloatArray, start_frame: int, end_frame: int, window_frames: int
) -> float:
    """Return the lowest mean score of any window of a span.

    Star frames are taken out first. With fewer frames than a window the mean of all is
    returned, NaN if there are none.

    Raises:
      ValueError: the window is shorter than one frame.
    """
    if window_frames < 1:
        raise ValueError(f"window_frames: expected 1 or more, got {window_frames}")
    heard = _heard(frame_score_T, start_frame, end_frame)
    if len(heard) <= window_frames:
        return float(heard.mean()) if len(heard) else float("nan")
    windows = np.lib.stride_tricks.sliding_window_view(heard, window_frames)
    return float(windows.mean(axis=1).min())


def lowest(values: Iterable[float]) -> float:
    """Return the lowest of some values without NaN, NaN if there are none."""
    return min((value for value in values if not math.isnan(value)), default=math.nan)


def _heard(
    frame_score_T: FloatArray, start_frame: int, end_frame: int
) -> npt.NDArray[np.float64]:
    span = frame_score_T[start_frame:end_frame].astype(np.float64)
    return span[~np.isnan(span)]
