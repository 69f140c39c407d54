"""How well the letter errors of cross-validation find texts that were not read.

In every language three words of some verses are words of another chapter, and one
recording has another chapter's text altogether. (A verse that is wrong as a whole the
aligner leaves out by itself.) The corpus is run and cross-validated
as a user does it; a measure is judged by the area under its curve over all segments of
the other recordings, and by how it places the recordings.
"""

import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from rich.console import Console

from benchmarks.confidence import area_under_curve
from benchmarks.figures import Figure, Unit, print_figures
from benchmarks.speech import BENCH, Speech, speech_of
from pipelines.config import CorpusConfig, CorpusSection
from pipelines.crossval import CrossvalConfig, cross_validate
from pipelines.job import prepare_job, run_job
from pipelines.progress import TimeLeft
from pipelines.start_weights import start_weights
from pipelines.synth.corpus import ChapterJob, write_manifest
from pipelines.synth.files import AudioFileOptions, write_text
from pipelines.synth.options import UNHEARD_VOICES, ChapterOptions
from pipelines.tables import read_segments
from schemas.segment import Segment
from schemas.source import Verse

_LANGUAGES, _QUICK_LANGUAGES = ("hrv", "est", "mri"), ("est",)
_RECORDINGS, _MINUTES, _STEPS, _QUICK_STEPS = 6, 3.0, 400, 60
_SEED = 880_001
_WRONG_SHARE, _WRONG_WORDS = 0.1, 3
_MEASURES = ("score", "score_worst", "confidence", "cv_cer")
_NOTE = (
    "Area under the curve over segments; 50 % is chance. A segment is wrong if three "
    "words of one of its verses are. One recording of each language has another "
    "chapter's text; it is left out of the curves."
)
_VOICES = tuple(voice for voice in UNHEARD_VOICES if voice != "klatt2")


@dataclass(frozen=True)
class Planted:
    """A corpus on disk, and which of its verses are wrong by recording."""

    config: CorpusConfig
    wrong: dict[str, frozenset[str]]
    foreign: frozenset[str]
    """The recordings that have another chapter's text."""


def measure(*, quick: bool) -> list[Figure]:
    """Plant, run, cross-validate, compare."""
    languages = _QUICK_LANGUAGES if quick else _LANGUAGES
    return measure_corpus(languages, _SEED, _QUICK_STEPS if quick else _STEPS)


def show(figures: Sequence[Figure], console: Console) -> None:
    """Print the table."""
    print_figures(console, "Cross-validation", figures, _NOTE)


def measure_corpus(languages: Sequence[str], seed: int, steps: int) -> list[Figure]:
    """Return the figures of one planted corpus."""
    planted = plant(languages, seed)
    job = prepare_job(planted.config)
    run_job(job, "plain")
    root, config = job.context.output, CrossvalConfig(steps=steps)
    start = start_weights(planted.config.model.name, config.seed)
    told = TimeLeft(2 * len(languages) * steps)
    figures = []
    for number, language in enumerate(languages):
        cross_validate(
            root, language, config, start,
            lambda code, half, progress, at=2 * number: told.training(
                f"{code}, half {half + 1}", (at + half) * steps, progress
            ),
        )  # fmt: skip
        segments = [s for s in read_segments(root, language) if s.text]
        figures += _figures(segments, planted, language)
    return figures


def plant(languages: Sequence[str], seed: int) -> Planted:
    """Speak the chapters and write them with wrong texts."""
    speech = speech_of(_jobs(languages, seed))
    folder = BENCH / f"crossval-{'-'.join(languages)}-{seed}"
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "audio").is_symlink():
        (folder / "audio").symlink_to((speech.folder / "audio").absolute())
    (folder / "text").mkdir(exist_ok=True)
    wrong, foreign = _write_texts(speech, folder)
    kept = [job for job in speech.jobs if not job.recording_id.endswith("spare")]
    manifest = write_manifest(kept, folder)
    corpus = CorpusSection(
        name="crossval",
        manifest=str(manifest.absolute()),
        output=str((folder / "corpus").absolute()),
        allow_outside=True,
    )
    return Planted(CorpusConfig(corpus=corpus), wrong, foreign)


