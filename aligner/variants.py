"""What a reader may say otherwise, besides or not at all: encoded, with its place.

Numbers have forms in which they may be read out; bracketed references may be passed
over; asides (headings, announcements) may be read. Which of it was said is found by the
alignment (``aligner.reading``).

Shapes: L tokens of the chapter's own line.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, product
from typing import TypeAlias

import numpy as np

from aligner.asides import bracketed_references
from aligner.config import AlignConfig
from aligner.normalise import Token, normalise_verse
from aligner.numbers import spoken_forms
from aligner.path import IntArray
from aligner.spelling import Speller
from aligner.tokens import EncodedChapter, Star
from schemas.source import Aside, Chapter

Change: TypeAlias = tuple[int, int, str]
"""Characters of a text (half-open) and what was said in their place."""

# Of numbers in a row every form of one goes with every form of the next.
_MOST_FORMS = 6


@dataclass(frozen=True, eq=False)
class SpokenForm:
    """One way to read a number, or several that share a star."""

    tokens: IntArray
    changes: tuple[Change, ...]
    """Of the verse's text."""


@dataclass(frozen=True, eq=False)
class NumberForms:
    """A number's star in a verse and what may be read in its place.

    A form stands for ``words[word_start:word_end]`` of the verse: the star's own, and
    the word after them where it is an ordinal's ending ("th").
    """

    verse: int
    star: int
    """Index in the chapter's stars."""
    first: int
    """The star's token."""
    end: int
    """Token after the last one in whose place the form stands."""
    word_end: int
    at_start: bool
    """The star also takes what is spoken before verse 1."""
    forms: tuple[SpokenForm, ...]


@dataclass(frozen=True)
class Reference:
    """A bracketed reference: tokens and characters of its verse, half-open."""

    verse: int
    first: int
    end: int
    char_start: int
    char_end: int
    text: str


@dataclass(frozen=True, eq=False)
class EncodedAside:
    """Text outside the verses, and the verse that it stands before."""

    before: int
    kind: str
    text: str
    pieces: tuple[tuple[IntArray, ...], ...]
    """Its tokens piece by piece; where a piece has several, one of them is read."""


@dataclass(frozen=True)
class Variants:
    """All of a chapter, each in order."""

    asides: tuple[EncodedAside, ...] = ()
    numbers: tuple[NumberForms, ...] = ()
    references: tuple[Reference, ...] = ()


def find_variants(
    chapter: Chapter, encoded: EncodedChapter, speller: Speller, config: AlignConfig
) -> Variants:
    """Return what may differ in a chapter's reading, as far as it is wanted."""
    if not config.free_reading:
        return Variants()
    asides: list[EncodedAside] = []
    if config.asides:
        found = (_encoded_aside(aside, speller) for aside in chapter.asides)
        asides = [aside for aside in found if aside is not None]
    numbers: list[NumberForms] = []
    if config.number_forms:
        numbers = list(_numbers(chapter, encoded, speller))
    references: list[Reference] = []
    if config.unread_references:
        references = list(_references(chapter, encoded))
    return Variants(tuple(asides), tuple(numbers), tuple(references))


def _numbers(
    chapter: Chapter, encoded: EncodedChapter, speller: Speller
) -> Iterator[NumberForms]:
    for index, star in enumerate(encoded.stars):
        if star.verse < 0 or star.word_start == star.word_end:
            continue
        text, words = chapter.verses[star.verse].text, encoded.verses[star.verse]
        readings, word_end = _readings(text, words, star, speller.language)
        suffix = encoded.token_word[star.token + 1 :] == star.word_end
        suffix &= encoded.token_verse[star.token + 1 :] == star.verse
        end = star.token + 1
        if word_end > star.word_end:
            end += int(suffix.sum())
        before = speller.gap if _has_word(encoded, star.token - 1, star.verse) else ()
        after = speller.gap if _has_word(encoded, end, star.verse) else ()
        forms = []
        for changes in readings:
            own = speller.tokens(" ".join(said for _, _, said in changes))
            if len(own):
                tokens = np.concatenate([before, own, after]).astype(np.int32)
                forms.append(SpokenForm(tokens, changes))
        if forms:
            yield NumberForms(
                star.verse, index, star.token, end, word_end, star.at_start,
                tuple(forms),
            )  # fmt: skip


