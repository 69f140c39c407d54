"""Words to the columns of a model's vocabulary."""

import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from aligner.normalise import normalise_verse
from aligner.romanise import romanise_word

if TYPE_CHECKING:
    from aligner.emissions import AcousticModel

# A native vocabulary has one of these for the "'" that normalisation leaves.
_VOCABULARY_APOSTROPHES = ("'", "\u02bc", "\ua78c", "\u02bb", "\u2019")


def letter_columns(
    labels: Sequence[str], blank: int, word_separator: int | None
) -> dict[str, int]:
    """Return the column of every single letter of a vocabulary.

    Upper-case vocabularies answer to lower-case letters too.
    """
    columns: dict[str, int] = {}
    for column, label in enumerate(labels):
        if len(label) == 1 and column not in (blank, word_separator):
            columns[label] = column
    for label, column in list(columns.items()):
        if len(label.lower()) == 1:
            columns.setdefault(label.lower(), column)
    known = (columns[a] for a in _VOCABULARY_APOSTROPHES if a in columns)
    apostrophe = next(known, None)
    if apostrophe is not None:
        columns.setdefault("'", apostrophe)
    return columns


def spell(
    letters: str, columns: Mapping[str, int], unknown: Counter[str]
) -> tuple[int, ...]:
    """Return the columns of a word's letters; count those that have none."""
    spelt: list[int] = []
    for letter in letters:
        # A vocabulary may hold base and accent where NFKC has one letter.
        parts = letter if letter in columns else unicodedata.normalize("NFD", letter)
        found = [columns[part] for part in parts if part in columns]
        spelt += found
        if not found:
            unknown[letter] += 1
    return tuple(spelt)


def is_gap(text: str, start: int, end: int) -> bool:
    """Say whether anything but zero-width marks stands between two words."""
    return any(unicodedata.category(char) != "Cf" for char in text[start:end])


@dataclass(frozen=True)
class Speller:
    """How one language is written in one model's columns."""

    columns: Mapping[str, int]
    language: str
    romanised: bool
    word_separator: int | None
    star: int

    @classmethod
    def of(cls, model: "AcousticModel", language: str) -> "Speller":
        """Return the speller for a model; its star is the column after the last."""
        return cls(
            letter_columns(model.labels, model.blank, model.word_separator),
            language,
            model.romanised,
            model.word_separator,
            len(model.labels),
        )

    def tokens(self, text: str) -> npt.NDArray[np.int32]:
        """Return the tokens of some words (L,); numbers and unknown letters have none.

        Word separators stand between the words, none before the first or after the
        last.
        """
        tokens: list[int] = []
        end = 0
        for word in normalise_verse(text, self.language):
            if word.is_number:
                continue
            letters = word.normalised
            if self.romanised:
                letters = romanise_word(letters, self.language)
            columns = spell(letters, self.columns, Counter())
            if not columns:
                continue
            if tokens and is_gap(text, end, word.char_start):
                tokens += self.gap
            tokens += columns
            end = word.char_end
        return np.array(tokens, np.int32)

    @property
    def gap(self) -> tuple[int, ...]:
        """The tokens between two words: a separator, if the model has one."""
        return () if self.word_separator is None else (self.word_separator,)
