"""What is measured about a segment: its scores, rate, levels and text."""

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby

from aligner.edges import LevelTrack
from aligner.excerpts import excerpt, romanised_excerpt
from aligner.repetition import repeated_share
from aligner.runs import PlacedWord, is_timed
from aligner.scores import lowest, span_score, worst_window_frames, worst_window_score
from aligner.scripts import main_script, share_in_script
from schemas.alignment import ChapterAlignment, StarSpan, WordSpan
from schemas.keys import SegmentKey
from schemas.segment import Segment
from schemas.units import frames_from_sec, rounded, sec_from_samples

# Joins the numbers of the verses in a segment; a number may hold a hyphen ("3-4").
VERSE_SEPARATOR = ","
_DECIMALS_SHARE = 5


def measure_segment(
    alignment: ChapterAlignment,
    words: Sequence[PlacedWord],
    interval: tuple[int, int],
    track: LevelTrack,
    script: str,
) -> Segment:
    """Return the segment of the given words with all that is measured about it.

    Args:
      alignment: the chapter.
      words: neighbouring words, at least one of them timed.
      interval: start and end of the clip in samples, whole milliseconds.
      track: the levels of the recording.
      script: the one that the text should be in, see ``aligner.scripts``.
    """
    start, end = interval
    start_sec, end_sec, duration_sec = map(sec_from_samples, (start, end, end - start))
    text, romanised, spans = _text_of(alignment, words)
    score, score_worst = score_of_words(alignment, spans)
    edges_db = track.edge_levels(start, end)
    return Segment(
        key=str(SegmentKey.of(alignment.recording_id, start_sec, end_sec)),
        recording_id=alignment.recording_id,
        language=alignment.language,
        split="",
        verses=_verses_of(alignment, words),
        text=text,
        romanised=romanised,
        words=spans,
        start_sec=start_sec,
        end_sec=end_sec,
        duration_sec=duration_sec,
        score=score,
        score_worst=score_worst,
        confidence=lowest(span.confidence for span in spans),
        margin=lowest(alignment.verses[place.verse].margin for place in words),
        chars_per_sec=sum(char.isalpha() for char in text) / duration_sec,
        star_sec=_star_sec(alignment, words, (start_sec, end_sec)),
        level_db=track.mean_db(start, end),
        edge_start_db=edges_db[0],
        edge_end_db=edges_db[1],
        repeated_share=rounded(
            repeated_share(text, alignment.language), _DECIMALS_SHARE
        ),
        script=main_script(text),
        script_share=rounded(share_in_script(text, script), _DECIMALS_SHARE),
    )


def _verses_of(alignment: ChapterAlignment, words: Sequence[PlacedWord]) -> str:
    numbers = (alignment.verses[place.verse].verse for place in words)
    return VERSE_SEPARATOR.join(dict.fromkeys(numbers))


def _text_of(
    alignment: ChapterAlignment, words: Sequence[PlacedWord]
) -> tuple[str, str, tuple[WordSpan, ...]]:
    """Return the text, its romanisation, and the words, characters counted in it."""
    text, romanised = "", []
    spans: list[WordSpan] = []
    for index, group in groupby(words, key=lambda place: place.verse):
        places = [place.word for place in group]
        verse, first, last = alignment.verses[index], places[0], places[-1]
        piece, begins_at = excerpt(verse, first, last)
        shift = (len(text) + 1 if text else 0) - begins_at
        text = f"{text} {piece}" if text else piece
        romanised.append(romanised_excerpt(verse, first, last))
        spans += (_shifted(span, shift) for span in verse.words[first : last + 1])
    return text, " ".join(romanised), tuple(spans)


def _shifted(span: WordSpan, shift: int) -> WordSpan:
    start, end = span.char_start + shift, span.char_end + shift
    return replace(span, char_start=start, char_end=end)


def score_of_words(
    alignment: ChapterAlignment, spans: Sequence[WordSpan]
) -> tuple[float, float]:
    """Return the mean score and the worst window's, from first to last word.

    At least one word has a time.
    """
    timed = [span for span in spans if is_timed(span)]
    frames = len(alignment.frame_score)
    hop = alignment.hop_samples
    start = min(max(frames_from_sec(timed[0].start_sec, hop), 0), max(frames - 1, 0))
    latest_sec = max(span.end_sec for span in timed)
    end = min(max(frames_from_sec(latest_sec, hop), start + 1), frames)
    window = worst_window_frames(hop)
    score_T = alignment.frame_score
    return (
        span_score(score_T, start, end),
        worst_window_score(score_T, start, end, window),
    )


def _star_sec(
    alignment: ChapterAlignment,
    words: Sequence[PlacedWord],
    interval: tuple[float, float],
) -> float:
    """Return how much of an interval stars cover."""
    stars: list[StarSpan] = list(alignment.stars)
    for index in dict.fromkeys(place.verse for place in words):
        stars += alignment.verses[index].stars
    start_sec, end_sec = interval
    shared = (
        min(star.end_sec, end_sec) - max(star.start_sec, start_sec) for star in stars
    )
    return math.fsum(max(0.0, length) for length in shared)
