"""The whole algorithm: a recording and its text to the times of verses and words."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from aligner.as_read import spoken_text
from aligner.chapter_path import best_chapter_path
from aligner.config import AlignConfig
from aligner.emissions import OPEN_GATE, AcousticModel, Gate, compute_emissions
from aligner.path import AlignmentPath
from aligner.pauses import Pause, find_pauses, level_db
from aligner.posteriors import word_confidences
from aligner.reading_events import LEAST_UNWRITTEN_FRAMES, FrameEvent, Reading
from aligner.scores import (
    frame_score,
    lowest,
    span_score,
    worst_window_frames,
    worst_window_score,
)
from aligner.spans import (
    EdgeOffsets,
    FrameSpans,
    frame_spans,
    seconds_from_spans,
    without_separators,
)
from aligner.spelling import Speller
from aligner.tokens import EncodedChapter, Star, encode_chapter
from aligner.variants import find_variants
from schemas.alignment import (
    ChapterAlignment,
    EventKind,
    ReadingEvent,
    StarSpan,
    VerseAlignment,
    WordSpan,
)
from schemas.errors import AlignmentInfeasible
from schemas.source import Chapter, Verse
from schemas.units import sec_from_frames, sec_from_samples

# Events that take no time, or the whole recording.
_NO_SPEECH = (EventKind.OMITTED, EventKind.UNREAD, EventKind.FOREIGN)

Waveform = npt.NDArray[np.float32]
FloatArray = npt.NDArray[np.float32]


def align_chapter(
    waveform_N: Waveform,
    chapter: Chapter,
    model: AcousticModel,
    config: AlignConfig,
    *,
    recording_id: str = "",
    workers: int = 1,
    gate: Gate = OPEN_GATE,
) -> ChapterAlignment:
    """Find when each word of a chapter is spoken in a recording.

    Args:
      waveform_N: float32 mono at 16 kHz.
      chapter: the verses as written.
      model: gives log-probabilities and names its labels.
      config: backend, star, pause cost, windows.
      recording_id: for messages and for the result.
      workers: how many batches of windows are computed side by side.
      gate: held while the recording is in the model, see ``compute_emissions``.

    Returns:
      Times, scores and what later stages need for cutting.

    Raises:
      TextEmpty: no verse has anything to align.
      AlignmentInfeasible: the text is far too long for the audio.
    """
    encoded = encode_chapter(
        chapter,
        model.labels,
        model.blank,
        romanised=model.romanised,
        word_separator=model.word_separator,
        star_at_start=config.star_at_start,
    )
    speller = Speller.of(model, chapter.language)
    variants = find_variants(chapter, encoded, speller, config)
    levels = level_db(waveform_N)
    pauses = find_pauses(levels, config.min_pause_sec)
    emissions = compute_emissions(waveform_N, model, config, workers=workers, gate=gate)
    try:
        best = best_chapter_path(emissions, encoded, pauses, config, model, variants)
    except AlignmentInfeasible as error:
        raise AlignmentInfeasible(f"{recording_id}: {error}") from error
    path = best.path
    scores = frame_score(emissions, path.frames, encoded.star)
    duration_sec = sec_from_samples(len(waveform_N))
    spans, times = _timed_spans(path, encoded, model, config, duration_sec)
    confidences = np.full(len(spans.word), math.nan)
    if config.confidence:
        confidences = word_confidences(
            emissions, model.blank, path, spans, model.hop_samples
        )
    measured = scores, confidences, best.margins
    found = _Found(
        encoded, best.reading, spans, times, *measured, pauses, model.hop_samples
    )
    events = tuple(
        _reading_event(event, chapter, duration_sec, model.hop_samples)
        for event in best.reading.events
    )
    opening = found.opening_star()
    return ChapterAlignment(
        recording_id=recording_id,
        language=chapter.language,
        duration_sec=duration_sec,
        verses=tuple(found.verse(k, verse) for k, verse in enumerate(chapter.verses)),
        stars=opening + tuple(_spoken(events)),
        events=(*found.title(opening, chapter), *events),
        model=model.fingerprint,
        frame_score=scores,
        level_db=levels,
        hop_samples=model.hop_samples,
    )


def _reading_event(
    event: FrameEvent, chapter: Chapter, duration_sec: float, hop_samples: int
) -> ReadingEvent:
    verses = chapter.verses
    return ReadingEvent(
        kind=event.kind,
        verse=verses[event.verse].number if event.verse < len(verses) else "",
        start_sec=min(sec_from_frames(event.start_frame, hop_samples), duration_sec),
        end_sec=min(sec_from_frames(event.end_frame, hop_samples), duration_sec),
        text=event.text,
    )


def _spoken(events: Sequence[ReadingEvent]) -> Iterator[StarSpan]:
    """Yield the intervals of events that are speech but no verse."""
    for event in events:
        if event.kind not in _NO_SPEECH:
            yield StarSpan(event.start_sec, event.end_sec, event.text)


def _timed_spans(
    path: AlignmentPath,
    encoded: EncodedChapter,
    model: AcousticModel,
    config: AlignConfig,
    duration_sec: float,
) -> tuple[FrameSpans, tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]]:
    """Return words and stars in frames, and in seconds as ``seconds_from_spans``."""
    stars = [star.token for star in encoded.stars]
    silent = (model.blank, model.word_separator)
    spans = frame_spans(
        encoded.tokens,
        encoded.token_verse,
        encoded.token_word,
        without_separators(path, stars, silent),
        encoded.star,
    )
    times = seconds_from_spans(
        spans,
        duration_sec,
        offsets=EdgeOffsets(
            start_sec=model.start_offset_sec,
            end_sec=model.end_offset_sec,
            join_sec=model.join_offset_sec,
        ),
        min_pause_sec=config.min_pause_sec,
        hop_samples=model.hop_samples,
    )
    return spans, times


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
class _Found:
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
