"""The whole algorithm: a recording and its text to the times of verses and words."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from aligner.backends import align_with
from aligner.config import AlignConfig
from aligner.emissions import AcousticModel, compute_emissions
from aligner.margins import verse_margins
from aligner.path import AlignmentPath
from aligner.pauses import Pause, find_pauses, level_db, verse_start_cost
from aligner.posteriors import word_confidences
from aligner.scores import (
    frame_score,
    lowest,
    span_score,
    worst_window_frames,
    worst_window_score,
)
from aligner.spans import FrameSpans, frame_spans, seconds_from_spans
from aligner.tokens import EncodedChapter, Star, encode_chapter
from schemas.alignment import ChapterAlignment, StarSpan, VerseAlignment, WordSpan
from schemas.errors import AlignmentInfeasible
from schemas.source import Chapter, Verse
from schemas.units import sec_from_samples

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
) -> ChapterAlignment:
    """Find when each word of a chapter is spoken in a recording.

    Args:
      waveform_N: float32 mono at 16 kHz.
      chapter: the verses as written.
      model: gives log-probabilities and names its labels.
      config: backend, star, pause cost, windows.
      recording_id: for messages and for the result.
      workers: how many windows are computed side by side.

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
    levels = level_db(waveform_N)
    pauses = find_pauses(levels, config.min_pause_sec)
    emissions = compute_emissions(waveform_N, model, config, workers=workers)
    path, margins = _best_path(emissions, encoded, pauses, model, config, recording_id)
    scores = frame_score(emissions, path.frames, encoded.star)
    duration_sec = sec_from_samples(len(waveform_N))
    spans, times = _timed_spans(path, encoded, model, config, duration_sec)
    confidences = np.full(len(spans.word), math.nan)
    if config.confidence:
        confidences = word_confidences(
            emissions, encoded.tokens, model.blank, path, spans, model.hop_samples
        )
    measured = scores, confidences, margins
    found = _Found(encoded, spans, times, *measured, pauses, model.hop_samples)
    return ChapterAlignment(
        recording_id=recording_id,
        language=chapter.language,
        duration_sec=duration_sec,
        verses=tuple(found.verse(k, verse) for k, verse in enumerate(chapter.verses)),
        stars=found.opening_star(),
        model=model.fingerprint,
        frame_score=scores,
        level_db=levels,
        hop_samples=model.hop_samples,
    )


def _best_path(
    emissions: FloatArray,
    encoded: EncodedChapter,
    pauses: tuple[Pause, ...],
    model: AcousticModel,
    config: AlignConfig,
    recording_id: str,
) -> tuple[AlignmentPath, npt.NDArray[np.float64]]:
    """Append the star's column and align, with the soft cost on verse starts.

    Returns the path and the margin of each verse.
    """
    frames = len(emissions)
    star = np.full((frames, 1), config.star_log_prob, np.float32)
    with_star = np.concatenate([emissions, star], axis=1)
    entry_cost_T, entry_tokens = None, None
    if config.pause_cost > 0:
        entry_cost_T = verse_start_cost(pauses, frames, config)
        entry_tokens = np.zeros(len(encoded.tokens), dtype=bool)
        first = encoded.verse_first_token
        entry_tokens[first[first >= 0]] = True
    try:
        path = align_with(
            config.backend,
            with_star,
            encoded.tokens,
            model.blank,
            entry_cost_T=entry_cost_T,
            entry_tokens=entry_tokens,
        )
    except AlignmentInfeasible as error:
        raise AlignmentInfeasible(f"{recording_id}: {error}") from error
    first = encoded.verse_first_token
    if not config.confidence:
        return path, np.full(len(first), math.nan)
    return path, verse_margins(
        with_star,
        encoded.tokens,
        model.blank,
        path,
        first,
        entry_cost_T=entry_cost_T,
        entry_tokens=entry_tokens,
        hop_samples=model.hop_samples,
    )


def _timed_spans(
    path: AlignmentPath,
    encoded: EncodedChapter,
    model: AcousticModel,
    config: AlignConfig,
    duration_sec: float,
) -> tuple[FrameSpans, tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]]:
    """Return words and stars in frames, and in seconds as ``seconds_from_spans``."""
    spans = frame_spans(
        encoded.tokens,
        encoded.token_verse,
        encoded.token_word,
        (path.starts, path.ends),
        encoded.star,
    )
    times = seconds_from_spans(
        spans,
        duration_sec,
        start_offset_sec=model.start_offset_sec,
        end_offset_sec=model.end_offset_sec,
        min_pause_sec=config.min_pause_sec,
        hop_samples=model.hop_samples,
    )
    return spans, times


@dataclass(frozen=True)
class _Found:
    """The path, read back as words and verses."""

    encoded: EncodedChapter
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
        stars = [star for star in self.encoded.stars if star.verse == index]
        in_verse = self.spans.verse == index
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
            stars=tuple(self._star_span(star, words) for star in stars),
        )

    def opening_star(self) -> tuple[StarSpan, ...]:
        """Return the star before verse 1, as far as it stands for no written number."""
        outside = np.flatnonzero(self.spans.verse < 0)
        return tuple(
            StarSpan(float(self.times[0][k]), float(self.times[1][k]), "")
            for k in outside
        )

    def _words(
        self, index: int, spans: npt.NDArray[np.intp], stars: list[Star]
    ) -> tuple[WordSpan, ...]:
        times: dict[int, tuple[float, float, float]] = {}
        sure = dict(
            zip(self.spans.word[spans], self.confidences[spans].tolist(), strict=True)
        )
        for k in spans:
            start_sec, end_sec = float(self.times[0][k]), float(self.times[1][k])
            frames = int(self.spans.start_frames[k]), int(self.spans.end_frames[k])
            score = span_score(self.frame_score, *frames)
            times[int(self.spans.word[k])] = (start_sec, end_sec, score)
        for star in stars:
            start_sec, end_sec, _ = times[star.word_start]
            if star.at_start:  # a title may come before the number: take what is last
                start_sec = self._after_last_pause(start_sec, end_sec)
            for word in range(star.word_start, star.word_end):
                times[word] = (start_sec, end_sec, math.nan)
        never = (math.nan, math.nan, math.nan)
        return tuple(
            WordSpan(
                token.written,
                *times.get(k, never),
                token.char_start,
                token.char_end,
                sure.get(k, math.nan),
            )
            for k, token in enumerate(self.encoded.verses[index])
        )

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

    def _star_span(self, star: Star, words: tuple[WordSpan, ...]) -> StarSpan:
        covered = words[star.word_start : star.word_end]
        return StarSpan(
            covered[0].start_sec,
            covered[0].end_sec,
            " ".join(word.word for word in covered),
        )
