"""Invented texts in many languages: real everyday words and words made from them."""

import functools
import random
import tomllib
from collections import defaultdict
from dataclasses import dataclass
from importlib import resources

from schemas.errors import ConfigError

# The bundled model hears these in training ...
TRAINING_LANGUAGES = (
    "eng spa deu fra ita por nld swe pol ces ron hun fin tur swh ind vie rus ukr bul "
    "ell hin tam kor jpn amh"
).split()
# ... and never these: they are kept for benchmarks.
UNHEARD_LANGUAGES = ["cat", "nob", "hrv", "est", "kat", "tel", "azj", "mri"]

_INVENTED_SHARE = 0.5
_END = "\0"


@dataclass(frozen=True)
class Lexicon:
    """The words of one language and what follows what in them."""

    language: str
    voice: str
    words: tuple[str, ...]
    successors: dict[str, tuple[str, ...]]


@functools.cache
def _all_lexicons() -> dict[str, dict[str, str]]:
    file = resources.files("pipelines.synth").joinpath("lexicon.toml")
    return tomllib.loads(file.read_text(encoding="utf-8"))


def languages() -> list[str]:
    """Return the codes of the languages that can be invented."""
    return sorted(_all_lexicons())


@functools.cache
def load_lexicon(language: str) -> Lexicon:
    """Return the lexicon of a language (ISO 639-3).

    Raises:
      ConfigError: there is none.
    """
    tables = _all_lexicons()
    if language not in tables:
        raise ConfigError(
            f"--language {language}: expected one of {' '.join(sorted(tables))}; for "
            "any other give your own text with --text and --voice"
        )
    words = tuple(dict.fromkeys(tables[language]["words"].split()))
    successors: dict[str, list[str]] = defaultdict(list)
    for word in words:
        padded = word + _END
        for index, letter in enumerate(padded):
            successors[padded[max(0, index - 2) : index]].append(letter)
    frozen = {key: tuple(letters) for key, letters in successors.items()}
    return Lexicon(language, tables[language]["voice"], words, frozen)


def invent_word(lexicon: Lexicon, rng: random.Random) -> str:
    """Make a word whose every three letters in a row occur in a real one."""
    while True:
        word = ""
        while not word.endswith(_END) and len(word) < 14:
            word += rng.choice(lexicon.successors[word[-2:]])
        word = word.rstrip(_END)
        if 2 <= len(word) < 13:
            return word


def invent_words(lexicon: Lexicon, count: int, rng: random.Random) -> list[str]:
    """Return words, about half of them invented."""
    return [
        invent_word(lexicon, rng)
        if rng.random() < _INVENTED_SHARE
        else rng.choice(lexicon.words)
        for _ in range(count)
    ]


def invent_sentence(lexicon: Lexicon, count: int, rng: random.Random) -> str:
    """Return a sentence of ``count`` words with commas and an end mark."""
    words = invent_words(lexicon, count, rng)
    marked = [
        word + rng.choice(",,,;") if rng.random() < 0.12 else word
        for word in words[:-1]
    ]
    sentence = " ".join([*marked, words[-1]]) + rng.choice("...?!")
    # Georgian has capitals in Unicode but writes no sentence with them.
    return sentence if lexicon.language == "kat" else sentence[0].upper() + sentence[1:]
