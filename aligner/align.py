"""The whole algorithm: a recording and its text to the times of verses and words."""

import math
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from aligner.chapter_path import best_chapter_path
from aligner.config import AlignConfig
from aligner.emissions import OPEN_GATE, AcousticModel, Gate, compute_emissions
from aligner.path import AlignmentPath
from aligner.pauses import find_pauses, level_db
from aligner.posteriors import word_confidences
from aligner.read_back import ReadBack
from aligner.reading_events import FrameEvent
from aligner.scores import frame_score
from aligner.spans import (
    EdgeOffsets,
    FrameSpans,
    frame_spans,
    seconds_from_spans,
    without_separators,
)
from aligner.spelling import Speller
from aligner.tokens import EncodedChapter, encode_chapter
from aligner.variants import find_variants
from schemas.alignment import (
    ChapterAlignment,
    EventKind,
    ReadingEvent,
    StarSpan,
)
from schemas.errors import AlignmentInfeasible, ConfigError, TextEmpty
from schemas.source import Chapter
from schemas.units import FRAME_SAMPLES, sec_from_frames, sec_from_samples

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
    emissions_TC: FloatArray | None = None,
    foreign: bool | None = None,
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
      emissions_TC: those of the waveform by the model, where they are there already.
      foreign: whether the text is known not to be that of the recording; None: found
        out. Of a foreign text the plain line is aligned.
      workers: how many batches of windows are computed side by side.
      gate: held while the recording is in the model, see ``compute_emissions``.

    Returns:
      Times, scores and what later stages need for cutting.

    Raises:
      TextEmpty: no verse has anything to align.
      AlignmentInfeasible: the text is far too long for the audio.
      ConfigError: the model's frames are not of 20 ms.
    """
    if model.hop_samples != FRAME_SAMPLES:
        raise ConfigError(
            f"model {model.name}: expected a frame every {FRAME_SAMPLES} samples to "
            f"align by, got one every {model.hop_samples}; a Conformer labels audio, "
            "it does not align: take bundled, mms-fa or a wav2vec 2.0 model"
        )
    encoded = _encoded(chapter, model, config, recording_id)
    speller = Speller.of(model, chapter.language)
    variants = find_variants(chapter, encoded, speller, config)
    levels = level_db(waveform_N)
    pauses = find_pauses(levels, config.min_pause_sec)
    emissions = emissions_TC
    if emissions is None:
        emissions = compute_emissions(
            waveform_N, model, config, workers=workers, gate=gate
        )
    try:
        best = best_chapter_path(
            emissions, encoded, pauses, config, model, variants, foreign
        )
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
    found = ReadBack(
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


def _encoded(
    chapter: Chapter, model: AcousticModel, config: AlignConfig, recording_id: str
) -> EncodedChapter:
    try:
        return encode_chapter(
            chapter,
            model.labels,
            model.blank,
            romanised=model.romanised,
            word_separator=model.word_separator,
            star_at_start=config.star_at_start,
        )
    except TextEmpty as error:
        raise TextEmpty(f"{recording_id}: {error}") from error


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
