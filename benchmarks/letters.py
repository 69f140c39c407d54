"""Letter error rate of the bundled model, greedily decoded: what it hears by itself.

A verse is read out of the emissions of its whole chapter, as the aligner sees them, and
compared with its romanised letters. There is no language model and no spelling: "k" for
"c" is an error.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from rich.console import Console
from rich.progress import track

from aligner.audio import decode_audio
from aligner.config import AlignConfig
from aligner.emissions import AcousticModel, compute_emissions
from aligner.normalise import normalise_verse
from aligner.romanise import romanise_word
from benchmarks.accuracy import DEGRADED
from benchmarks.figures import Figure, Unit, print_figures
from benchmarks.speech import Speech, speech_of, with_options
from models.catalog import load_acoustic_model
from models.decoding.error_rates import EditCounts, letter_edits
from models.decoding.greedy import collapsed
from pipelines.synth.corpus import ChapterJob
from pipelines.synth.lexicon import TRAINING_LANGUAGES
from pipelines.synth.presets import unheard_jobs
from pipelines.synth.truth import ChapterTruth
from schemas.units import frames_from_sec

_MINUTES, _QUICK_MINUTES = 1.0, 0.3
_SEED = 880_001
_NOTE = (
    "Invented words, so that no spelling can be known by heart; voices that the model "
    "was not trained on. The spread is over languages."
)


def measure(*, quick: bool) -> list[Figure]:
    """Let the model hear languages of its training and others."""
    model = load_acoustic_model("bundled")
    minutes = _QUICK_MINUTES if quick else _MINUTES
    unheard = unheard_jobs(minutes, _SEED, title=False)
    cases = {
        "training languages": training_language_jobs(unheard),
        "unheard languages": unheard,
    }
    figures = []
    for case, jobs in cases.items():
        for name, changes in (("clean", {}), ("degraded", DEGRADED)):
            speech = speech_of(with_options(jobs, **changes))
            counts = letter_errors(speech, model)
            figures += rate_figures(counts, name, case)
    return figures


def show(figures: Sequence[Figure], console: Console) -> None:
    """Print the table."""
    print_figures(console, "Letter error rate, unheard voices", figures, _NOTE)


def training_language_jobs(unheard: Sequence[ChapterJob]) -> list[ChapterJob]:
    """Return chapters of the training languages with the voices of the given ones."""
    jobs = []
    for number, language in enumerate(TRAINING_LANGUAGES):
        like = unheard[number % len(unheard)]
        options = replace(like.options, language=language)
        jobs.append(replace(like, recording_id=f"{language}-plain", options=options))
    return jobs


def letter_errors(speech: Speech, model: AcousticModel) -> dict[str, EditCounts]:
    """Return the errors of each language."""
    counts: dict[str, EditCounts] = {}
    jobs = track(speech.jobs, "listening", transient=True)
    for job, truth in zip(jobs, speech.truths, strict=True):
        waveform = decode_audio(speech.audio(job))
        best_T = compute_emissions(waveform, model, AlignConfig()).argmax(axis=1)
        count = sum(
            (
                verse_errors(best_T[frames], text, model)
                for frames, text in verse_frames(truth)
            ),
            EditCounts(),
        )
        language = truth.language
        counts[language] = counts.get(language, EditCounts()) + count
    return counts


def verse_frames(truth: ChapterTruth) -> list[tuple[slice, str]]:
    """Return the frames of each verse, up to the middle of the pauses around it."""
    verses = truth.verses
    starts = np.array([verse.start_sec for verse in verses])
    ends = np.array([verse.end_sec for verse in verses])
    middles = (ends[:-1] + starts[1:]) / 2
    borders = [frames_from_sec(sec) for sec in (0.0, *middles, truth.duration_sec)]
    return [
        (slice(first, last), letters_of(verse.text, truth.language))
        for verse, first, last in zip(verses, borders, borders[1:], strict=False)
    ]


def letters_of(text: str, language: str) -> str:
    """Return the romanised letters of a verse."""
    words = normalise_verse(text, language)
    return "".join(romanise_word(word.normalised, language) for word in words)


def verse_errors(best_T: np.ndarray, letters: str, model: AcousticModel) -> EditCounts:
    """Count the wrong letters of one verse."""
    heard = "".join(model.labels[c] for c in collapsed(best_T, model.blank))
    return letter_edits(letters, heard)


def rate_figures(counts: dict[str, EditCounts], name: str, case: str) -> list[Figure]:
    """Return the pooled rate, and that of the best and the worst language."""
    pooled = sum(counts.values(), EditCounts())
    rates = {language: count.rate for language, count in counts.items()}
    best, worst = (pick(rates, key=rates.__getitem__) for pick in (min, max))
    return [
        Figure(name=label, case=case, value=value, unit=Unit.SHARE)
        for label, value in (
            (name, pooled.rate),
            (f"{name}, best language", rates[best]),
            (f"{name}, worst language", rates[worst]),
        )
    ]
