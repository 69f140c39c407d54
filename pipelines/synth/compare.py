"""An alignment against the truth: errors of words and verses in seconds."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipelines.synth.truth import ChapterTruth
from schemas.alignment import ChapterAlignment, VerseAlignment

Errors = npt.NDArray[np.float64]


@dataclass(frozen=True)
class EdgeErrors:
    """Aligned minus true time, in seconds; late is positive."""

    word_start: Errors
    word_end: Errors
    verse_start: Errors
    verse_end: Errors
    missing_words: int
    """Words that were read and have no time."""


def edge_errors(alignment: ChapterAlignment, truth: ChapterTruth) -> EdgeErrors:
    """Compare every word and verse that was read once, numbers left out.

    Words that the voice ran together count by their first start and last end.
    """
    starts: list[float] = []
    ends: list[float] = []
    verse_starts: list[float] = []
    verse_ends: list[float] = []
    missing = 0
    for found, verse in zip(alignment.verses, truth.verses, strict=True):
        if verse.read != "once":
            continue
        by_start, by_end = _times(found)
        for word in verse.words:
            if word.is_number:
                continue
            start = by_start.get(word.char_start, math.nan)
            end = by_end.get(word.char_end, math.nan)
            if math.isnan(start) or math.isnan(end):
                missing += 1
                continue
            starts.append(start - word.start_sec)
            ends.append(end - word.end_sec)
        verse_starts.append(found.start_sec - verse.start_sec)
        verse_ends.append(found.end_sec - verse.end_sec)
    return EdgeErrors(
        np.array(starts),
        np.array(ends),
        np.array(verse_starts),
        np.array(verse_ends),
        missing,
    )


def pooled(errors: list[EdgeErrors]) -> EdgeErrors:
    """Put the errors of several chapters together."""
    return EdgeErrors(
        np.concatenate([e.word_start for e in errors]),
        np.concatenate([e.word_end for e in errors]),
        np.concatenate([e.verse_start for e in errors]),
        np.concatenate([e.verse_end for e in errors]),
        sum(e.missing_words for e in errors),
    )


def share_within(errors: Errors, limit_sec: float) -> float:
    """Return the share of errors up to a limit; a time that is missing is outside."""
    return float(np.mean(np.abs(errors) <= limit_sec)) if len(errors) else math.nan


def median_error_sec(errors: Errors) -> float:
    """Return the median of the absolute errors."""
    return float(np.nanmedian(np.abs(errors))) if len(errors) else math.nan


def _times(verse: VerseAlignment) -> tuple[dict[int, float], dict[int, float]]:
    starts = {word.char_start: word.start_sec for word in verse.words}
    ends = {word.char_end: word.end_sec for word in verse.words}
    return starts, ends
