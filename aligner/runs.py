"""Runs of words between which a chapter may be cut."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from schemas.alignment import ChapterAlignment, VerseAlignment, WordSpan
from schemas.units import samples_from_sec

# Start and end offsets of a model can make neighbours overlap by up to this much; a
# larger overlap means that one star stands for both words.
_MAX_OVERLAP_SEC = 0.05


@dataclass(frozen=True)
class WordRun:
    """Neighbouring words that stay together, and when they were spoken (samples).

    ``first`` and ``last`` (inclusive) number the words as ``place_words`` does.
    """

    first: int
    last: int
    start: int
    end: int


@dataclass(frozen=True)
class PlacedWord:
    """A word's place in the chapter: ``alignment.verses[verse].words[word]``."""

    verse: int
    word: int


def is_timed(word: WordSpan) -> bool:
    """Tell whether a word was found in the audio."""
    return math.isfinite(word.start_sec) and math.isfinite(word.end_sec)


def _is_found(verse: VerseAlignment) -> bool:
    return any(is_timed(word) for word in verse.words)


def place_words(alignment: ChapterAlignment) -> tuple[PlacedWord, ...]:
    """Number the words of all verses that have at least one timed word."""
    return tuple(
        PlacedWord(index, word)
        for index, verse in enumerate(alignment.verses)
        if _is_found(verse)
        for word in range(len(verse.words))
    )


def verse_runs(alignment: ChapterAlignment) -> tuple[WordRun, ...]:
    """Return one run for each verse that was found in the audio."""
    runs, offset = [], 0
    for verse in filter(_is_found, alignment.verses):
        spans = [word for word in verse.words if is_timed(word)]
        start = samples_from_sec(min(span.start_sec for span in spans))
        end = samples_from_sec(max(span.end_sec for span in spans))
        last = offset + len(verse.words) - 1
        runs.append(WordRun(offset, last, start, max(start, end)))
        offset = last + 1
    return tuple(runs)


def word_runs(alignment: ChapterAlignment) -> tuple[WordRun, ...]:
    """Return the smallest runs of words that a cut does not damage.

    Usually a run is one word. A word without times (the model has no letter for it) may
    have been spoken anywhere between its neighbours, so it holds both together; at a
    verse's beginning or end it goes with the one neighbour in the verse. Words that
    share a star stay together too.
    """
    overlap = samples_from_sec(_MAX_OVERLAP_SEC)
    runs: list[WordRun] = []
    offset = 0
    for verse in filter(_is_found, alignment.verses):
        for run, is_parted in _runs_of_verse(verse, offset):
            if runs and (not is_parted or run.start < runs[-1].end - overlap):
                runs[-1] = _joined(runs[-1], run)
            else:
                runs.append(_after(runs[-1], run) if runs else run)
        offset += len(verse.words)
    return tuple(runs)


def _runs_of_verse(
    verse: VerseAlignment, offset: int
) -> Iterator[tuple[WordRun, bool]]:
    """Yield a run for each timed word, and whether nothing ties it to the last one."""
    timed = [k for k, word in enumerate(verse.words) if is_timed(word)]
    for place, k in enumerate(timed):
        word = verse.words[k]
        start = samples_from_sec(word.start_sec)
        first = k if place else 0
        last = k if k != timed[-1] else len(verse.words) - 1
        is_parted = place == 0 or timed[place - 1] == k - 1
        end = max(start, samples_from_sec(word.end_sec))
        yield WordRun(offset + first, offset + last, start, end), is_parted


def _joined(left: WordRun, right: WordRun) -> WordRun:
    return WordRun(left.first, right.last, left.start, max(left.end, right.end))


def _after(left: WordRun, right: WordRun) -> WordRun:
    """Return the right run, no edge of it before the left one's."""
    start = max(left.start, right.start)
    return WordRun(right.first, right.last, start, max(left.end, right.end))
