"""The path of a chapter, read back as words and verses."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from aligner.as_read import spoken_text
from aligner.path import FloatArray
from aligner.pauses import Pause
from aligner.reading_events import LEAST_UNWRITTEN_FRAMES, Reading
from aligner.scores import (
    lowest,
    span_score,
    worst_window_frames,
    worst_window_score,
)
from aligner.spans import FrameSpans
from aligner.tokens import EncodedChapter, Star
from schemas.alignment import (
    EventKind,
    ReadingEvent,
    StarSpan,
    VerseAlignment,
    WordSpan,
)
from schemas.source import Chapter, Verse
from schemas.units import sec_from_frames


class _Said(NamedTuple):
    """When a word was said and how surely.

    A number has the score and confidence of the form in which it was read, NaN where a
    star took it.
    """

    start_sec: float
    end_sec: float
    score: float
    confidence: float


_NEVER = _Said(math.nan, math.nan, math.nan, math.nan)


@dataclass(frozen=True)
class ReadBack:
    """The path, read back as words and verses."""

    encoded: EncodedChapter
    reading: Reading
    spans: FrameSpans
    times: tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]
    frame_score: FloatArray
    confidences: npt.NDArray[np.float64]
    """Of each span."""
    margins: npt.NDArray[np.float64]
    """Of each verse."""
    pauses: tuple[Pause, ...]
    hop_samples: int

    def verse(self, index: int, verse: Verse) -> VerseAlignment:
        """Return one verse; its times are NaN if nothing of it could be aligned."""
        in_verse = self.spans.verse == index
        read = set(self.spans.word[in_verse].tolist())
        stars = [
            star
            for star in self.reading.stars
            if star.verse == index and star.word_start in read
        ]
        changes = [change for k, change in self.reading.changes if k == index]
        words = self._words(index, np.flatnonzero(in_verse), stars)
        timed = [word for word in words if math.isfinite(word.start_sec)]
        score, worst = self._scores(in_verse)
        return VerseAlignment(
            verse=verse.number,
            text=verse.text,
            romanised=" ".join(self.encoded.romanised[index]),
            start_sec=min((word.start_sec for word in timed), default=math.nan),
            end_sec=max((word.end_sec for word in timed), default=math.nan),
            score=score,
            score_worst=worst,
            confidence=lowest(word.confidence for word in words),
            margin=float(self.margins[index]),
            words=words,
            stars=tuple(_star_span(star, words, verse.text) for star in stars),
            spoken_text=spoken_text(verse.text, changes) if changes else "",
        )

    def opening_star(self) -> tuple[StarSpan, ...]:
        """Return the star before verse 1, as far as it stands for no written number."""
        outside = np.flatnonzero(self.spans.verse < 0)
        return tuple(
            StarSpan(float(self.times[0][k]), float(self.times[1][k]), "")
            for k in outside
        )

    def title(
        self, opening: Sequence[StarSpan], chapter: Chapter
    ) -> Iterator[ReadingEvent]:
        """Yield the opening star as an event, if it took speech.

        On the plain line, where a star costs nothing, it takes any silence, too.
        """
        least_sec = sec_from_frames(LEAST_UNWRITTEN_FRAMES, self.hop_samples)
        for star in opening:
            if self.reading.is_free and star.end_sec - star.start_sec >= least_sec:
                number = chapter.verses[0].number
                yield ReadingEvent(EventKind.UNWRITTEN, number, *star.interval)

    def _words(
        self, index: int, spans: npt.NDArray[np.intp], stars: list[Star]
    ) -> tuple[WordSpan, ...]:
        found: dict[int, _Said] = {}
        for k in spans:
            frames = int(self.spans.start_frames[k]), int(self.spans.end_frames[k])
            found[int(self.spans.word[k])] = _Said(
                start_sec=float(self.times[0][k]),
                end_sec=float(self.times[1][k]),
                score=span_score(self.frame_score, *frames),
                confidence=float(self.confidences[k]),
            )
        for star in stars:
            said = found[star.word_start]
            if star.at_start:  # a title may come before the number: take what is last
                start_sec = self._after_last_pause(said.start_sec, said.end_sec)
                said = said._replace(start_sec=start_sec)
            for word in range(star.word_start, star.word_end):
                found[word] = said
        words = []
        for k, token in enumerate(self.encoded.verses[index]):
            place = {"char_start": token.char_start, "char_end": token.char_end}
            said = found.get(k, _NEVER)
            words.append(WordSpan(word=token.written, **place, **said._asdict()))
        return tuple(words)

    def _after_last_pause(self, start_sec: float, end_sec: float) -> float:
        inside = [end for _, end in self.pauses if start_sec < end < end_sec - 0.1]
        return max(inside, default=start_sec)

    def _scores(self, in_verse: npt.NDArray[np.bool_]) -> tuple[float, float]:
        if not in_verse.any():
            return math.nan, math.nan
        start = int(self.spans.start_frames[in_verse].min())
        end = int(self.spans.end_frames[in_verse].max())
        window = worst_window_frames(self.hop_samples)
        return (
            span_score(self.frame_score, start, end),
            worst_window_score(self.frame_score, start, end, window),
        )


def _star_span(star: Star, words: tuple[WordSpan, ...], text: str) -> StarSpan:
    first, last = words[star.word_start], words[star.word_end - 1]
    written = text[first.char_start : last.char_end]
    return StarSpan(first.start_sec, first.end_sec, written)
