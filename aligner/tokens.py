"""A chapter's text to the label ids that are aligned, each tied to its word.

Tokens are class ids of the acoustic model without blanks. ``STAR`` is ``len(labels)``:
the wildcard column that the caller appends to the emissions. A star stands before the
first verse for what is spoken there unwritten (a title), and in place of every number.
Source: Pratap et al. 2023, section 3.1.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from aligner.normalise import Token, normalise_verse
from aligner.romanise import romanise_word
from aligner.spelling import is_gap, letter_columns, spell
from schemas.errors import TextEmpty
from schemas.source import Chapter

NO_VERSE = -1
NO_WORD = -1

_Verses: TypeAlias = tuple[tuple[Token, ...], ...]


@dataclass(frozen=True)
class Star:
    """One wildcard token and what it stands for.

    ``words[word_start:word_end]`` of the verse are the numbers that it covers (and any
    word between them that the model has no letter for). The star at the chapter's start
    has no verse and no words, unless the first verse begins with a number: then it is
    that number's star, with ``at_start`` set.
    """

    token: int
    verse: int
    word_start: int
    word_end: int
    at_start: bool


@dataclass(frozen=True, eq=False)
class EncodedChapter:
    """Tokens of a chapter and the way back from each to its verse and word.

    ``tokens``, ``token_verse`` and ``token_word`` are int32 of shape (L,). A word index
    counts in ``verses[verse]``; it is -1 for the star at the start and for word
    separators (a separator counts to the verse before it). A star's word is the first
    that it covers; ``stars`` has them all. ``verse_first_token`` is int32, one a verse,
    -1 for a verse without tokens. Numbers are romanised as "".
    """

    tokens: npt.NDArray[np.int32]
    token_verse: npt.NDArray[np.int32]
    token_word: npt.NDArray[np.int32]
    verse_first_token: npt.NDArray[np.int32]
    verses: tuple[tuple[Token, ...], ...]
    romanised: tuple[tuple[str, ...], ...]
    stars: tuple[Star, ...]
    star: int
    unknown_letters: tuple[tuple[str, int], ...]
    """Letters that the model has no column for, and how often each was left out."""


@dataclass(frozen=True)
class _Item:
    """What one word, one run of numbers or the start gives to the token sequence."""

    verse: int
    word_start: int
    word_end: int
    columns: tuple[int, ...]
    is_star: bool
    at_start: bool = False


def _romanised(word: Token, language: str) -> str:
    return "" if word.is_number else romanise_word(word.normalised, language)


def _native(word: Token) -> str:
    return "" if word.is_number else word.normalised


def _verse_items(
    verse: int,
    words: Sequence[Token],
    spellings: Sequence[tuple[int, ...]],
    star: int,
) -> list[_Item]:
    """Return a verse's items in order, one star for each run of numbers."""
    items: list[_Item] = []
    for index, (word, columns) in enumerate(zip(words, spellings, strict=True)):
        if word.is_number and items and items[-1].is_star:
            items[-1] = replace(items[-1], word_end=index + 1)
        elif word.is_number or columns:
            own = (star,) if word.is_number else columns
            items.append(_Item(verse, index, index + 1, own, word.is_number))
    return items


def _separated(before: _Item, after: _Item, chapter: Chapter, verses: _Verses) -> bool:
    """Say whether a word separator belongs between two items.

    Not beside a star, which takes the pause in, and not between the clusters of a
    script without spaces.
    """
    if before.is_star or after.is_star:
        return False
    if before.verse != after.verse:
        return True
    words = verses[before.verse]
    start = words[before.word_end - 1].char_end
    end = words[after.word_start].char_start
    return is_gap(chapter.verses[before.verse].text, start, end)


def _with_separators(
    items: Sequence[_Item], separator: int, chapter: Chapter, verses: _Verses
) -> list[_Item]:
    parted = [items[0]]
    for before, after in pairwise(items):
        if _separated(before, after, chapter, verses):
            parted.append(
                _Item(before.verse, NO_WORD, NO_WORD, (separator,), is_star=False)
            )
        parted.append(after)
    return parted


