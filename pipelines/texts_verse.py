"""What every text format is read into, and the choice of one chapter out of a book."""

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from schemas.errors import TextEmpty, TextMalformed
from schemas.source import Aside, AsideKind, Recording, Verse

# 3  3a  3-4  3,4  3-4a
_NUMBER = re.compile(r"[0-9]{1,3}[a-z]?(?:[-,][0-9]{1,3}[a-z]?)*")
_DASH = re.compile("[\u2010-\u2015\u2212]")
_MARKUP_SPACE = re.compile(r"[ \t\n]+")
_BIDI = re.compile("[\u200e\u200f\u061c\u2066-\u2069\u202a-\u202e]")


@dataclass(frozen=True)
class TextSource:
    """A decoded text file, its lines ended by line feeds, and its name for errors."""

    name: str
    text: str

    def malformed(self, line: int, problem: str) -> TextMalformed:
        """Return the error that names the file and the line (0: the whole file)."""
        where = f"{self.name}: line {line}" if line else self.name
        return TextMalformed(f"{where}: {problem}")


@dataclass(frozen=True)
class PlacedVerse:
    """A verse, where it belongs and the line where it begins."""

    book: str
    chapter: int
    number: str
    text: str
    line: int


@dataclass(frozen=True)
class PlacedAside:
    """A text outside the verses and where it belongs.

    ``before`` is an index in ``PlacedText.verses``.
    """

    book: str
    chapter: int
    before: int
    kind: AsideKind
    text: str


@dataclass(frozen=True)
class PlacedText:
    """What a reader found: the chapter asked for and every chapter's place.

    ``chapters`` are pairs of book and number; texts without books have none.
    """

    verses: tuple[PlacedVerse, ...]
    chapters: tuple[tuple[str, int], ...] = ()
    asides: tuple[PlacedAside, ...] = ()


def joined_text(pieces: Iterable[str]) -> str:
    """Return pieces of marked up text as one, its white space made single spaces."""
    return _MARKUP_SPACE.sub(" ", "".join(pieces)).strip()


def ascii_digits(text: str) -> str:
    """Return text with the decimal digits of any script as 0-9."""
    return "".join(
        str(unicodedata.decimal(char)) if char.isdecimal() else char for char in text
    )


def verse_number(raw: str) -> str | None:
    """Return a verse number in its plain form, None if it is none.

    >>> verse_number("٣–٤")
    '3-4'
    """
    number = _DASH.sub("-", _BIDI.sub("", ascii_digits(raw))).strip().lower()
    return number if _NUMBER.fullmatch(number) else None


def join_repeats(
    source: TextSource, verses: Iterable[PlacedVerse]
) -> tuple[Verse, ...]:
    """Return verses, those that continue under the same number as one.

    Raises:
      TextMalformed: a number comes again after another one.
    """
    lines: dict[str, int] = {}
    joined: list[Verse] = []
    for verse in verses:
        if joined and joined[-1].number == verse.number:
            text = f"{joined[-1].text} {verse.text}".strip()
            joined[-1] = Verse(verse.number, text)
        elif verse.number in lines:
            raise source.malformed(
                verse.line,
                f"expected each verse once, got verse {verse.number} again (first in "
                f"line {lines[verse.number]}); correct the numbers",
            )
        else:
            joined.append(Verse(verse.number, verse.text))
            lines[verse.number] = verse.line
    return tuple(joined)


def _ranges(numbers: Iterable[int]) -> str:
    """Write numbers down: 1-3, 5."""
    runs: list[list[int]] = []
    for number in sorted(set(numbers)):
        if runs and runs[-1][-1] == number - 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(
        f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs
    )


def _contents(chapters: Sequence[tuple[str, int]]) -> str:
    books = dict.fromkeys(book for book, _ in chapters)
    ranges = {
        book: _ranges(n for name, n in chapters if name == book) for book in books
    }
    return "; ".join(f"{book} {ranges[book]}" for book in books)


def choose_chapter(
    source: TextSource, text: PlacedText, recording: Recording
) -> tuple[str, tuple[Verse, ...], tuple[Aside, ...]]:
    """Return the book, the verses and the asides that the recording reads.

    Chapter 0 takes the whole book; verses are then numbered "chapter:verse".

    Raises:
      TextEmpty: the file has no chapter at all.
      TextMalformed: it does not have the book or chapter, or several books where the
        manifest names none.
    """
    if not text.chapters:
        raise TextEmpty(f"{source.name}: expected verses, got none; check the file")
    books = list(dict.fromkeys(book for book, _ in text.chapters))
    book = recording.book.strip().upper() or (books[0] if len(books) == 1 else "")
    contents = _contents(text.chapters)
    if not book:
        raise source.malformed(
            0,
            f"the manifest names no book: expected one, got {contents}; fill in the "
            "column book",
        )
    wanted = (book, recording.chapter)
    if wanted not in text.chapters and (recording.chapter or book not in books):
        asked = f"{book} {recording.chapter}" if recording.chapter else book
        raise source.malformed(
            0,
            f"expected {asked}, got {contents}; correct the book and chapter in the "
            "manifest",
        )
    chosen = [
        index
        for index, verse in enumerate(text.verses)
        if _is_read(verse, book, recording.chapter)
    ]
    verses = [text.verses[index] for index in chosen]
    if not recording.chapter:
        verses = [_with_chapter(verse) for verse in verses]
    numbers = [verse.number for verse in verses]
    asides = tuple(
        Aside(_place_of(aside.before, chosen, numbers), aside.kind, aside.text)
        for aside in text.asides
        if _is_read(aside, book, recording.chapter)
    )
    return book, join_repeats(source, verses), asides


def _is_read(placed: PlacedVerse | PlacedAside, book: str, chapter: int) -> bool:
    return placed.book == book and chapter in (0, placed.chapter)


def _place_of(before: int, chosen: Sequence[int], numbers: Sequence[str]) -> int:
    """Count the verses before a place, those that ``join_repeats`` joins as one."""
    return len(set(numbers[: bisect_left(chosen, before)]))


def _with_chapter(verse: PlacedVerse) -> PlacedVerse:
    return replace(verse, number=f"{verse.chapter}:{verse.number}")
