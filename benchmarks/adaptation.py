"""What following the reader changes: languages and voices never heard, a person.

Each language has two chapters of one voice. The model learns from the first under the
guard of a run; letters and edges are measured on both. A wrong text is the other
chapter's. If PERICOPE_HUMAN names a folder of recordings, each beside a table of its
lines (``.tsv`` with ``speech_start_sec`` and ``text``, in English), these are measured
as well.
"""

import csv
import math
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import track

from aligner.align import align_chapter
from aligner.audio import decode_audio
from aligner.config import AlignConfig
from aligner.emissions import AcousticModel, compute_emissions
from aligner.spelling import Speller
from aligner.verse_clips import verse_clips
from benchmarks.accuracy import DEGRADED
from benchmarks.figures import Figure, Unit, print_figures
from benchmarks.letters import verse_errors, verse_frames
from benchmarks.speech import Speech, speech_of, with_options
from models.adapt import with_weights
from models.catalog import load_acoustic_model
from models.decoding.error_rates import EditCounts
from pipelines.adapt_config import AdaptConfig
from pipelines.adapt_guard import TrainableModel, adapt_to_voice, trainable
from pipelines.calibrate import chapter_of
from pipelines.synth.compare import (
    EdgeErrors,
    edge_errors,
    median_error_sec,
    pooled,
    share_within,
)
from pipelines.synth.corpus import ChapterJob
from pipelines.synth.presets import unheard_jobs
from pipelines.synth.truth import ChapterTruth
from schemas.alignment import Adaptation, AdaptationOutcome
from schemas.source import Chapter, Verse

_MINUTES, _QUICK_MINUTES = 1.5, 0.8
_SEEDS = (660_001, 661_001)
HUMAN_VARIABLE = "PERICOPE_HUMAN"
_NOTE = (
    "Learnt from the first chapter of a voice alone. Margins are those of verses that "
    "were kept from training. Seconds are processor time, aligning not counted."
)
Waveform = np.ndarray


@dataclass(frozen=True)
class Followed:
    """What became of one recording."""

    model: AcousticModel
    """The adapted one, if it was."""
    told: Adaptation
    took_sec: float
    duration_sec: float


@dataclass(frozen=True)
class Heard:
    """Edges and letters of some chapters."""

    errors: EdgeErrors
    letters: EditCounts


def measure(*, quick: bool) -> list[Figure]:
    """Follow every voice, and try to follow wrong texts."""
    model = trainable(load_acoustic_model("bundled"))
    assert model is not None
    figures = []
    for case, changes in (("clean", {}), ("degraded", DEGRADED)):
        minutes = _QUICK_MINUTES if quick else _MINUTES
        learnt, other = (
            speech_of(with_options(one_voice(minutes, seed), **changes))
            for seed in _SEEDS
        )
        figures += _case_figures(model, learnt, other, case)
    for reading in human_readings():
        figures += _reading_figures(model, reading)
    return figures


def show(figures: Sequence[Figure], console: Console) -> None:
    """Print the table."""
    print_figures(console, "Following the reader", figures, _NOTE)


def one_voice(minutes: float, seed: int) -> list[ChapterJob]:
    """Return a chapter of each unheard language, by one voice."""
    jobs = []
    for job in unheard_jobs(minutes, seed, title=False):
        options = replace(job.options, voices=job.options.voices[:1], drama=False)
        jobs.append(replace(job, options=options))
    return jobs


def follow(model: TrainableModel, waveform_N: Waveform, chapter: Chapter) -> Followed:
    """Align a recording with a text and learn from it, as a run does."""
    found = align_chapter(waveform_N, chapter, model, AlignConfig())
    clips = verse_clips(found, Speller.of(model, chapter.language))
    before = time.process_time()
    told, weights = adapt_to_voice(model, waveform_N, clips, AdaptConfig())
    took_sec = time.process_time() - before
    own = with_weights(model, weights, "adapted") if weights else model
    return Followed(own, told, took_sec, found.duration_sec)


def _case_figures(
    model: TrainableModel, learnt: Speech, other: Speech, case: str
) -> list[Figure]:
    right, wrong = [], []
    heard: dict[str, list[Heard]] = {}
    jobs = track(learnt.jobs, f"following, {case}", transient=True)
    for number, job in enumerate(jobs):
        waveform = decode_audio(learnt.audio(job))
        truth, next_truth = learnt.truths[number], other.truths[number]
        right.append(follow(model, waveform, chapter_of(truth)))
        wrong.append(follow(model, waveform, chapter_of(next_truth)))
        next_waveform = decode_audio(other.audio(other.jobs[number]))
        for column, of in (("off", model), ("on", right[-1].model)):
            for name, sound, said in (
                (f"{case}, learnt, {column}", waveform, truth),
                (f"{case}, other, {column}", next_waveform, next_truth),
            ):
                heard.setdefault(name, []).append(_heard(of, sound, said))
    figures = [
        figure for name, of in heard.items() for figure in _heard_figures(of, name)
    ]
    return figures + _guard_figures(right, wrong, case)


