"""Faults planted in texts and sounds, from one half word to another language."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from aligner.normalise import Token, normalise_verse
from benchmarks.confidence import half_word, other_word
from schemas.source import Chapter, Verse
from schemas.units import samples_from_sec

_FIFTH = 0.2
_THIRD = 3
_LEAST_WORDS = 4


@dataclass(frozen=True)
class Sources:
    """What wrong text is made of."""

    words: Sequence[str]
    """Of the chapter."""
    other_verses: Sequence[str]
    """Of other chapters of the language."""
    foreign_verses: Sequence[str]
    """Of another language."""


# From a verse's text and words to a wrong text, or None where that cannot be.
Spoil = Callable[[str, Sequence[Token], Sources, random.Random], str | None]


def _replaced(change: Callable) -> Spoil:
    def spoil(text, words, sources, rng):
        word = rng.choice(words)
        other = change(word.written, sources.words, rng)
        return None if other is None else _with(text, word, other)

    return spoil


def _left_out(text, words, sources, rng):
    word = rng.choice(words)
    return " ".join(_with(text, word, "").split())


def _too_many(text, words, sources, rng):
    word = rng.choice(words)
    return _with(text, word, f"{rng.choice(sources.words)} {word.written}")


def _swapped(text, words, sources, rng):
    k = rng.randrange(len(words) - 1)
    one, two = words[k : k + 2]
    if one.written.lower() == two.written.lower():
        return None
    return _with(_with(text, two, one.written), one, two.written)


def _third_left_out(text, words, sources, rng):
    count = len(words) // _THIRD
    first = rng.randrange(len(words) - count + 1)
    gone = words[first], words[first + count - 1]
    return " ".join((text[: gone[0].char_start] + text[gone[1].char_end :]).split())


def _letters(text, words, sources, rng):
    letters = [letter for word in sources.words for letter in word]
    return "".join(
        rng.choice(letters) if char.isalpha() and rng.random() < _FIFTH else char
        for char in text
    )


def _other_verse(text, words, sources, rng):
    return _nearest(text, sources.other_verses, rng)


def _foreign_verse(text, words, sources, rng):
    return _nearest(text, sources.foreign_verses, rng)


SPOILS: dict[str, Spoil] = {
    "half a word missing": _replaced(half_word),
    "one word replaced": _replaced(other_word),
    "one word left out": _left_out,
    "one word too many": _too_many,
    "two words swapped": _swapped,
    "a third left out": _third_left_out,
    "a fifth of letters": _letters,
    "another verse": _other_verse,
    "another language": _foreign_verse,
}


def spoil_verses(
    chapter: Chapter, spoil: Spoil, sources: Sources, rng: random.Random, share: float
) -> tuple[Chapter, set[str]]:
    """Return a chapter with wrong verses, and the numbers of these."""
    verses: list[Verse] = []
    wrong: set[str] = set()
    for verse in chapter.verses:
        verses.append(verse)
        words = normalise_verse(verse.text, chapter.language)
        if len(words) < _LEAST_WORDS or rng.random() >= share:
            continue
        text = spoil(verse.text, words, sources, rng)
        if text is not None and text != verse.text:
            verses[-1] = replace(verse, text=text)
            wrong.add(verse.number)
    return replace(chapter, verses=tuple(verses)), wrong


def add_noise(
    waveform_N: npt.NDArray[np.float32],
    intervals_sec: Sequence[tuple[float, float]],
    snr_db: float,
    seed: int,
) -> npt.NDArray[np.float32]:
    """Return a recording with white noise in some intervals, relative to each."""
    rng = np.random.default_rng(seed)
    noisy = waveform_N.copy()
    for start_sec, end_sec in intervals_sec:
        part = noisy[samples_from_sec(start_sec) : samples_from_sec(end_sec)]
        power = float(np.square(part).mean()) / 10 ** (snr_db / 10)
        noise = rng.standard_normal(len(part)) * power**0.5
        part += noise.astype(np.float32)
    return np.clip(noisy, -1.0, 1.0)


def _with(text: str, word: Token, other: str) -> str:
    return text[: word.char_start] + other + text[word.char_end :]


def _nearest(text: str, verses: Sequence[str], rng: random.Random) -> str | None:
    """Return one of the five verses that are nearest in length."""
    others = [verse for verse in verses if verse != text]
    others.sort(key=lambda verse: abs(len(verse) - len(text)))
    return rng.choice(others[:5]) if others else None
