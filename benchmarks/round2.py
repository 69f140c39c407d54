"""What a second round does to word and verse edges, against exact truth.

Chapters in the languages and voices that the bundled model was not trained on are
aligned by it; an aligner trained on what is kept of them aligns all of them again. Both
rounds are compared with the truth, and so is the one that `pericope realign` keeps.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from rich.console import Console

from benchmarks.accuracy import DEGRADED
from benchmarks.figures import Figure, Unit, print_figures
from benchmarks.speech import Speech, speech_of, with_options, write_corpus
from models.training.progress import Progress
from pipelines.align_recording import read_alignment
from pipelines.config import load_config
from pipelines.job import Job, prepare_job, run_job
from pipelines.progress import TimeLeft
from pipelines.realign import Realigned, realign
from pipelines.second_model import RealignConfig
from pipelines.synth.compare import edge_errors, median_error_sec, pooled, share_within
from pipelines.synth.corpus import ChapterJob
from pipelines.synth.presets import unheard_jobs
from pipelines.tables import read_columns
from schemas.tables import ALIGNMENT_TABLE

_MINUTES, _QUICK_MINUTES = 4.0, 1.0
_STEPS, _QUICK_STEPS = 600, 40
_SEED = 660_001
_BOOKS = {"MAT": 0.5, "MRK": 0.25, "JHN": 0.25}
_NOTE = (
    "Eight unheard languages, degraded; the aligner of round 2 starts from the bundled "
    "weights. Kept: each language in the round that `pericope realign` keeps."
)


def measure(*, quick: bool) -> list[Figure]:
    """Run, realign, compare with the truth."""
    minutes, steps = (_QUICK_MINUTES, _QUICK_STEPS) if quick else (_MINUTES, _STEPS)
    return measure_jobs(_jobs(minutes, _SEED), steps, "round2")


def show(figures: Sequence[Figure], console: Console) -> None:
    """Print the table."""
    print_figures(console, "Second round", figures, _NOTE)


def _jobs(minutes: float, seed: int) -> list[ChapterJob]:
    """Return for each language chapters to learn from and others to compare on."""
    jobs = [
        replace(job, recording_id=f"{job.recording_id}-{book}", book=book)
        for number, (book, share) in enumerate(_BOOKS.items())
        for job in unheard_jobs(minutes * share, seed + number, title=False)
    ]
    return with_options(jobs, **DEGRADED)


def measure_jobs(jobs: Sequence[ChapterJob], steps: int, name: str) -> list[Figure]:
    """Return the figures of chapters under some condition."""
    speech = speech_of(jobs)
    config = load_config(write_corpus(speech, name))
    first = prepare_job(config)
    run_job(first, "plain")
    root = Path(first.context.output)
    newer: dict[str, str] = {}
    told = TimeLeft(steps)

    def run(job: Job) -> int:
        rejects = run_job(job, "plain")
        newer.update(_digests(job.context.output) if not newer else {})
        return rejects

    def report(progress: Progress) -> None:
        told.training("aligner", 0, progress)

    made = realign(config, RealignConfig(steps=steps), run, report)
    rounds = {
        "round 1": _digests(str(root)),
        "round 2": newer,
        "kept": _digests(made.output),
    }
    figures = [
        figure
        for case, digests in rounds.items()
        for figure in _edges(speech, digests, first, case)
    ]
    return [*figures, *_comparison(made)]


def _digests(root: str) -> dict[str, str]:
    rows = read_columns(root, ALIGNMENT_TABLE, ["recording_id", "digest"])
    return {row["recording_id"]: row["digest"] for row in rows}


def _edges(
    speech: Speech, digests: dict[str, str], job: Job, case: str
) -> list[Figure]:
    errors = pooled(
        [
            edge_errors(read_alignment(digests[truth.recording_id], job.context), truth)
            for truth in speech.truths
        ]
    )

    def figure(name: str, value: float, unit: Unit) -> Figure:
        return Figure(name=name, case=case, value=value, unit=unit)

    return [
        figure("word start, median", 1000 * median_error_sec(errors.word_start),
               Unit.MSEC),
        figure("word start, within 50 ms", share_within(errors.word_start, 0.05),
               Unit.SHARE),
        figure("word start, within 100 ms", share_within(errors.word_start, 0.1),
               Unit.SHARE),
        figure("word end, median", 1000 * median_error_sec(errors.word_end),
               Unit.MSEC),
        figure("verse start, within 0.2 s", share_within(errors.verse_start, 0.2),
               Unit.SHARE),
    ]  # fmt: skip


def _comparison(made: Realigned) -> list[Figure]:
    """Return how far own texts stand out, the mean over languages."""
    rows = [row for row in made.languages if row.verses]
    separations = {
        "round 1": [row.old_separation for row in rows],
        "round 2": [row.new_separation for row in rows],
    }
    figures = [
        Figure(
            name="own text stands out, deviations",
            case=case,
            value=float(np.mean(values)) if values else float("nan"),
            unit=Unit.RATIO,
        )
        for case, values in separations.items()
    ]
    kept = sum(row.keep == 2 for row in made.languages)
    return [
        *figures,
        Figure(name="languages", case="kept", value=len(made.languages),
               unit=Unit.COUNT),
        Figure(name="of them in round 2", case="kept", value=kept, unit=Unit.COUNT),
    ]  # fmt: skip