def _jobs(languages: Sequence[str], seed: int) -> list[ChapterJob]:
    """One chapter a recording, each with its own voice, and one that is not read."""
    names = [*(str(number) for number in range(_RECORDINGS)), "spare"]
    return [
        ChapterJob(
            recording_id=f"{language}-{name}",
            options=ChapterOptions(
                language=language,
                minutes=_MINUTES,
                voices=(_VOICES[number % len(_VOICES)],),
                seed=seed + number,
            ),
            audio=AudioFileOptions(format="flac", rate_hz=16_000),
        )
        for language in languages
        for number, name in enumerate(names)
    ]


def _write_texts(
    speech: Speech, folder: Path
) -> tuple[dict[str, frozenset[str]], frozenset[str]]:
    rng = random.Random(_SEED)
    verses = {
        truth.recording_id: [Verse(v.number, v.text) for v in truth.verses]
        for truth in speech.truths
    }
    wrong, foreign = {}, []
    for job in speech.jobs:
        name, language = job.recording_id, job.options.language
        own, spare = verses[name], verses[f"{language}-spare"]
        changed: Sequence[int] = ()
        if name.endswith("-0"):
            foreign.append(name)
            texts = [*spare, *spare][: len(own)]
            changed = range(len(own))
            own = [replace(v, text=t.text) for v, t in zip(own, texts, strict=True)]
        elif not name.endswith("spare"):
            changed = [k for k in range(len(own)) if rng.random() < _WRONG_SHARE]
            for k in changed:
                own[k] = replace(own[k], text=_spoiled(own[k].text, spare, rng))
        wrong[name] = frozenset(own[k].number for k in changed)
        path = folder / "text" / f"{name}{_suffix(speech, name)}"
        write_text(own, path, job.text_format, "XXA", 1)
    return wrong, frozenset(foreign)


def _spoiled(text: str, spare: Sequence[Verse], rng: random.Random) -> str:
    """Return a verse in which three words stand for as many others."""
    words, others = text.split(), rng.choice(spare).text.split()
    at = rng.randrange(max(1, len(words) - _WRONG_WORDS + 1))
    there = rng.randrange(max(1, len(others) - _WRONG_WORDS + 1))
    words[at : at + _WRONG_WORDS] = others[there : there + _WRONG_WORDS]
    return " ".join(words)


def _suffix(speech: Speech, name: str) -> str:
    return next((speech.folder / "text").glob(f"{name}.*")).suffix


def _figures(
    segments: Sequence[Segment], planted: Planted, language: str
) -> list[Figure]:
    kept = [s for s in segments if s.recording_id not in planted.foreign]
    wrong = np.array(
        [bool(planted.wrong[s.recording_id] & set(s.verses.split(","))) for s in kept]
    )

    def figure(name: str, value: float, unit: Unit = Unit.SHARE) -> Figure:
        return Figure(name=name, case=language, value=value, unit=unit)

    figures = [
        figure("segments", len(kept), Unit.COUNT),
        figure("of them wrong", int(wrong.sum()), Unit.COUNT),
    ]
    for name in _MEASURES:
        sign = -1 if name == "cv_cer" else 1
        values = sign * np.array([getattr(s, name) for s in kept])
        figures.append(figure(f"found by {name}", area_under_curve(values, wrong)))
    cer = np.array([s.cv_cer for s in kept])
    figures += [
        figure("cv_cer of right ones, median", float(np.nanmedian(cer[~wrong]))),
        figure("cv_cer of wrong ones, median", float(np.nanmedian(cer[wrong]))),
    ]
    rates: defaultdict[bool, list[float]] = defaultdict(list)
    for name, rate in {s.recording_id: s.cv_recording_cer for s in segments}.items():
        rates[name in planted.foreign].append(rate)
    return [
        *figures,
        figure("cv_recording_cer, highest of right ones", max(rates[False])),
        figure(
            "cv_recording_cer, other chapter",
            min(rates[True], default=float("nan")),
        ),
    ]
