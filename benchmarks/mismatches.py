"""Whether letters that are written wrongly all through are found, and nothing else.

Four chapters in each of eight languages, of voices that the model was not trained on,
are aligned with their text as it was read, and with two of its letters changed over
wherever they stand, as a keyboard or a table of transliteration would do.
"""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from rich.console import Console
from rich.progress import track

from aligner.align import align_chapter
from aligner.audio import decode_audio
from aligner.config import AlignConfig
from aligner.emissions import AcousticModel, compute_emissions
from aligner.mismatches import (
    HeardWords,
    MiningConfig,
    Mismatch,
    find_mismatches,
    written_form,
)
from benchmarks.figures import Figure, Unit, print_figures
from benchmarks.identity import SEED, book_jobs
from benchmarks.speech import Speech, speech_of
from models.catalog import load_acoustic_model
from pipelines.calibrate import chapter_of
from pipelines.synth.lexicon import UNHEARD_LANGUAGES
from schemas.alignment import ChapterAlignment
from schemas.source import Chapter

_CHAPTERS, _QUICK_LANGUAGES = 4, 2
# Letters of these shares are neither everywhere nor in a few words only.
_LEAST_SHARE, _LARGEST_SHARE = 0.02, 0.08
_CASE = "four recordings a language"


def measure(*, quick: bool) -> list[Figure]:
    """Mine books as they are and with changed letters."""
    speech = speech_of(book_jobs(UNHEARD_LANGUAGES, SEED))
    model = load_acoustic_model("bundled")
    clean, ranks, others = [], [], []
    languages = UNHEARD_LANGUAGES[: _QUICK_LANGUAGES if quick else None]
    for language in track(languages, "mining", transient=True):
        book = _book(speech, language, model)
        chapters = [chapter for chapter, _ in book]
        clean.append(_mined(book, chapters, model))
        old, new = letters_of(chapters, language)
        wrong = [respelt(chapter, old, new) for chapter in chapters]
        texts = [found.pattern.text for found in _mined(book, wrong, model)]
        places = [rank for rank, text in enumerate(texts) if text in (old, new)]
        ranks.append(min(places, default=-1))
        others.append(len(texts) - len(places))
    figures = {
        "languages": (len(ranks), None, None),
        "entries where nothing is wrong": (sum(map(len, clean)), None, 0),
        "changed letters first in the list": (ranks.count(0), len(ranks), None),
        "changed letters in the list": (len(ranks) - ranks.count(-1), None, None),
        "other entries of these lists": (sum(others), None, None),
    }
    return [
        Figure(name=name, case=_CASE, value=value, unit=Unit.COUNT,
               at_least=least, at_most=most)
        for name, (value, least, most) in figures.items()
    ]  # fmt: skip


def show(figures: Sequence[Figure], console: Console) -> None:
    """Print the table."""
    print_figures(console, "Systematic mismatches", figures)


def _book(
    speech: Speech, language: str, model: AcousticModel
) -> list[tuple[Chapter, tuple[np.ndarray, np.ndarray]]]:
    """Return the chapters of a language with their waveforms and emissions."""
    book = []
    for job, truth in zip(speech.jobs, speech.truths, strict=True):
        if job.options.language == language and job.chapter <= _CHAPTERS:
            waveform = decode_audio(speech.audio(job))
            emissions_TC = compute_emissions(waveform, model, AlignConfig())
            book.append((chapter_of(truth), (waveform, emissions_TC)))
    return book


def _mined(book, chapters: Sequence[Chapter], model: AcousticModel) -> list[Mismatch]:
    """Align chapters and return what is found in them."""
    found = [
        align_chapter(
            waveform, chapter, model, AlignConfig(), emissions_TC=emissions_TC
        )
        for (_, (waveform, emissions_TC)), chapter in zip(book, chapters, strict=True)
    ]
    return list(find_mismatches(heard_words(found), MiningConfig()))


def heard_words(recordings: Sequence[ChapterAlignment]) -> HeardWords:
    """Return the words of some recordings that have a confidence."""
    spellings: dict[str, int] = {}
    rows = [
        (spellings.setdefault(written_form(word.word), len(spellings)), k,
         word.confidence)
        for k, recording in enumerate(recordings)
        for verse in recording.verses
        for word in verse.words
        if not np.isnan(word.confidence)
    ]  # fmt: skip
    spelling, recording_of, confidence = zip(*rows, strict=True)
    return HeardWords(
        tuple(spellings), np.array(spelling), np.array(recording_of),
        np.array(confidence),
    )  # fmt: skip


def letters_of(chapters: Sequence[Chapter], seed: str) -> tuple[str, str]:
    """Draw two letters of a book that are neither rare nor everywhere."""
    verses = [verse.text for chapter in chapters for verse in chapter.verses]
    counts = Counter(char for char in written_form(" ".join(verses)) if char.isalpha())
    usual = sorted(
        char
        for char, count in counts.items()
        if _LEAST_SHARE < count / counts.total() < _LARGEST_SHARE
    )
    first, second = random.Random(seed).sample(usual, 2)
    return first, second


def respelt(chapter: Chapter, old: str, new: str) -> Chapter:
    """Return a chapter with two letters changed over."""
    table = str.maketrans(old + new, new + old)
    verses = tuple(
        replace(verse, text=written_form(verse.text).translate(table))
        for verse in chapter.verses
    )
    return replace(chapter, verses=verses)
