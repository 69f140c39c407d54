"""A shown segment as the page needs it: text in pieces, marks of words, numbers."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from pipelines.report.numbers import clock, measured
from schemas.alignment import WordSpan
from schemas.segment import Segment

_SHORT = {
    "score": "score",
    "trust": "trust",
    "null_quantile": "null quantile",
    "confidence": "least sure word",
    "margin": "margin",
    "cer": "CER",
    "edge_cer": "edge CER",
    "chars_per_sec": "characters/s",
    "snr_db": "SNR, dB",
}
_UNSURE = 0.5


@dataclass(frozen=True)
class Piece:
    """A stretch of the text: a word with its time in the clip, or what is between."""

    text: str
    start_sec: float | None = None
    end_sec: float | None = None
    told: str = ""
    is_unsure: bool = False


@dataclass(frozen=True)
class Card:
    """One segment of a page. ``audio`` is relative to the page, "" without sound."""

    key: str
    language: str
    place: str
    text: str
    pieces: tuple[Piece, ...]
    duration_sec: float
    measures: tuple[tuple[str, str], ...]
    verdict: str
    is_kept: bool
    audio: str
    wave: str
    """The waveform as an SVG path, 100 units high and one wide for each column."""


def make_card(
    segment: Segment, verdict: str, is_kept: bool, audio: str, peaks: Sequence[int]
) -> Card:
    """Return the card of a segment.

    Args:
      segment: a row of the table.
      verdict: what a selection says of it, "" for nothing.
      is_kept: whether it is kept.
      audio: the clip's place, relative to the page.
      peaks: of its waveform, 0 to 100 for each column.
    """
    times = f"{clock(segment.start_sec)} to {clock(segment.end_sec)}"
    names = [segment.book, segment.verses and f"verse {segment.verses}", times]
    measures = [
        (title, measured(getattr(segment, name)))
        for name, title in _SHORT.items()
        if not math.isnan(getattr(segment, name))
    ]
    return Card(
        key=segment.key,
        language=segment.language,
        place=", ".join([segment.recording_id, *filter(None, names)]),
        text=segment.text,
        pieces=_pieces(segment),
        duration_sec=segment.duration_sec,
        measures=tuple(measures),
        verdict=verdict,
        is_kept=is_kept,
        audio=audio,
        wave=wave_path(peaks),
    )


def wave_path(peaks: Sequence[int]) -> str:
    """Return a line for each column, as high as its peak, around the middle."""
    return "".join(
        f"M{column} {50 - max(peak, 1) / 2:g}v{max(peak, 1)}"
        for column, peak in enumerate(peaks)
    )


def _pieces(segment: Segment) -> tuple[Piece, ...]:
    """Return the whole text, in order; a word that has no time is not marked."""
    pieces, reached = [], 0
    for word in segment.words:
        is_timed = math.isfinite(word.start_sec) and math.isfinite(word.end_sec)
        if not is_timed or not reached <= word.char_start < word.char_end:
            continue
        if reached < word.char_start:
            pieces.append(Piece(segment.text[reached : word.char_start]))
        pieces.append(_word_piece(segment, word))
        reached = word.char_end
    if reached < len(segment.text):
        pieces.append(Piece(segment.text[reached:]))
    return tuple(pieces)


def _word_piece(segment: Segment, word: WordSpan) -> Piece:
    told = [
        f"{name} {measured(value)}"
        for name, value in (("score", word.score), ("confidence", word.confidence))
        if not math.isnan(value)
    ]
    return Piece(
        text=segment.text[word.char_start : word.char_end],
        start_sec=round(max(0.0, word.start_sec - segment.start_sec), 3),
        end_sec=round(min(word.end_sec, segment.end_sec) - segment.start_sec, 3),
        told=", ".join(told),
        is_unsure=word.confidence < _UNSURE,
    )