def _has_word(encoded: EncodedChapter, token: int, verse: int) -> bool:
    """Say whether a token is there that belongs to a word of the verse."""
    return (
        0 <= token < len(encoded.tokens)
        and int(encoded.token_verse[token]) == verse
        and int(encoded.token_word[token]) >= 0
    )


def _readings(
    text: str, words: Sequence[Token], star: Star, language: str
) -> tuple[list[tuple[Change, ...]], int]:
    """Return how some numbers in a row may be read, and the word that they end before.

    Empty if one of them is not known, or no number.
    """
    numbers = words[star.word_start : star.word_end]
    if not all(word.is_number for word in numbers):
        return [], star.word_end
    known = [_plain_forms(text, word, language) for word in numbers]
    word_end = star.word_end
    if word_end < len(words):
        ordinals = _ordinal_forms(text, numbers[-1], words[word_end], language)
        if ordinals:
            known[-1], word_end = ordinals, word_end + 1
    return list(islice(product(*known), _MOST_FORMS)), word_end


def _plain_forms(text: str, word: Token, language: str) -> list[Change]:
    """Return the forms of a number; a dot after it may be an ordinal's."""
    start, end = word.char_start, word.char_end
    plain = spoken_forms(word.written, language)
    dotted = text[end : end + 1] == "."
    ordinals = spoken_forms(f"{word.written}.", language) if dotted else ()
    return [
        *((start, end, form) for form in plain),
        *((start, end + 1, form) for form in ordinals if form not in plain),
    ]


def _ordinal_forms(text: str, word: Token, after: Token, language: str) -> list[Change]:
    """Return the forms of a number whose ending is a word of its own: 4th, 5-й, 2.º."""
    between = text[word.char_end : after.char_start]
    if after.is_number or len(between) > 1 or between.isspace():
        return []
    start, end = word.char_start, after.char_end
    return [(start, end, form) for form in spoken_forms(text[start:end], language)]


def _references(chapter: Chapter, encoded: EncodedChapter) -> Iterator[Reference]:
    for verse, (written, words) in enumerate(
        zip(chapter.verses, encoded.verses, strict=True)
    ):
        own = np.flatnonzero(encoded.token_verse == verse)
        for start, end in bracketed_references(written.text):
            inside = [
                k for k, w in enumerate(words) if start <= w.char_start < end
            ]  # fmt: skip
            is_parted = any(
                star.word_start < edge < star.word_end
                for star in encoded.stars
                if star.verse == verse and inside
                for edge in (inside[0], inside[-1] + 1)
            )
            word_of = encoded.token_word[own]
            begun = own[np.isin(word_of, inside)]
            if not len(begun) or is_parted:
                continue
            later = own[word_of > inside[-1]]
            stop = int(later[0]) if len(later) else int(own[-1]) + 1
            text = written.text[start:end]
            yield Reference(verse, int(begun[0]), stop, start, end, text)


def _encoded_aside(aside: Aside, speller: Speller) -> EncodedAside | None:
    """Return an aside, None if it has no letter and no number with a known form.

    A number that has no known form is a star.
    """
    words = normalise_verse(aside.text, speller.language)
    pieces: list[tuple[IntArray, ...]] = []
    any_letter = after_star = False
    at = 0
    while at < len(words):
        stop = at
        while stop < len(words) and words[stop].is_number == words[at].is_number:
            stop += 1
        if words[at].is_number:
            star = Star(0, 0, at, stop, at_start=False)
            readings, stop = _readings(aside.text, words, star, speller.language)
            said = [" ".join(form for _, _, form in changes) for changes in readings]
        else:
            said = [aside.text[words[at].char_start : words[stop - 1].char_end]]
        ways = [way for way in map(speller.tokens, said) if len(way)]
        any_letter |= bool(ways)
        is_star = words[at].is_number and not ways
        if is_star:
            ways = [np.array([speller.star], np.int32)]
        if ways:
            # Not beside a star, which takes the pause in.
            if pieces and speller.gap and not (is_star or after_star):
                pieces.append((np.array(speller.gap, np.int32),))
            pieces.append(tuple(ways))
            after_star = is_star
        at = stop
    if not any_letter:
        return None
    return EncodedAside(aside.before, str(aside.kind), aside.text, tuple(pieces))
