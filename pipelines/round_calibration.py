"""What is stored with a second round's weights, measured against the first round.

The first round's times carry its own calibration. The median of what a fresh network
finds earlier or later, in clips that it has not learned, becomes its constant offsets;
the score that 98 % of these kept clips reach becomes its threshold.
"""

import itertools
from dataclasses import dataclass, field

import numpy as np

from aligner.align import align_chapter
from aligner.config import AlignConfig
from models.bundled import BundledModel, Calibration
from models.data import Clip, SpeechShards
from models.examples import usable
from models.network import AcousticNetwork
from schemas.alignment import VerseAlignment
from schemas.source import Chapter, Verse

_CLIPS = 200
_KEPT_SHARE = 0.98
# A kept clip was read as it is written: nothing else is to be found in it.
_AS_WRITTEN = AlignConfig(
    star_between_verses=False, star_at_end=False, omissions=False, repeats=False
)


@dataclass
class _Shifts:
    """Found minus known times in seconds, by where in the line the edge is."""

    starts: list[float] = field(default_factory=list)
    ends: list[float] = field(default_factory=list)
    joins: list[float] = field(default_factory=list)

    def add(self, found: VerseAlignment, clip: Clip) -> None:
        """Compare the words of one clip."""
        origin_sec = clip.row["start_sec"]
        known = {
            word["char_start"]: (word["start_sec"], word["end_sec"])
            for word in clip.row["words"]
            if word["start_sec"] is not None
        }
        timed = [word for word in found.words if word.char_start in known]
        for before, word in itertools.pairwise([None, *timed, None]):
            meets = before and word and before.end_sec == word.start_sec
            if word is not None:
                late = word.start_sec - known[word.char_start][0] + origin_sec
                (self.joins if meets else self.starts).append(late)
            if before is not None and not meets:
                late = before.end_sec - known[before.char_start][1] + origin_sec
                self.ends.append(late)


def calibrate_on_clips(network: AcousticNetwork, shards: SpeechShards) -> Calibration:
    """Measure a network on kept clips, spread evenly over the shards.

    Args:
      network: trained; it is set to evaluate.
      shards: clips with the times and letters of the first round.

    Returns:
      Offsets in seconds and the threshold, to four digits.
    """
    model = BundledModel(network.eval(), Calibration(), fingerprint="uncalibrated")
    keys = [clip.key for clip in shards.in_order() if usable(clip)]
    chosen = frozenset(keys[:: max(1, len(keys) // _CLIPS)][:_CLIPS])
    shifts, scores = _Shifts(), []
    for clip in shards.in_order():
        if clip.key in chosen:
            chapter = Chapter(
                language=clip.row["language"], verses=(Verse("1", clip.text),)
            )
            found = align_chapter(clip.samples, chapter, model, _AS_WRITTEN)
            shifts.add(found.verses[0], clip)
            scores.append(found.verses[0].score)
    known = [score for score in scores if not np.isnan(score)]
    threshold = Calibration().score_threshold  # of a model that finds no clip at all
    if known:
        threshold = round(float(np.quantile(known, 1 - _KEPT_SHARE)), 4)
    return Calibration(
        start_offset_sec=_offset_sec(shifts.starts),
        end_offset_sec=_offset_sec(shifts.ends),
        join_offset_sec=_offset_sec(shifts.joins),
        score_threshold=threshold,
    )


def _offset_sec(errors: list[float]) -> float:
    return -round(float(np.nanmedian(errors)), 4) if errors else 0.0
