"""The ledger: what became of every second of a recording.

The entries of a recording tile it: each begins where the one before ended, the first at
0, and the last ends with the recording. Borders are whole milliseconds, but for the
recording's end, so nothing is lost to rounding.
"""

from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import isfinite
from types import MappingProxyType

from schemas.alignment import ChapterAlignment, EventKind
from schemas.segment import Fate, LedgerEntry, Segment
from schemas.tables import Verdict
from schemas.units import msec_from_sec

PAUSE = "pause"
"""Nothing was read: quiet between segments."""
STAR = "star"
"""Something was read that is not in the text, such as a title."""
ASIDE, REPEATED = "aside", "repeated"
"""A heading or other text outside the verses; a verse before it was read again."""
NOT_SEGMENTED = "not_segmented"
"""Words that fit in no segment."""
LANGUAGE_TOO_SMALL = "language_too_small"
"""A clip without text in a language that has too little such audio to train on."""
REJECTED = "rejected:"
"""The whole recording was rejected; the reject's reason follows."""

_EVENT_REASONS = MappingProxyType(
    {EventKind.ASIDE: ASIDE, EventKind.REPEATED: REPEATED}
)


@dataclass(frozen=True, order=True)
class Gap:
    """Audio that is in no segment, and why."""

    start_sec: float
    end_sec: float
    reason: str


@dataclass(frozen=True)
class _Stretch:
    """One stretch of a recording in milliseconds."""

    start: int
    end: int
    fate: Fate
    reason: str


def build_ledger(
    recording_id: str,
    language: str,
    duration_sec: float,
    segments: Iterable[Segment],
    verdicts: Mapping[str, Verdict],
    gaps: Iterable[Gap],
) -> list[LedgerEntry]:
    """Return the ledger of one recording.

    Args:
      recording_id: the recording.
      language: its language.
      duration_sec: its length.
      segments: its segments in any order; those with a source are unlabeled audio.
      verdicts: the verdict on each segment with text, by key. What is not kept is
        dropped, for the first of its reasons.
      gaps: why audio outside the segments is in none (see ``find_gaps``); all that no
        gap explains is a pause.

    Raises:
      ValueError: segments overlap or reach beyond the recording.
      KeyError: a segment with text has no verdict.
    """
    total = _whole_msec(duration_sec)
    taken = sorted(
        (_stretch_of(segment, verdicts) for segment in segments),
        key=lambda stretch: stretch.start,
    )
    _check_disjoint(recording_id, taken, total)
    tiled = _tiled(taken, _disjoint(gaps, total), total)
    stretches = [stretch for stretch in tiled if stretch.start < stretch.end]
    if not stretches and duration_sec > 0:  # less than a millisecond
        stretches = [_pause(0, total)]
    borders = [stretch.start / 1000 for stretch in stretches] + [duration_sec]
    return [
        LedgerEntry(recording_id, language, start, end, stretch.fate, stretch.reason)
        for stretch, (start, end) in zip(stretches, pairwise(borders), strict=True)
    ]


def find_uncovered(
    duration_sec: float, segments: Iterable[Segment], gaps: Iterable[Gap]
) -> tuple[Gap, ...]:
    """Return all that is in no segment, in order: gaps, and pauses between them."""
    total = _whole_msec(duration_sec)
    taken = sorted(
        (_stretch_between(s, Fate.LABELED) for s in segments),
        key=lambda stretch: stretch.start,
    )
    return tuple(
        Gap(stretch.start / 1000, stretch.end / 1000, stretch.reason)
        for stretch in _tiled(taken, _disjoint(gaps, total), total)
        if stretch.fate is Fate.DROPPED and stretch.start < stretch.end
    )


def rejected_ledger(
    recording_id: str, language: str, duration_sec: float, reason: str
) -> list[LedgerEntry]:
    """Return the ledger of a recording that was rejected as a whole."""
    whole = Gap(0.0, duration_sec, REJECTED + reason)
    return build_ledger(recording_id, language, duration_sec, (), {}, (whole,))