def _heard(model: AcousticModel, waveform_N: Waveform, truth: ChapterTruth) -> Heard:
    found = align_chapter(waveform_N, chapter_of(truth), model, AlignConfig())
    best_T = compute_emissions(waveform_N, model, AlignConfig()).argmax(axis=1)
    counts = (
        verse_errors(best_T[frames], text, model)
        for frames, text in verse_frames(truth)
    )
    return Heard(edge_errors(found, truth), sum(counts, EditCounts()))


def _heard_figures(heard: Sequence[Heard], case: str) -> list[Figure]:
    errors = pooled([chapter.errors for chapter in heard])
    letters = sum((chapter.letters for chapter in heard), EditCounts())
    edges = {"word start": errors.word_start, "word end": errors.word_end}
    figures = [
        Figure(name="letter error rate", case=case, value=letters.rate, unit=Unit.SHARE)
    ]
    for name, values in edges.items():
        figures += [
            Figure(
                name=f"{name}, median",
                case=case,
                value=median_error_sec(values) * 1000,
                unit=Unit.MSEC,
            ),
            Figure(
                name=f"{name}, within 50 ms",
                case=case,
                value=share_within(values, 0.05),
                unit=Unit.SHARE,
            ),
        ]
    return figures


def _guard_figures(
    right: Sequence[Followed], wrong: Sequence[Followed], case: str
) -> list[Figure]:
    adapted = [f.told.outcome is AdaptationOutcome.ADAPTED for f in right]
    refused = [f.told.outcome is not AdaptationOutcome.ADAPTED for f in wrong]
    took = sum(f.took_sec for f in right) / len(right)
    minutes = sum(f.duration_sec for f in right) / 60
    least_right = min(_known(f.told.margin_before for f in right))
    most_wrong = max(_known(f.told.margin_before for f in wrong))
    rise = min(_known(f.told.margin_after - f.told.margin_before for f in right))
    rows = (
        ("right texts", len(right), Unit.COUNT),
        ("right texts learnt", sum(adapted), Unit.COUNT),
        ("wrong texts refused", sum(refused), Unit.COUNT),
        ("margin before, right, least", least_right, Unit.NATS),
        ("margin before, wrong, most", most_wrong, Unit.NATS),
        ("margin's rise, right, least", rise, Unit.NATS),
        ("learning a voice", took, Unit.SEC),
        ("learning, of a minute", took * len(right) / minutes, Unit.SEC),
    )
    return [
        Figure(name=name, case=case, value=value, unit=unit)
        for name, value, unit in rows
    ]


def _known(margins: Iterable[float]) -> list[float]:
    """Leave out where it did not come to a margin; NaN if it never did."""
    return [margin for margin in margins if not math.isnan(margin)] or [math.nan]


@dataclass(frozen=True, eq=False)
class Reading:
    """A person's reading and when its lines begin."""

    name: str
    waveform_N: Waveform
    lines: tuple[str, ...]
    starts_sec: np.ndarray

    @property
    def chapter(self) -> Chapter:
        """The lines as verses."""
        return _lines(self.lines)


def human_readings() -> Iterator[Reading]:
    """Yield the readings in the folder that the environment names, if any."""
    folder = os.environ.get(HUMAN_VARIABLE)
    for table in sorted(Path(folder).glob("*.tsv")) if folder else ():
        with table.open(encoding="utf-8", newline="") as file:
            rows = [
                row
                for row in csv.DictReader(file, delimiter="\t")
                if any(letter.isalpha() for letter in row["text"])
            ]
        audio = next(path for path in table.parent.glob(f"{table.stem}.*")
                     if path != table)  # fmt: skip
        yield Reading(
            table.stem,
            decode_audio(audio),
            tuple(row["text"] for row in rows),
            np.array([float(row["speech_start_sec"]) for row in rows]),
        )


def _reading_figures(model: TrainableModel, reading: Reading) -> list[Figure]:
    lines, chapter = reading.lines, reading.chapter
    right = follow(model, reading.waveform_N, chapter)
    wrong = follow(model, reading.waveform_N, _lines([*lines[1::2], *lines[::2]]))
    figures = _guard_figures([right], [wrong], reading.name)
    for column, of in (("off", model), ("on", right.model)):
        found = align_chapter(reading.waveform_N, chapter, of, AlignConfig())
        errors = np.array([v.start_sec for v in found.verses]) - reading.starts_sec
        for name, value, unit in (
            ("line start, mean", float(np.abs(errors).mean()) * 1000, Unit.MSEC),
            ("line start, within 0.15 s", share_within(errors, 0.15), Unit.SHARE),
        ):
            case = f"{reading.name}, {column}"
            figures.append(Figure(name=name, case=case, value=value, unit=unit))
    return figures


def _lines(lines: Sequence[str]) -> Chapter:
    verses = tuple(Verse(str(number), text) for number, text in enumerate(lines, 1))
    return Chapter(language="eng", verses=verses)
