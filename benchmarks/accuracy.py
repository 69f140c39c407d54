"""Where words and verses are found, against exact truth, in languages never heard.

The chapters are of languages and voices that the bundled model was not trained on, each
read by three voices in turns; everything runs with the default settings of a corpus.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from rich.console import Console
from rich.progress import track

from aligner.align import align_chapter
from aligner.audio import decode_audio
from aligner.config import AlignConfig
from aligner.emissions import AcousticModel
from benchmarks.clipping import clip_edges, clipping_figures, pooled_edges
from benchmarks.figures import Figure, Unit, print_figures
from benchmarks.speech import Speech, speech_of, with_options
from models.catalog import load_acoustic_model
from pipelines.calibrate import chapter_of
from pipelines.synth.compare import (
    EdgeErrors,
    edge_errors,
    median_error_sec,
    pooled,
    share_within,
)
from pipelines.synth.presets import unheard_jobs
from pipelines.synth.truth import ChapterTruth
from schemas.alignment import ChapterAlignment
from schemas.source import Chapter

_MINUTES, _QUICK_MINUTES = 2.5, 0.7
_SEED = 770_001  # far from the seeds of training and calibration
# A church with a band: synthesis and training use other random choices of these kinds.
DEGRADED = {"reverb_sec": 0.4, "music_db": -12.0, "noise_db": -27.0}
CLEAN, NOISY, DIGITS = "clean", "degraded", "digits"
STAR, NO_STAR = "title, ★", "title, no ★"
_NOTE = (
    "Errors are aligned minus true times; times without a sign are absolute errors. "
    "Under a title verse 1 begins after 3 to 6 s of speech that is not in the text."
)


@dataclass(frozen=True)
class Aligned:
    """Chapters of one case and what the aligner made of them."""

    pairs: tuple[tuple[ChapterAlignment, ChapterTruth], ...]

    @property
    def errors(self) -> EdgeErrors:
        """Errors of all chapters together."""
        return pooled([edge_errors(found, truth) for found, truth in self.pairs])

    def first_verse_errors_sec(self) -> list[float]:
        """Return the error of each chapter's first verse start."""
        return [
            found.verses[0].start_sec - truth.verses[0].start_sec
            for found, truth in self.pairs
        ]


def measure(*, quick: bool) -> list[Figure]:
    """Align every chapter in every case and compare."""
    model = load_acoustic_model("bundled")
    plain = unheard_jobs(_minutes(quick), _SEED, title=False)
    titled = speech_of(unheard_jobs(_minutes(quick), _SEED, title=True))
    clean, noisy, digits, star, no_star = (
        align_all(speech_of(plain), model, CLEAN),
        align_all(speech_of(with_options(plain, **DEGRADED)), model, NOISY),
        align_all(speech_of(with_options(plain, digits=3)), model, DIGITS),
        align_all(titled, model, STAR),
        align_all(titled, model, NO_STAR, star_at_start=False),
    )
    figures = _amounts(clean, CLEAN)
    cases = {CLEAN: clean, NOISY: noisy, DIGITS: digits, STAR: star, NO_STAR: no_star}
    for case, aligned in cases.items():
        figures += edge_figures(aligned.errors, case, with_aims=case in (CLEAN, NOISY))
    for case, aligned in ((STAR, star), (NO_STAR, no_star)):
        figures += title_figures(aligned, case)
    for case, aligned in ((CLEAN, clean), (NOISY, noisy)):
        edges = pooled_edges([clip_edges(*pair) for pair in aligned.pairs])
        figures += clipping_figures(edges, case)
    return figures


def show(figures: Sequence[Figure], console: Console) -> None:
    """Print the table."""
    print_figures(console, "Accuracy against exact truth", figures, _NOTE)


def align_all(
    speech: Speech,
    model: AcousticModel,
    case: str,
    text: Callable[[ChapterTruth], Chapter] = chapter_of,
    **changes,
) -> Aligned:
    """Align chapters with the default settings, or with some of them changed.

    ``text`` says what is written of a chapter.
    """
    config = replace(AlignConfig(), **changes)
    pairs = []
    jobs = track(speech.jobs, f"aligning, {case}", transient=True)
    for job, truth in zip(jobs, speech.truths, strict=True):
        waveform = decode_audio(speech.audio(job))
        found = align_chapter(
            waveform, text(truth), model, config, recording_id=job.recording_id
        )
        pairs.append((found, truth))
    return Aligned(tuple(pairs))


def edge_figures(errors: EdgeErrors, case: str, *, with_aims: bool) -> list[Figure]:
    """Return medians, means and shares of the errors of words and verses."""
    figures = []
    for name, values in (
        ("word start", errors.word_start),
        ("word end", errors.word_end),
    ):
        aimed = with_aims and name == "word start"
        figures += [
            Figure(
                name=f"{name}, median",
                case=case,
                value=median_error_sec(values) * 1000,
                unit=Unit.MSEC,
                at_most=8.0 if aimed else None,
            ),
            Figure(
                name=f"{name}, mean",
                case=case,
                value=float(np.nanmean(np.abs(values))) * 1000,
                unit=Unit.MSEC,
            ),
            *(
                Figure(
                    name=f"{name}, within {limit} ms",
                    case=case,
                    value=share_within(values, limit / 1000),
                    unit=Unit.SHARE,
                    at_least=0.96 if aimed and limit == 50 else None,
                )
                for limit in (20, 50, 100)
            ),
            Figure(
                name=f"{name}, median with its sign",
                case=case,
                value=float(np.nanmedian(values)) * 1000,
                unit=Unit.MSEC,
            ),
        ]
    return figures + _verse_figures(errors, case, with_aims=with_aims)


def title_figures(aligned: Aligned, case: str) -> list[Figure]:
    """Return how far verse 1 is off under a title that is not in the text."""
    errors = np.abs(aligned.first_verse_errors_sec())
    aim = 0.1 if case == STAR else None
    return [
        Figure(
            name="verse 1 start, largest",
            case=case,
            value=float(errors.max()),
            unit=Unit.SEC,
            at_most=aim,
        ),
        Figure(
            name="verse 1 start, within 0.1 s",
            case=case,
            value=share_within(errors, 0.1),
            unit=Unit.SHARE,
        ),
    ]


def _verse_figures(errors: EdgeErrors, case: str, *, with_aims: bool) -> list[Figure]:
    figures = []
    for name, values in (
        ("verse start", errors.verse_start),
        ("verse end", errors.verse_end),
    ):
        aim = 0.99 if with_aims and name == "verse start" else None
        figures += [
            Figure(
                name=f"{name}, median",
                case=case,
                value=median_error_sec(values) * 1000,
                unit=Unit.MSEC,
            ),
            Figure(
                name=f"{name}, within 0.2 s",
                case=case,
                value=share_within(values, 0.2),
                unit=Unit.SHARE,
                at_least=aim,
            ),
        ]
    return figures


def _amounts(aligned: Aligned, case: str) -> list[Figure]:
    errors = aligned.errors
    counts = {
        "chapters": len(aligned.pairs),
        "verses": len(errors.verse_start),
        "words": len(errors.word_start),
        "words without a time": errors.missing_words,
    }
    return [
        Figure(name=name, case=case, value=count, unit=Unit.COUNT)
        for name, count in counts.items()
    ]


def _minutes(quick: bool) -> float:
    return _QUICK_MINUTES if quick else _MINUTES
