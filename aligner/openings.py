"""The openings of a chapter: where it could be cut, and what each cut costs."""

import math
import unicodedata
from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from aligner.edges import (
    EdgeRule,
    LevelTrack,
    Opening,
    after_last_word,
    after_star,
    before_first_word,
    between_words,
)
from aligner.runs import PlacedWord, WordRun, place_words
from schemas.alignment import ChapterAlignment
from schemas.units import SAMPLE_RATE_HZ, samples_from_sec

# A longer silence is no part of any segment.
_MAX_PAUSE_SEC = 3.0
# A cut in the midst of sound costs more than the worst length (0.7 for 2 s instead of
# 12 s), a cut inside a verse as much as being 4 s off the target. Where a cut parts
# what is written as one ("well-known", "4th", two Chinese characters), it is dearer.
_NO_QUIET_COST, _INSIDE_VERSE_COST, _WRITTEN_AS_ONE_COST = 2.0, 0.1, 1.0
# Half of the cost of a missing pause is gone at 0.1 s, nearly all at 0.5 s; between
# words that are read apart the level falls by 20 dB and more.
_PAUSE_SCALE_SEC, _CLEAR_DROP_DB = 0.15, 20.0

SAMPLES_PER_MSEC = SAMPLE_RATE_HZ // 1000


def chapter_openings(
    runs: Sequence[WordRun],
    alignment: ChapterAlignment,
    track: LevelTrack,
    rule: EdgeRule,
) -> tuple[Opening, ...]:
    """Return the opening before each run and the one after the last, in order.

    All edges are whole milliseconds, given in samples.
    """
    samples = samples_from_sec(alignment.duration_sec)
    limit = samples // SAMPLES_PER_MSEC * SAMPLES_PER_MSEC
    openings = [
        before_first_word(runs[0].start, 0, track, rule),
        *(
            between_words(left.end, right.start, track, rule)
            for left, right in pairwise(runs)
        ),
        after_last_word(runs[-1].end, limit, track, rule),
    ]
    for k in _beside_stars(runs, alignment):
        word_start = runs[k].start if k < len(runs) else limit
        openings[k] = after_star(openings[k], word_start, track, rule)
    return tuple(_in_whole_msec(opening) for opening in openings)


def _beside_stars(runs: Sequence[WordRun], alignment: ChapterAlignment) -> list[int]:
    """Return the openings in which a star outside any verse begins."""
    starts = [run.start for run in runs]
    return [
        bisect_left(starts, samples_from_sec(star.start_sec))
        for star in alignment.stars
    ]


def _in_whole_msec(opening: Opening) -> Opening:
    edges = (opening.end, opening.last_end, opening.start, opening.first_start)
    return Opening(*(_nearest_msec(edge) for edge in edges))


def _nearest_msec(sample: int) -> int:
    return (sample + SAMPLES_PER_MSEC // 2) // SAMPLES_PER_MSEC * SAMPLES_PER_MSEC


def barriers(
    runs: Sequence[WordRun], alignment: ChapterAlignment
) -> npt.NDArray[np.bool_]:
    """Return (N + 1,) true where no segment may reach across an opening."""
    longest = samples_from_sec(_MAX_PAUSE_SEC)
    gaps = [right.start - left.end for left, right in pairwise(runs)]
    barred = np.array([True, *(gap > longest for gap in gaps), True])
    barred[_beside_stars(runs, alignment)] = True
    return barred


def cut_costs(
    runs: Sequence[WordRun],
    alignment: ChapterAlignment,
    openings: Sequence[Opening],
    track: LevelTrack,
) -> npt.NDArray[np.float64]:
    """Return (N + 1,) the cost of one clip's edge at each opening.

    A cut costs more the shorter the pause, the less the level falls in it below the
    words on both sides, and inside a verse. Two clips share it.
    """
    spoken_db = [track.mean_db(run.start, run.end) for run in runs]
    places = place_words(alignment)
    costs = np.zeros(len(openings))
    for k in range(1, len(runs)):
        pause_sec = max(0, runs[k].start - runs[k - 1].end) / SAMPLE_RATE_HZ
        edge_db = max(track.at(openings[k].end), track.at(openings[k].start))
        drop_db = min(spoken_db[k - 1], spoken_db[k]) - edge_db
        no_pause = math.exp(-pause_sec / _PAUSE_SCALE_SEC)
        no_drop = 1 - min(max(drop_db / _CLEAR_DROP_DB, 0.0), 1.0)
        sound_cost = _NO_QUIET_COST * (no_pause + no_drop) / 2
        place = places[runs[k].first]
        costs[k] = (sound_cost + _text_cost(alignment, place)) / 2
    return costs


def _text_cost(alignment: ChapterAlignment, place: PlacedWord) -> float:
    """Return what a cut before a word costs because of how it is written."""
    if place.word == 0:
        return 0.0
    verse = alignment.verses[place.verse]
    before, after = verse.words[place.word - 1], verse.words[place.word]
    between = verse.text[before.char_end : after.char_start]
    if any(_parts_words(char) for char in between):
        return _INSIDE_VERSE_COST
    return _INSIDE_VERSE_COST + _WRITTEN_AS_ONE_COST


def _parts_words(char: str) -> bool:
    """Tell a space, comma or full stop from a hyphen or an invisible mark."""
    return char.isspace() or unicodedata.category(char) in (
        "Po",
        "Ps",
        "Pe",
        "Pi",
        "Pf",
    )
