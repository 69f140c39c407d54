"""Texts with one verse a line: plain, tsv and VPL ("GEN 1:1 text")."""

import re
from collections.abc import Iterator

from pipelines.texts_verse import (
    PlacedText,
    PlacedVerse,
    TextSource,
    ascii_digits,
    verse_number,
)

# The mark of parallel corpora for "this verse is part of the one before".
_PART_OF_PREVIOUS = "<range>"
_VPL = re.compile(
    r"\s*(?P<book>[^\W_]{2,8})\s+(?P<chapter>\d{1,3}):(?P<verse>\S+)(?:\s+(?P<text>.*))?"
)


def _lines(source: TextSource) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(source.text.split("\n"), start=1):
        if line.strip():
            yield number, line


def read_plain(source: TextSource, _chapter: int) -> PlacedText:
    """Return one verse for each line that is not blank, numbered from 1.

    A line ``<range>`` says that its verse is part of the one before: verse 3 followed
    by such a line is verse "3-4".

    Raises:
      TextMalformed: the first line is such a mark.
    """
    verses: list[PlacedVerse] = []
    for count, (line, text) in enumerate(_lines(source), start=1):
        if text.strip() != _PART_OF_PREVIOUS:
            verses.append(PlacedVerse("", 0, str(count), text.strip(), line))
            continue
        if not verses:
            raise source.malformed(
                line, f"expected a verse before {_PART_OF_PREVIOUS}, got none"
            )
        last = verses.pop()
        number = f"{last.number.split('-')[0]}-{count}"
        verses.append(PlacedVerse("", 0, number, last.text, last.line))
    return PlacedText(tuple(verses))


def read_tsv(source: TextSource, _chapter: int) -> PlacedText:
    """Return the verses of ``verse<TAB>text`` lines.

    A first line without any digit before the tab is a header.

    Raises:
      TextMalformed: a line has not two columns or no verse number.
    """
    verses: list[PlacedVerse] = []
    for index, (line, row) in enumerate(_lines(source)):
        columns = row.split("\t")
        if len(columns) != 2:
            raise source.malformed(
                line,
                f"expected 2 columns (verse, tab, text), got {len(columns)} "
                f"in {row[:40]!r}",
            )
        number = verse_number(columns[0])
        if number is not None:
            verses.append(PlacedVerse("", 0, number, columns[1].strip(), line))
        elif index > 0 or any(char.isdecimal() for char in columns[0]):
            raise source.malformed(
                line, f"expected a verse number such as 3 or 3-4, got {columns[0]!r}"
            )
    return PlacedText(tuple(verses))


def read_vpl(source: TextSource, _chapter: int) -> PlacedText:
    """Return the verses of ``BOOK chapter:verse text`` lines.

    Raises:
      TextMalformed: a line does not begin with a reference.
    """
    verses: list[PlacedVerse] = []
    for line, row in _lines(source):
        match = _VPL.fullmatch(row)
        number = verse_number(match["verse"]) if match else None
        if match is None or number is None:
            raise source.malformed(
                line, f"expected a verse such as 'GEN 1:1 text', got {row[:40]!r}"
            )
        chapter = int(ascii_digits(match["chapter"]))
        text = (match["text"] or "").strip()
        verses.append(PlacedVerse(match["book"].upper(), chapter, number, text, line))
    chapters = dict.fromkeys((verse.book, verse.chapter) for verse in verses)
    return PlacedText(tuple(verses), tuple(chapters))
