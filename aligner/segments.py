"""Plan the segments of an aligned chapter: which words share a clip, and its edges."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from aligner.as_read import as_read
from aligner.config import SegmentConfig
from aligner.edges import EdgeRule, LevelTrack, Opening
from aligner.measures import measure_segment, score_of_words
from aligner.openings import (
    SAMPLES_PER_MSEC,
    barriers,
    chapter_openings,
    cut_costs,
)
from aligner.packing import Lengths, Row, pack
from aligner.runs import PlacedWord, WordRun, place_words, verse_runs, word_runs
from aligner.scripts import expected_script
from schemas.alignment import ChapterAlignment
from schemas.segment import Segment
from schemas.units import msec_from_sec, samples_from_sec

# Silence beyond the padding is only taken where a clip would be too short without it.
_MAX_WIDENING_SEC = 0.5


def plan_segments(
    alignment: ChapterAlignment,
    config: SegmentConfig,
    *,
    book: str,
    reader: str,
    drama: bool,
    licence: str,
) -> tuple[Segment, ...]:
    """Cut a chapter into segments; ``split`` is left empty.

    In mode "packed" short verses are joined and long ones are split between words, see
    ``aligner.packing.pack``. The length of every segment is within [min_sec, max_sec];
    words that fit in none (one word longer than max_sec, a few words alone between two
    long pauses) are in no segment. A run of words shorter than min_sec gets up to 0.5 s
    more of the silence on either side. In mode "verse" there is one segment a verse, as
    long as it happens to be. References that were passed over are in no segment's text.

    Args:
      alignment: verses in order of time, with their scores and levels.
      config: lengths, padding and mode.
      book: as in the manifest, like the three that follow; copied to every segment.
      reader: who reads.
      drama: whether there are several voices or music.
      licence: under which the recording may be used.

    Returns:
      Segments in order of time that do not overlap; edges are whole milliseconds.
    """
    alignment = as_read(alignment)
    track = LevelTrack.of(alignment.level_db, alignment.hop_samples // 2)
    script = expected_script(
        alignment.language, " ".join(verse.text for verse in alignment.verses)
    )
    segments = []
    for words, interval in _planned(alignment, config, track):
        segment = measure_segment(alignment, words, interval, track, script)
        segments.append(
            replace(segment, book=book, reader=reader, drama=drama, licence=licence)
        )
    return tuple(segments)


def planned_scores(alignment: ChapterAlignment, config: SegmentConfig) -> list[float]:
    """Return the score of each segment that ``plan_segments`` would return."""
    alignment = as_read(alignment)
    track = LevelTrack.of(alignment.level_db, alignment.hop_samples // 2)
    verses = alignment.verses
    return [
        score_of_words(alignment, [verses[at.verse].words[at.word] for at in words])[0]
        for words, _ in _planned(alignment, config, track)
    ]


def _planned(
    alignment: ChapterAlignment, config: SegmentConfig, track: LevelTrack
) -> Iterator[tuple[tuple[PlacedWord, ...], tuple[int, int]]]:
    """Yield the words and the interval (samples) of every segment."""
    places = place_words(alignment)
    for first_word, last_word, interval in _pieces(alignment, config, track):
        yield places[first_word : last_word + 1], interval


def _pieces(
    alignment: ChapterAlignment, config: SegmentConfig, track: LevelTrack
) -> list[tuple[int, int, tuple[int, int]]]:
    """Return first and last word and the interval (samples) of every segment."""
    packed = config.mode == "packed"
    runs = word_runs(alignment) if packed else verse_runs(alignment)
    if not runs:
        return []
    rule = EdgeRule(
        pad=samples_from_sec(config.pad_sec),
        widening=samples_from_sec(_MAX_WIDENING_SEC),
    )
    openings = chapter_openings(runs, alignment, track, rule)
    cuts, minimum = [(k, k) for k in range(len(runs))], 0
    if packed:
        minimum = msec_from_sec(config.min_sec) * SAMPLES_PER_MSEC
        lengths = Lengths(
            target=samples_from_sec(config.target_sec),
            minimum=minimum,
            maximum=samples_from_sec(config.max_sec),
        )
        cuts = pack(_row(runs, alignment, openings, track), lengths)
    pieces = []
    for first, last in cuts:
        start, end = _widened(openings[first], openings[last + 1], minimum)
        if start < end:  # a verse may be squeezed into no time at all
            pieces.append((runs[first].first, runs[last].last, (start, end)))
    return pieces


def _row(
    runs: Sequence[WordRun],
    alignment: ChapterAlignment,
    openings: Sequence[Opening],
    track: LevelTrack,
) -> Row:
    before, after = openings[:-1], openings[1:]
    return Row(
        starts=np.array([opening.start for opening in before], dtype=np.int64),
        first_starts=np.array([opening.first_start for opening in before], np.int64),
        ends=np.array([opening.end for opening in after], dtype=np.int64),
        last_ends=np.array([opening.last_end for opening in after], dtype=np.int64),
        cut_costs=cut_costs(runs, alignment, openings, track),
        barriers=barriers(runs, alignment),
        words=np.array([run.last - run.first + 1 for run in runs], dtype=np.int64),
    )


def _widened(before: Opening, after: Opening, minimum: int) -> tuple[int, int]:
    """Return the edges of a piece, moved outwards evenly to reach the minimum."""
    start, end = before.start, after.end
    room_before, room_after = start - before.first_start, after.last_end - end
    missing = max(0, minimum - (end - start))
    half = missing // 2 // SAMPLES_PER_MSEC * SAMPLES_PER_MSEC
    moved_after = min(room_after, max(half, missing - room_before))
    return start - (missing - moved_after), end + moved_after
