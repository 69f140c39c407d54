"""Whether clips hold the whole of their first and last word, and nothing of others."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from aligner.config import SegmentConfig
from aligner.segments import plan_segments
from benchmarks.figures import Figure, Unit
from pipelines.synth.truth import ChapterTruth, TruthVerse, TruthWord
from schemas.alignment import ChapterAlignment, WordSpan

# The truth of a word's end is good to some milliseconds.
TOLERANCE_SEC = 0.010

_Name = tuple[float, float, str]
Seconds = npt.NDArray[np.float64]


@dataclass(frozen=True)
class ClipEdges:
    """How much of a word lies beyond a clip's edge, in seconds; negative: room."""

    lost_start: Seconds
    """Of the first word, before the clip."""
    lost_end: Seconds
    """Of the last word, after the clip."""
    foreign_start: Seconds
    """Of the word before the first one, inside the clip."""
    foreign_end: Seconds
    """Of the word after the last one, inside the clip."""


def clip_edges(found: ChapterAlignment, truth: ChapterTruth) -> ClipEdges:
    """Cut a chapter with the default settings and compare every edge with the truth.

    Words that the voice ran together have one time; an edge between two of those is
    left out, as nobody knows where it should be.
    """
    timeline = sorted(
        (word.start_sec, word.end_sec) for verse in truth.verses for word in verse.words
    )
    starts = np.array([start for start, _ in timeline])
    ends = np.array([end for _, end in timeline])
    words = dict(_true_words(found, truth))
    lost_start, lost_end, foreign_start, foreign_end = [], [], [], []
    for segment in plan_segments(
        found, SegmentConfig(), book="", reader="", drama=False, licence=""
    ):
        first, starts_alike, _ = words[_name(segment.words[0])]
        last, _, ends_alike = words[_name(segment.words[-1])]
        if first is not None and starts_alike:
            lost_start.append(segment.start_sec - first.start_sec)
            before = ends[starts < first.start_sec]
            if len(before):
                foreign_start.append(before[-1] - segment.start_sec)
        if last is not None and ends_alike:
            lost_end.append(last.end_sec - segment.end_sec)
            after = starts[starts > last.start_sec]
            if len(after):
                foreign_end.append(segment.end_sec - after[0])
    return ClipEdges(*map(np.array, (lost_start, lost_end, foreign_start, foreign_end)))


def pooled_edges(edges: Iterable[ClipEdges]) -> ClipEdges:
    """Put the clips of several chapters together."""
    edges = list(edges)
    names = [field.name for field in fields(ClipEdges)]
    return ClipEdges(
        *(np.concatenate([getattr(one, name) for one in edges]) for name in names)
    )


def clipping_figures(edges: ClipEdges, case: str) -> list[Figure]:
    """Return shares of clips whose edge is wrong by more than the tolerance."""
    kinds = (
        ("clips with a clipped last word", edges.lost_end, 0.02),
        ("clips with a clipped first word", edges.lost_start, None),
        ("clips with some of the word before", edges.foreign_start, None),
        ("clips with some of the word after", edges.foreign_end, None),
    )
    return [
        Figure(name="clips", case=case, value=len(edges.lost_end), unit=Unit.COUNT),
        *(
            Figure(
                name=name,
                case=case,
                value=float(np.mean(values > TOLERANCE_SEC)),
                unit=Unit.SHARE,
                at_most=aim,
            )
            for name, values, aim in kinds
        ),
    ]


def _true_words(
    found: ChapterAlignment, truth: ChapterTruth
) -> Iterator[tuple[_Name, tuple[TruthWord | None, bool, bool]]]:
    """Yield each aligned word with its true one; whether both begin, end alike."""
    for aligned, verse in zip(found.verses, truth.verses, strict=True):
        for word in aligned.words:
            known = _covering(verse, word)
            yield (
                _name(word),
                (
                    known,
                    known is not None and known.char_start == word.char_start,
                    known is not None and known.char_end == word.char_end,
                ),
            )


def _covering(verse: TruthVerse, word: WordSpan) -> TruthWord | None:
    return next(
        (w for w in verse.words if w.char_start <= word.char_start < w.char_end), None
    )


def _name(word: WordSpan) -> _Name:
    """Return what tells a word from all others of its recording, in a clip as well."""
    return word.start_sec, word.end_sec, word.word