def find_gaps(
    alignment: ChapterAlignment, segments: Sequence[Segment]
) -> tuple[Gap, ...]:
    """Return what was read but is in no segment.

    That is what is not in the text (the stars outside any verse), asides, a verse that
    was read again, and words that fit in no segment.
    """
    starts = sorted(segment.start_sec for segment in segments)
    ends = sorted(segment.end_sec for segment in segments)
    told = {
        event.interval: _EVENT_REASONS.get(event.kind, STAR)
        for event in alignment.events
    }
    gaps = [
        Gap(star.start_sec, star.end_sec, told.get(star.interval, STAR))
        for star in alignment.stars
    ]
    words = [word for verse in alignment.verses for word in verse.words]
    for word in words:
        middle_sec = (word.start_sec + word.end_sec) / 2
        place = bisect_right(starts, middle_sec)
        is_inside = place > 0 and middle_sec < ends[place - 1]
        if not is_inside and isfinite(middle_sec):
            gaps.append(Gap(word.start_sec, word.end_sec, NOT_SEGMENTED))
    return tuple(gaps)


def _whole_msec(duration_sec: float) -> int:
    return int(duration_sec * 1000 + 1e-6)  # 4.02 * 1000 is 4019.9999999999995


def _stretch_of(segment: Segment, verdicts: Mapping[str, Verdict]) -> _Stretch:
    if segment.source:
        return _stretch_between(segment, Fate.UNLABELED)
    verdict = verdicts[segment.key]
    if verdict.keep:
        return _stretch_between(segment, Fate.LABELED)
    return _stretch_between(segment, Fate.DROPPED, verdict.reasons[0])


def _stretch_between(segment: Segment, fate: Fate, reason: str = "") -> _Stretch:
    start, end = msec_from_sec(segment.start_sec), msec_from_sec(segment.end_sec)
    return _Stretch(start, end, fate, reason)


def _check_disjoint(
    recording_id: str, stretches: Sequence[_Stretch], total: int
) -> None:
    borders = [0, *(b for s in stretches for b in (s.start, s.end)), total]
    for left, right in pairwise(borders):
        if left > right:
            raise ValueError(
                f"{recording_id}: expected segments that do not overlap within "
                f"{total} ms, got one that ends at {left} ms before another border "
                f"at {right} ms"
            )


def _disjoint(gaps: Iterable[Gap], total: int) -> list[_Stretch]:
    """Return gaps in order; where two overlap, the one that begins first goes on.

    Gaps that touch and have the same reason become one.
    """
    stretches = [_pause(0, 0)]
    for gap in sorted(gaps):
        reached = stretches[-1].end
        start = max(reached, msec_from_sec(gap.start_sec))
        end = min(total, msec_from_sec(gap.end_sec))
        if start < end and start == reached and gap.reason == stretches[-1].reason:
            stretches[-1] = replace(stretches[-1], end=end)
        elif start < end:
            stretches.append(_Stretch(start, end, Fate.DROPPED, gap.reason))
    return stretches


def _tiled(
    taken: Sequence[_Stretch], gaps: Iterable[_Stretch], total: int
) -> Iterator[_Stretch]:
    """Yield segments, and between them gaps and pauses, without a hole."""
    pending = deque(gaps)
    reached = 0
    for stretch in [*taken, _pause(total, total)]:
        while pending and pending[0].start < stretch.start:
            gap = pending[0]
            start, end = max(gap.start, reached), min(gap.end, stretch.start)
            if start < end:
                yield _pause(reached, start)
                yield replace(gap, start=start, end=end)
                reached = end
            if gap.end > stretch.end:
                break  # it goes on behind the segment
            pending.popleft()
        yield _pause(reached, stretch.start)
        yield stretch
        reached = stretch.end


def _pause(start: int, end: int) -> _Stretch:
    return _Stretch(start, end, Fate.DROPPED, PAUSE)
