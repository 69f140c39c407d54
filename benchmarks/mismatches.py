"""Whether a letter that is written wrongly all through is found, and nothing else.

Chapters of languages and voices that no setting was chosen on are aligned with their
text as it was read, and with one letter of it replaced by another that the language
does not use. Each language is mined by itself, with one recording.
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
from aligner.emissions import AcousticModel
from aligner.mismatches import (
    HeardWords,
    MiningConfig,
    Mismatch,
    find_mismatches,
    written_form,
)
from benchmarks.figures import Figure, Unit, print_figures
from benchmarks.speech import Speech, speech_of
from models.catalog import load_acoustic_model
from pipelines.calibrate import chapter_of
from pipelines.synth.presets import unheard_jobs
from schemas.alignment import ChapterAlignment
from schemas.source import Chapter

_MINUTES, _QUICK_MINUTES = 4.0, 2.0
_SEED = 940_001
_LETTERS_EACH = 2
# Letters of these shares are neither everywhere nor in a few words only.
_LEAST_SHARE, _LARGEST_SHARE = 0.02, 0.06
_CASE = "one recording a language"
_SCRIPTS = {"kat": "ჟჭჰძჯჩღფქყ", "tel": "ఢఠఝఛథఖఘఫ"}
_LATIN = "qxwzjkvfbg"


def measure(*, quick: bool) -> list[Figure]:
    """Mine chapters as they are and with replaced letters."""
    minutes = _QUICK_MINUTES if quick else _MINUTES
    speech = speech_of(unheard_jobs(minutes, _SEED, title=False))
    model = load_acoustic_model("bundled")
    clean, ranks, others = [], [], []
    jobs = list(zip(speech.jobs, speech.truths, strict=True))
    for job, truth in track(jobs, "mining", transient=True):
        chapter = chapter_of(truth)
        clean += mined(speech, job, chapter, model)
        for old, new in replacements(chapter, job.recording_id):
            found = mined(speech, job, respelt(chapter, old, new), model)
            texts = [mismatch.pattern.text for mismatch in found]
            ranks.append(texts.index(new) if new in texts else -1)
            others.append(sum(text != new for text in texts))
    figures = {
        "letters replaced": (len(ranks), Unit.COUNT, None),
        "of these first in the list": (np.mean(np.equal(ranks, 0)), Unit.SHARE, 0.9),
        "of these in the list": (np.mean(np.greater(ranks, -1)), Unit.SHARE, None),
        "other entries of these lists": (sum(others), Unit.COUNT, None),
        "entries where nothing is replaced": (len(clean), Unit.COUNT, None),
    }
    return [
        Figure(name=name, case=_CASE, value=float(value), unit=unit, at_least=aim)
        for name, (value, unit, aim) in figures.items()
    ]


def show(figures: Sequence[Figure], console: Console) -> None:
    """Print the table."""
    print_figures(console, "Systematic mismatches", figures)


def mined(
    speech: Speech, job, chapter: Chapter, model: AcousticModel
) -> list[Mismatch]:
    """Align a chapter and return what is found in it."""
    waveform = decode_audio(speech.audio(job))
    found = align_chapter(waveform, chapter, model, AlignConfig())
    return list(find_mismatches(heard_words([found]), MiningConfig()))


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


def replacements(chapter: Chapter, seed: str) -> list[tuple[str, str]]:
    """Draw letters of a chapter and letters that it does not have."""
    text = written_form(" ".join(verse.text for verse in chapter.verses))
    counts = Counter(char for char in text if char.isalpha())
    usual = sorted(
        char
        for char, count in counts.items()
        if _LEAST_SHARE < count / counts.total() < _LARGEST_SHARE
    )
    unused = [c for c in _SCRIPTS.get(chapter.language, _LATIN) if c not in counts]
    count = min(_LETTERS_EACH, len(unused), len(usual))
    drawn = random.Random(seed).sample(usual, count)
    return list(zip(drawn, unused, strict=False))


def respelt(chapter: Chapter, old: str, new: str) -> Chapter:
    """Return a chapter with a letter replaced."""
    verses = tuple(
        replace(verse, text=written_form(verse.text).replace(old, new))
        for verse in chapter.verses
    )
    return replace(chapter, verses=verses)
