"""Wrong letters over a model's doubt: a line, fitted where the truth is known.

The log-odds of a wrong letter are a straight line over the log-odds of the doubt
(``certainty.sampled_cer``), with an offset for each language and each reader. Slope and
offsets are drawn towards what the whole says, the more the less is known of them: a
binomial regression of all errors by letters, penalised and allowed to scatter more than
chance alone does.

Shapes: N clips, K coefficients.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Real = npt.NDArray[np.float64]
Reader = tuple[str, str]
"""Language and name."""

# How far languages, readers and noised copies lie from the whole, in log-odds, before
# anything is known of them; what the slope is then, and how surely.
_LANGUAGE_SCATTER, _READER_SCATTER, _NOISE_SCATTER = 0.5, 0.3, 0.3
_SLOPE, _SLOPE_SCATTER = 0.7, 0.5
_OFFSET_SCATTER = 10.0
# Clips further off than so many deviations lose weight.
_FAR, _ROUNDS = 2.5, 4
# Half of a normal distribution lies within 0.6745 deviations.
_DEVIATIONS_PER_MEDIAN = 1 / 0.6745
_STEPS, _SMALL_STEP = 50, 1e-7
_LEAST_DOUBT, _MOST_DOUBT = 0.002, 0.98


@dataclass(frozen=True, kw_only=True)
class KnownClip:
    """A transcript of a clip whose text is known."""

    language: str
    reader: str
    recording_id: str
    sampled_cer: float
    errors: int
    letters: int
    """Of the text, one or more."""
    is_noised: bool = False
    """A copy in noise: it teaches the slope and is no example of the corpus."""


@dataclass(frozen=True)
class Line:
    """The line and the offsets, as fitted."""

    offset: float
    slope: float
    of_language: dict[str, float]
    of_reader: dict[Reader, float]

    @classmethod
    def fit(cls, clips: Sequence[KnownClip]) -> "Line":
        """Maximise the penalised likelihood; a falling line is made a level one."""
        languages = sorted({clip.language for clip in clips})
        readers = sorted({(clip.language, clip.reader) for clip in clips})
        doubts = log_odds_of_doubt(np.array([clip.sampled_cer for clip in clips]))
        design_NK = np.zeros((len(clips), 3 + len(languages) + len(readers)))
        design_NK[:, 0], design_NK[:, 1] = 1.0, doubts
        design_NK[:, 2] = [clip.is_noised for clip in clips]
        for row, clip in zip(design_NK, clips, strict=True):
            row[3 + languages.index(clip.language)] = 1.0
            reader = readers.index((clip.language, clip.reader))
            row[3 + len(languages) + reader] = 1.0
        scatter_K = np.array(
            [_OFFSET_SCATTER, _SLOPE_SCATTER, _NOISE_SCATTER]
            + [_LANGUAGE_SCATTER] * len(languages)
            + [_READER_SCATTER] * len(readers)
        )
        centre_K = np.zeros(len(scatter_K))
        centre_K[1] = _SLOPE
        found_K = _fitted(design_NK, clips, centre_K, scatter_K)
        if found_K[1] < 0:
            centre_K[1], scatter_K[1] = 0.0, 1e-6
            found_K = _fitted(design_NK, clips, centre_K, scatter_K)
        offsets = found_K[3:].tolist()
        return cls(
            float(found_K[0]),
            max(0.0, float(found_K[1])),
            dict(zip(languages, offsets[: len(languages)], strict=True)),
            dict(zip(readers, offsets[len(languages) :], strict=True)),
        )

    def log_odds(self, clips: Sequence[KnownClip]) -> Real:
        """Return the log-odds of a wrong letter for each clip (n,)."""
        doubts = log_odds_of_doubt(np.array([clip.sampled_cer for clip in clips]))
        offsets = [
            self.of_language.get(clip.language, 0.0)
            + self.of_reader.get((clip.language, clip.reader), 0.0)
            for clip in clips
        ]
        return self.offset + self.slope * doubts + np.array(offsets)


def _fitted(
    design_NK: Real, clips: Sequence[KnownClip], centre_K: Real, scatter_K: Real
) -> Real:
    """Return the coefficients.

    Errors of a clip come in bunches: the likelihood counts as much less as they scatter
    more than single letters would. And a text may be wrong itself: what lies far off
    the line pulls no harder than what lies a little off (Huber's weights).
    """
    errors_N = np.array([clip.errors for clip in clips], np.float64)
    letters_N = np.maximum([clip.letters for clip in clips], errors_N)
    found_K = centre_K.copy()
    found_K[0] = log_odds_of((errors_N.sum() + 0.5) / (letters_N.sum() + 1))
    found_K[0] -= centre_K[1] * float(design_NK[:, 1].mean())
    weight_N = np.ones(len(clips))
    for _ in range(_ROUNDS):
        found_K = _most_likely(
            design_NK, weight_N * errors_N, weight_N * letters_N, found_K,
            centre_K, scatter_K,
        )  # fmt: skip
        share_N = 1 / (1 + np.exp(-design_NK @ found_K))
        scatter_N = np.sqrt(letters_N * share_N * (1 - share_N))
        off_N = np.abs(errors_N - letters_N * share_N) / scatter_N
        spread = max(1.0, float(np.median(off_N)) * _DEVIATIONS_PER_MEDIAN)
        weight_N = np.minimum(1.0, _FAR * spread / np.maximum(off_N, 1e-9)) / spread**2
    return found_K


def _most_likely(
    design_NK: Real,
    errors_N: Real,
    letters_N: Real,
    found_K: Real,
    centre_K: Real,
    scatter_K: Real,
) -> Real:
    """Maximise the penalised likelihood by Newton's method."""
    precision_K = 1 / scatter_K**2
    for _ in range(_STEPS):
        share_N = 1 / (1 + np.exp(-design_NK @ found_K))
        rise_K = design_NK.T @ (errors_N - letters_N * share_N)
        rise_K -= precision_K * (found_K - centre_K)
        weight_N = letters_N * share_N * (1 - share_N)
        curve_KK = (design_NK * weight_N[:, None]).T @ design_NK
        step_K = np.linalg.solve(curve_KK + np.diag(precision_K), rise_K)
        found_K = found_K + np.clip(step_K, -1.0, 1.0)
        if np.abs(step_K).max() < _SMALL_STEP:
            break
    return found_K


def log_odds_of_doubt(doubts: Real) -> Real:
    """Return the log-odds of doubts, none of which is taken for certain."""
    clipped = np.clip(doubts, _LEAST_DOUBT, _MOST_DOUBT)
    return np.log(clipped / (1 - clipped))


def log_odds_of(share: float) -> float:
    """Return the log-odds of a share."""
    return math.log(share / (1 - share))


def share_of(log_odds: float) -> float:
    """Return the share of log-odds."""
    return 1 / (1 + math.exp(-log_odds))
