"""What recordings with text leave over: audio in no segment that may be speech."""

from collections.abc import Collection, Iterable
from dataclasses import replace
from itertools import pairwise

from pipelines.ledger import PAUSE, Gap, find_uncovered
from schemas.errors import (
    AlignmentInfeasible,
    InputError,
    TextEmpty,
    TextMalformed,
    TextUnreadable,
    WrongChapter,
    WrongText,
)
from schemas.segment import Segment

UNREAD_ERRORS: tuple[type[InputError], ...] = (
    AlignmentInfeasible,
    TextEmpty,
    TextMalformed,
    TextUnreadable,
    WrongChapter,
    WrongText,
)
"""Faults of a text, or of its being with the wrong audio: somebody may speak there."""


def find_leftovers(
    duration_sec: float,
    segments: Iterable[Segment],
    gaps: Iterable[Gap],
    kinds: Collection[str],
    pad_sec: float,
) -> tuple[Gap, ...]:
    """Return the stretches of a recording that may become unlabeled audio, in order.

    Neighbouring gaps of one kind with nothing but a pause between them are one stretch
    (unsegmented words are gaps one by one). A stretch is widened into the pauses beside
    it, so that speech which ends late has its end.

    Args:
      duration_sec: length of the recording.
      segments: its segments.
      gaps: as ``pipelines.ledger.find_gaps`` returns them.
      kinds: reasons of gaps that are wanted.
      pad_sec: how far it is widened, at most.
    """
    found: list[Gap] = []
    for free in _between_segments(find_uncovered(duration_sec, segments, gaps)):
        joined: list[Gap] = []
        for gap in free:
            if gap.reason == PAUSE:
                continue
            if joined and joined[-1].reason == gap.reason:
                joined[-1] = replace(joined[-1], end_sec=gap.end_sec)
            else:
                joined.append(gap)
        borders = [free[0].start_sec, *_middles(joined), free[-1].end_sec]
        found += [
            Gap(
                max(gap.start_sec - pad_sec, low),
                min(gap.end_sec + pad_sec, high),
                gap.reason,
            )
            for gap, (low, high) in zip(joined, pairwise(borders), strict=False)
            if gap.reason in kinds
        ]
    return tuple(found)


def _between_segments(uncovered: Iterable[Gap]) -> list[list[Gap]]:
    """Return what is uncovered, parted where segments lie."""
    parts: list[list[Gap]] = []
    for gap in uncovered:
        if parts and parts[-1][-1].end_sec == gap.start_sec:
            parts[-1].append(gap)
        else:
            parts.append([gap])
    return parts


def _middles(gaps: Iterable[Gap]) -> list[float]:
    return [(left.end_sec + right.start_sec) / 2 for left, right in pairwise(gaps)]
