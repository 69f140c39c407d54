"""Verse-aligned corpora: one verse a line, and ``vref.txt`` says which verse it is.

A blank line is a verse that a translation does not have; ``<range>`` says that a verse
is part of the one before.
"""

import re
from dataclasses import dataclass, replace
from pathlib import Path

from pipelines.sources.books import book_of_code
from schemas.errors import TextMalformed

VREF = "vref.txt"
_RANGE = "<range>"
_REFERENCE = re.compile(r"(?P<book>[0-9A-Z]{3}) (?P<chapter>[0-9]+):(?P<verse>[0-9]+)")


@dataclass(frozen=True)
class Line:
    """One verse of a text; ``last`` is above ``first`` where verses were joined."""

    book: str
    chapter: int
    first: int
    last: int
    text: str

    @property
    def vpl(self) -> str:
        """The verse as a line of a VPL file, without its end."""
        number = str(self.first)
        if self.last > self.first:
            number = f"{self.first}-{self.last}"
        return f"{self.book} {self.chapter}:{number} {self.text}"


def read_vref(text: Path, vref: Path) -> tuple[Line, ...]:
    """Return the verses that a text has, in the order of the references.

    Raises:
      TextMalformed: the files have not the same number of lines, a reference is none,
        or ``<range>`` comes first.
    """
    references, verses = _lines(vref), _lines(text)
    if len(references) != len(verses):
        raise TextMalformed(
            f"{text}: expected {len(references)} lines as in {vref}, got "
            f"{len(verses)}; is it of another corpus?"
        )
    lines: list[Line] = []
    for number, (reference, verse) in enumerate(
        zip(references, verses, strict=True), start=1
    ):
        line = _line_of(reference, verse, f"{vref}: line {number}")
        if line.text != _RANGE:
            lines.append(line)
            continue
        if not lines:
            raise TextMalformed(
                f"{text}: line {number}: expected a verse before {_RANGE}, got none"
            )
        # Versifications differ: what joins the verse of another chapter has no number.
        if _follows(line, lines[-1]):
            lines[-1] = replace(lines[-1], last=line.last)
    return tuple(line for line in lines if line.text)


def _follows(line: Line, before: Line) -> bool:
    return (line.book, line.chapter, line.first) == (
        before.book,
        before.chapter,
        before.last + 1,
    )


def _line_of(reference: str, verse: str, where: str) -> Line:
    match = _REFERENCE.fullmatch(reference.strip())
    book = book_of_code(match["book"]) if match else None
    if match is None or book is None:
        raise TextMalformed(
            f"{where}: expected a verse such as 'GEN 1:1', got {reference[:40]!r}"
        )
    number = int(match["verse"])
    return Line(book, int(match["chapter"]), number, number, " ".join(verse.split()))


def _lines(path: Path) -> list[str]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise TextMalformed(f"{path}: expected UTF-8: {error}") from error
    return text.removesuffix("\n").split("\n")