def _with_star_at_start(items: Sequence[_Item], star: int) -> list[_Item]:
    first = items[0]
    if first.is_star:  # two stars in a row could not be told apart
        return [replace(first, at_start=True), *items[1:]]
    return [_Item(NO_VERSE, NO_WORD, NO_WORD, (star,), True, at_start=True), *items]


def _flatten(items: Sequence[_Item]) -> tuple[npt.NDArray[np.int32], tuple[Star, ...]]:
    """Lay items out as rows (token, verse, word), shape (L, 3), and list the stars."""
    rows: list[tuple[int, int, int]] = []
    stars: list[Star] = []
    for item in items:
        if item.is_star:
            start, end = max(item.word_start, 0), max(item.word_end, 0)
            stars.append(Star(len(rows), item.verse, start, end, item.at_start))
        rows += [(column, item.verse, item.word_start) for column in item.columns]
    return np.array(rows, np.int32), tuple(stars)


def _first_tokens(
    rows_L3: npt.NDArray[np.int32], verse_count: int
) -> npt.NDArray[np.int32]:
    """Return the first token of every verse that belongs to a word, else -1."""
    first = np.full(verse_count, -1, np.int32)
    for index in range(len(rows_L3) - 1, -1, -1):
        _, verse, word = rows_L3[index]
        if word != NO_WORD:
            first[verse] = index
    return first


def _check_not_empty(items: Sequence[_Item], chapter: Chapter, words: int) -> None:
    if items:
        return
    name = f"{chapter.book} {chapter.chapter} ({chapter.language})".strip()
    got = f"{words} words without one" if words else "no letter and no digit"
    raise TextEmpty(
        f"{name}: expected letters or numbers that the model can align, got {got} in "
        f"{len(chapter.verses)} verses; check the text and its language"
    )


def _encoded(
    items: Sequence[_Item],
    verses: _Verses,
    romans: tuple[tuple[str, ...], ...],
    star: int,
    unknown: Counter[str],
) -> EncodedChapter:
    rows_L3, stars = _flatten(items)
    return EncodedChapter(
        tokens=rows_L3[:, 0].copy(),
        token_verse=rows_L3[:, 1].copy(),
        token_word=rows_L3[:, 2].copy(),
        verse_first_token=_first_tokens(rows_L3, len(verses)),
        verses=verses,
        romanised=romans,
        stars=stars,
        star=star,
        unknown_letters=tuple(unknown.most_common()),
    )


def encode_chapter(
    chapter: Chapter,
    labels: Sequence[str],
    blank: int,
    *,
    romanised: bool,
    word_separator: int | None = None,
    star_at_start: bool = True,
) -> EncodedChapter:
    """Return the tokens of a chapter.

    A word whose letters the model does not know gets no tokens but stays among the
    words; so does a verse without any word. Numbers that follow each other within a
    verse share one star.

    Args:
      chapter: the verses as written.
      labels: the label of each column of the model.
      blank: the column of the CTC blank.
      romanised: spell words in a-z and ' (else in their own normalised letters).
      word_separator: the column between words, if the model has one.
      star_at_start: put a star before everything.

    Raises:
      TextEmpty: no verse has a letter or number that can be aligned.
    """
    star = len(labels)
    verses = tuple(normalise_verse(v.text, chapter.language) for v in chapter.verses)
    romans = tuple(
        tuple(_romanised(word, chapter.language) for word in words) for words in verses
    )
    spelt = romans if romanised else tuple(tuple(map(_native, w)) for w in verses)
    columns = letter_columns(labels, blank, word_separator)
    unknown: Counter[str] = Counter()
    items = [
        item
        for index, words in enumerate(verses)
        for item in _verse_items(
            index, words, [spell(w, columns, unknown) for w in spelt[index]], star
        )
    ]
    _check_not_empty(items, chapter, sum(map(len, verses)))
    if word_separator is not None:
        items = _with_separators(items, word_separator, chapter, verses)
    if star_at_start:
        items = _with_star_at_start(items, star)
    return _encoded(items, verses, romans, star, unknown)
