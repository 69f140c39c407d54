"""How well scores and confidences find words that were not read as they are written.

Chapters of languages and voices that the model was not trained on are read as they are;
in the text a twentieth of the words is then another word of the chapter, or has lost
its second half. A measure is judged by the area under its curve: how often it is higher
for a right word (or verse) than for a wrong one.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.progress import track

from aligner.align import align_chapter
from aligner.audio import decode_audio
from aligner.config import AlignConfig
from aligner.emissions import AcousticModel
from aligner.normalise import normalise_verse
from benchmarks.accuracy import DEGRADED
from benchmarks.figures import Figure, Unit, print_figures
from benchmarks.speech import Speech, speech_of, with_options
from benchmarks.stopwatch import watching
from models.catalog import load_acoustic_model
from pipelines.calibrate import chapter_of
from pipelines.synth.presets import unheard_jobs
from schemas.alignment import VerseAlignment, WordSpan
from schemas.source import Chapter

_MINUTES, _QUICK_MINUTES = 2.5, 0.7
_SEED = 770_001  # the chapters of the accuracy part
_WRONG_SHARE = 0.05
OF_WORDS, OF_VERSES = ("score", "confidence"), ("score", "score_worst", "confidence")
_TIMED = {
    "aligner.align.compute_emissions": "emissions",
    "aligner.align.word_confidences": "confidence",
    "aligner.align.verse_margins": "margin",
}
_NOTE = "Area under the curve; 50 % is chance. A verse is wrong if one of its words is."

# From a word and all words of the chapter to a wrong one, or None if there is none.
Spoil = Callable[[str, Sequence[str], random.Random], str | None]


@dataclass(frozen=True)
class Judged:
    """Words and verses of all chapters of a case, and which of them are wrong."""

    words: tuple[tuple[WordSpan, bool], ...]
    verses: tuple[tuple[VerseAlignment, bool], ...]


def measure(*, quick: bool) -> list[Figure]:
    """Align the spoiled texts of every case."""
    model = load_acoustic_model("bundled")
    minutes = _QUICK_MINUTES if quick else _MINUTES
    plain = unheard_jobs(minutes, _SEED, title=False)
    clean, noisy = speech_of(plain), speech_of(with_options(plain, **DEGRADED))
    figures = []
    with watching(_TIMED) as watch:
        for case, speech, spoil in (
            ("other word", clean, other_word),
            ("other word, degraded", noisy, other_word),
            ("half a word", clean, half_word),
        ):
            figures += rank_figures(judge_all(speech, model, spoil), case)
    figures += [
        Figure(
            name=f"{name}, time over that of the emissions",
            case="other word",
            value=watch.cpu_sec[name] / watch.cpu_sec["emissions"],
            unit=Unit.SHARE,
            at_most=0.1,
        )
        for name in ("confidence", "margin")
    ]
    return figures


def show(figures: Sequence[Figure], console: Console) -> None:
    """Print the table."""
    print_figures(console, "Wrong words found", figures, _NOTE)


def judge_all(speech: Speech, model: AcousticModel, spoil: Spoil) -> Judged:
    """Align chapters with their spoiled texts."""
    words: list[tuple[WordSpan, bool]] = []
    verses: list[tuple[VerseAlignment, bool]] = []
    jobs = track(speech.jobs, "aligning", transient=True)
    for seed, (job, truth) in enumerate(zip(jobs, speech.truths, strict=True)):
        chapter, wrong = spoiled(chapter_of(truth), seed, spoil)
        waveform = decode_audio(speech.audio(job))
        found = align_chapter(waveform, chapter, model, AlignConfig())
        for verse, marks in zip(found.verses, wrong, strict=True):
            words += zip(verse.words, marks, strict=True)
            verses.append((verse, any(marks)))
    return Judged(tuple(words), tuple(verses))


def spoiled(
    chapter: Chapter, seed: int, spoil: Spoil, share: float = _WRONG_SHARE
) -> tuple[Chapter, list[list[bool]]]:
    """Return a chapter with wrong words, and which words of each verse are wrong."""
    rng = random.Random(seed)
    tokens = [normalise_verse(verse.text, chapter.language) for verse in chapter.verses]
    known = [token.written for verse in tokens for token in verse]
    verses, wrong = [], []
    for verse, words in zip(chapter.verses, tokens, strict=True):
        text, marks = verse.text, [False] * len(words)
        for k in reversed(range(len(words))):  # so that earlier places stay right
            if words[k].is_number or rng.random() >= share:
                continue
            other = spoil(words[k].written, known, rng)
            if other is not None:
                text = text[: words[k].char_start] + other + text[words[k].char_end :]
                marks[k] = True
        verses.append(replace(verse, text=text))
        wrong.append(marks)
    return replace(chapter, verses=tuple(verses)), wrong


def other_word(word: str, known: Sequence[str], rng: random.Random) -> str | None:
    """Return another word of about the same length."""
    lower = word.lower()
    like = [w for w in known if abs(len(w) - len(word)) <= 1 and w.lower() != lower]
    return rng.choice(like) if like else None


def half_word(word: str, known: Sequence[str], rng: random.Random) -> str | None:
    """Return the first half of a word."""
    del known, rng
    return word[: len(word) // 2] if len(word) >= 4 else None


def rank_figures(judged: Judged, case: str) -> list[Figure]:
    """Return how well each measure tells right from wrong."""
    figures = [
        Figure(
            name="wrong words",
            case=case,
            value=sum(wrong for _, wrong in judged.words),
            unit=Unit.COUNT,
        )
    ]
    for kind, names, pairs in (
        ("words", OF_WORDS, judged.words),
        ("verses", OF_VERSES, judged.verses),
    ):
        wrong = np.array([mark for _, mark in pairs])
        for name in names:
            values = np.array([getattr(item, name) for item, _ in pairs])
            figures.append(
                Figure(
                    name=f"{kind}, {name}",
                    case=case,
                    value=area_under_curve(values, wrong),
                    unit=Unit.SHARE,
                )
            )
    return figures


def area_under_curve(
    values: npt.NDArray[np.float64], wrong: npt.NDArray[np.bool_]
) -> float:
    """Return how often a right one has the higher value, equal ones counted half.

    Values that are NaN are left out; NaN where nothing is left to compare.
    """
    known = ~np.isnan(values)
    right, bad = np.sort(values[known & ~wrong]), values[known & wrong]
    if not len(right) or not len(bad):
        return float("nan")
    below = np.searchsorted(right, bad, side="left")
    above = len(right) - np.searchsorted(right, bad, side="right")
    equal = len(right) - below - above
    return float((above + equal / 2).sum() / (len(right) * len(bad)))
