"""What scores mean in one language: their place among those of wrong texts.

Two numbers, both of the same meaning: keep what lies above q, and of the segments that
are wrong in that way a share of about 1 - q is kept, in any language, with any model.
``null_quantile`` is about segments whose text is another altogether, ``trust`` about
those with one wrong word: one replaced, one missing, one too many.

Behind ``null_quantile`` is the segment's score. Behind ``trust`` are the three gains of
``aligner.evidence`` and the confidence together: each is counted from the median of the
language's segments in units of how far the upper half of them scatters, and the four
are added as odds (the largest decides). Half of a language may be wrong without moving
a median; the scatter is taken below the worst fifth.

Shapes: n segments, d decoys.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from aligner.evidence import Evidence
from aligner.scoring import RecordingScores
from schemas.units import rounded

# Above all of d decoys lies a share of 1 / (d + 1) of what is wrong: 2 % here.
LEAST_DECOYS = 50
LEAST_SEGMENTS = 5
_SCATTER_QUANTILE = 0.8
# Of the three gains (nats) and of the confidence (log-odds): a text without faults may
# gain nothing at all in most segments, and a nat or two are chance.
_LEAST_SCATTERS = np.array([2.0, 2.0, 2.0, 0.1])
# Log-odds of a confidence of 0 or 1, as float32 rounds it.
_LEAST_PROBABILITY = 1e-9
_DECIMALS = 5

RealArray = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Calibration:
    """The decoys of one language and the scales of its evidence."""

    decoy_scores: RealArray
    """Of other texts, sorted (d,)."""
    decoy_doubts: RealArray
    """Of texts with one wrong word, sorted."""
    medians: RealArray
    """Of the four kinds of evidence (4,)."""
    scatters: RealArray

    @classmethod
    def of(
        cls,
        recordings: Sequence[RecordingScores],
    ) -> "Calibration | None":
        """Return the calibration of a language, None with too little to go by.

        Args:
          recordings: all that were aligned, most of them with the right text.
        """
        rows = [row for scores in recordings for row in scores.segments.values()]
        one_word = [evidence for row in rows for evidence in row.one_word]
        other_text = [score for scores in recordings for score in scores.other_text]
        known = _measures([row.own for row in rows])
        known = known[~np.isnan(known).any(axis=1)]
        scores = np.sort(np.array(other_text, np.float64))
        spoiled = _measures(one_word)
        spoiled = spoiled[~np.isnan(spoiled).any(axis=1)]
        if len(known) < LEAST_SEGMENTS or min(len(scores), len(spoiled)) < LEAST_DECOYS:
            return None
        medians = np.median(known, axis=0)
        reach = np.quantile(known, _SCATTER_QUANTILE, axis=0) - medians
        # An exponential tail falls from a half to a fifth over this many scales.
        scatters = reach / math.log(0.5 / (1 - _SCATTER_QUANTILE))
        scatters = np.maximum(scatters, _LEAST_SCATTERS)
        doubts = np.sort(_doubts(spoiled, medians, scatters))
        return cls(scores, doubts, medians, scatters)

    def null_quantile(self, score: float) -> float:
        """Return the share of other texts that score less; NaN without a score."""
        if math.isnan(score):
            return math.nan
        decoys = self.decoy_scores
        below = int(np.searchsorted(decoys, score, "left"))
        return rounded(below / len(decoys), _DECIMALS)

    def trust(self, evidence: Evidence) -> float:
        """Return the share of texts with one wrong word that look worse; or NaN."""
        measures = _measures([evidence])
        if np.isnan(measures).any():
            return math.nan
        (doubt,) = _doubts(measures, self.medians, self.scatters)
        decoys = self.decoy_doubts
        worse = len(decoys) - int(np.searchsorted(decoys, doubt, "right"))
        return rounded(worse / len(decoys), _DECIMALS)

    def score_threshold(self, false_accepts: float) -> float:
        """Return the score above which so large a share of other texts lies."""
        return float(np.quantile(self.decoy_scores, 1 - false_accepts))


def _measures(evidence: Sequence[Evidence]) -> RealArray:
    """Return extra, other, unread and doubt of the confidence, (n, 4)."""
    rows = []
    for e in evidence:
        sure = min(max(e.confidence, _LEAST_PROBABILITY), 1 - _LEAST_PROBABILITY)
        sure = math.nan if math.isnan(e.confidence) else sure
        rows.append([e.extra, e.other, e.unread, math.log((1 - sure) / sure)])
    return np.array(rows, dtype=np.float64).reshape(-1, 4)


def _doubts(measures: RealArray, medians: RealArray, scatters: RealArray) -> RealArray:
    """Return the four together for each row, higher for worse (n,)."""
    return np.logaddexp.reduce((measures - medians) / scatters, axis=1)
