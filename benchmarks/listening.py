"""Chapters that were listened to once, to be aligned with many texts."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from rich.progress import track

from aligner.align import align_chapter
from aligner.audio import decode_audio
from aligner.calibration import Calibration
from aligner.config import AlignConfig, SegmentConfig
from aligner.emissions import AcousticModel, compute_emissions
from aligner.normalise import normalise_verse
from aligner.scoring import Heard, RecordingScores, score_segments
from aligner.second_opinion import Transcriber, with_opinion
from aligner.segments import plan_segments
from benchmarks.speech import speech_of
from models.catalog import load_acoustic_model
from pipelines.calibrate import chapter_of
from pipelines.calibration import with_trust
from pipelines.emission_store import in_half_precision
from pipelines.synth.presets import unheard_jobs
from pipelines.synth.truth import ChapterTruth
from schemas.segment import Segment
from schemas.source import Chapter

_BETWEEN_SEEDS = 1000


@dataclass(frozen=True, eq=False)
class Listened:
    """A chapter with what the bundled model heard, in half precision as it is kept."""

    recording_id: str
    waveform_N: npt.NDArray[np.float32]
    truth: ChapterTruth
    chapter: Chapter
    model: AcousticModel
    emissions_TC: npt.NDArray[np.float16]

    def heard(self) -> Heard:
        """Return it as the aligner takes it."""
        return Heard(
            self.recording_id,
            self.waveform_N,
            self.chapter,
            self.model,
            self.emissions_TC.astype(np.float32),
        )

    def words(self) -> list[str]:
        """Return the words of the chapter, without numbers."""
        return [
            token.written
            for text in self.verse_texts()
            for token in normalise_verse(text, self.chapter.language)
            if not token.is_number
        ]

    def verse_texts(self) -> list[str]:
        """Return the texts of the verses."""
        return [verse.text for verse in self.chapter.verses]


@dataclass(frozen=True)
class JudgedRecording:
    """A recording's segments and what was found out about them."""

    segments: tuple[Segment, ...]
    scores: RecordingScores


def chapters_by_language(
    count: int, minutes: float, seed: int
) -> dict[str, list[Listened]]:
    """Return chapters in every language that was kept from training."""
    model = load_acoustic_model("bundled")
    jobs = [
        replace(job, recording_id=f"{job.recording_id}-{number:02d}")
        for number in range(count)
        for job in unheard_jobs(minutes, seed + number * _BETWEEN_SEEDS, title=False)
    ]
    speech = speech_of(jobs)
    found: dict[str, list[Listened]] = {}
    pairs = list(zip(speech.jobs, speech.truths, strict=True))
    for job, truth in track(pairs, "listening", transient=True):
        waveform_N = decode_audio(speech.audio(job))
        emissions_TC = compute_emissions(waveform_N, model, AlignConfig())
        found.setdefault(job.options.language, []).append(
            Listened(
                job.recording_id,
                waveform_N,
                truth,
                chapter_of(truth),
                model,
                in_half_precision(emissions_TC),
            )
        )
    return found


def segments_of(heard: Heard, config: SegmentConfig) -> tuple[Segment, ...]:
    """Align and cut a recording with whatever text it has."""
    alignment = align_chapter(
        heard.waveform_N,
        heard.chapter,
        heard.model,
        AlignConfig(),
        recording_id=heard.recording_id,
        emissions_TC=heard.emissions_TC,
    )
    return plan_segments(alignment, config, book="", reader="", drama=False, licence="")


def judged_recording(heard: Heard, config: SegmentConfig) -> JudgedRecording:
    """Align, cut and score a recording with whatever text it has."""
    segments = segments_of(heard, config)
    best_T = heard.emissions_TC.argmax(axis=1)
    transcriber = Transcriber.of(heard.model, heard.chapter.language)
    hop = heard.model.hop_samples
    segments = tuple(with_opinion(s, best_T, transcriber, hop) for s in segments)
    scores = score_segments(heard, segments, AlignConfig(), config)
    return JudgedRecording(segments, scores)


def judged_language(recordings: Sequence[JudgedRecording]) -> list[Segment]:
    """Return the segments of a language with what its decoys say of them."""
    scores = [recording.scores for recording in recordings]
    segments = [s for recording in recordings for s in recording.segments]
    return with_trust(segments, scores, Calibration.of(scores))
