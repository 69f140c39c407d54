"""What is stored with freshly trained weights: constant offsets and a threshold.

Chapters of training languages, newly invented, are aligned and compared with the truth.
The median errors of verse starts and ends become the offsets beside pauses, that of
words that meet the offset between words; the score that 98 % of these clean verses
reach becomes the threshold of the default selection.
"""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from aligner.align import align_chapter
from aligner.audio import decode_audio
from aligner.config import AlignConfig
from models.bundled import BundledModel, Calibration
from models.network import AcousticNetwork
from pipelines.synth.compare import edge_errors, pooled
from pipelines.synth.corpus import ChapterJob, make_chapters
from pipelines.synth.files import AudioFileOptions
from pipelines.synth.options import TRAINING_VOICES, ChapterOptions
from pipelines.synth.truth import ChapterTruth
from schemas.alignment import ChapterAlignment
from schemas.source import Chapter, Verse

LANGUAGES = "spa deu ita swh rus ell hin fin tur ind pol fra".split()
_MINUTES = 2.0
_KEPT_SHARE = 0.98
_SEED = 990_001  # far from the seeds of training


def calibrate(
    network: AcousticNetwork,
    folder: Path,
    log: Callable[[str], None],
    *,
    languages: Sequence[str] = LANGUAGES,
    minutes: float = _MINUTES,
) -> Calibration:
    """Measure a network on fresh synthetic speech.

    Args:
      network: trained; it is set to evaluate.
      folder: gets the recordings.
      log: told the result in one line.
      languages: ISO 639-3; a chapter is spoken in each.
      minutes: length of a chapter.

    Returns:
      Offsets in seconds and the threshold, to four digits.

    Raises:
      ConfigError: espeak-ng is not installed.
    """
    network.eval()
    model = BundledModel(network, Calibration(), fingerprint="uncalibrated")
    pairs = []
    for job, truth in _chapters(folder, languages, minutes):
        waveform = decode_audio(folder / "audio" / f"{job.recording_id}.wav")
        chapter = chapter_of(truth)
        aligned = align_chapter(waveform, chapter, model, AlignConfig())
        pairs.append((aligned, truth))
    errors = pooled([edge_errors(aligned, truth) for aligned, truth in pairs])
    scores = [verse.score for aligned, _ in pairs for verse in aligned.verses]
    calibration = Calibration(
        start_offset_sec=-float(np.median(errors.verse_start)),
        end_offset_sec=-float(np.median(errors.verse_end)),
        join_offset_sec=-_median_join_error_sec(pairs),
        score_threshold=float(np.nanquantile(scores, 1 - _KEPT_SHARE)),
    )
    rounded = {name: round(value, 4) for name, value in vars(calibration).items()}
    log(f"calibrated on {len(errors.verse_start)} verses: {rounded}")
    return replace(calibration, **rounded)


def _median_join_error_sec(
    pairs: Sequence[tuple[ChapterAlignment, ChapterTruth]],
) -> float:
    """Return how late words begin that follow their neighbour without a pause."""
    errors = [0.0]
    for aligned, truth in pairs:
        for found, verse in zip(aligned.verses, truth.verses, strict=True):
            true_sec = {word.char_start: word.start_sec for word in verse.words}
            errors += [
                word.start_sec - true_sec[word.char_start]
                for before, word in itertools.pairwise(found.words)
                if word.start_sec == before.end_sec and word.char_start in true_sec
            ]
    return float(np.median(errors))


def chapter_of(truth: ChapterTruth) -> Chapter:
    """Return the written text of a synthetic chapter."""
    verses = tuple(Verse(verse.number, verse.text) for verse in truth.verses)
    return Chapter(language=truth.language, verses=verses)


def _chapters(
    folder: Path, languages: Sequence[str], minutes: float
) -> list[tuple[ChapterJob, ChapterTruth]]:
    jobs = [
        ChapterJob(
            recording_id=f"calibrate-{language}",
            options=ChapterOptions(
                language=language,
                minutes=minutes,
                voices=tuple(TRAINING_VOICES[number % 4 :: 4]),
                drama=True,
                seed=_SEED,
            ),
            audio=AudioFileOptions(format="wav", rate_hz=16_000),
        )
        for number, language in enumerate(languages)
    ]
    return list(zip(jobs, make_chapters(jobs, folder), strict=True))
