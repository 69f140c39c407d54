"""What the name of an audio file says about what is read in it.

Faith Comes By Hearing writes ``B01___01_Matthew_____ENGESVN2DA.mp3`` (testament and
order of the book, chapter, name, fileset) and, since its fourth API,
``ENGESVN2DA_B001_MAT_001.mp3`` (with ``_001-001_010`` behind it for verses 1 to 10).
Others write a book's code and a number somewhere: ``yoOBYO17_GEN_003.wav``.
"""

import re
from dataclasses import dataclass

from machine.scripture import ALL_BOOK_IDS, is_canonical

from pipelines.sources.books import book_of_code, book_of_name, book_of_order

_FILESET = r"[A-Z0-9]{6}[NOP][12][DS]A(?:[0-9]{2})?(?:-[a-z0-9]+)?"
_FILESET_PARTS = re.compile(
    r"(?P<language>[A-Z0-9]{3})(?P<version>[A-Z0-9]{3})(?P<testament>[NOP])"
    r"(?P<kind>[12])[DS]A.*"
)
_V2 = re.compile(
    r"(?P<testament>[AB])(?P<order>[0-9]{1,3})_+(?P<chapter>[0-9]{1,3})_"
    rf"(?P<name>.+?)_*(?P<fileset>{_FILESET})"
)
_V4 = re.compile(
    rf"(?P<fileset>{_FILESET})_(?P<testament>[AB])(?P<order>[0-9]{{3}})_"
    r"(?P<book>[A-Z0-9]{3})_(?P<chapter>[0-9]{3})"
    r"(?:_(?P<from>[0-9]{3})-(?P<to_chapter>[0-9]{3})_(?P<to>[0-9]{3}))?"
)
_CODES = "|".join(filter(is_canonical, ALL_BOOK_IDS))  # no front matter, no glossary
_ANYWHERE = re.compile(
    rf"(?:^|[^A-Za-z0-9]|(?<=[0-9]{{2}}))(?P<book>{_CODES})"
    r"[^A-Za-z0-9]{0,3}(?P<chapter>[0-9]{1,3})(?![0-9])",
    re.IGNORECASE,
)
_BOOK_ALONE = re.compile(rf"(?:^|[^A-Za-z0-9])(?P<book>{_CODES})(?![A-Za-z0-9])", re.I)
_NUMBER_ALONE = re.compile(r"[^A-Za-z0-9]*(?:chapter)?[ _-]*(?P<chapter>[0-9]{1,3})")


@dataclass(frozen=True)
class Fileset:
    """A fileset's code, taken apart: ENGESVN2DA is a dramatised New Testament.

    ``language`` is the code's own, ISO 639-3 in most cases and not in some.
    """

    code: str
    language: str
    version: str
    testament: str
    drama: bool


@dataclass(frozen=True)
class Verses:
    """The part of a book that is read where it is not a whole chapter, both ends in."""

    first: int
    last_chapter: int
    last: int


@dataclass(frozen=True)
class AudioName:
    """What a file name says; ``verses`` is None for a whole chapter."""

    book: str
    chapter: int
    fileset: Fileset | None = None
    verses: Verses | None = None

    @property
    def is_of_chapters(self) -> bool:
        """Whether the recording goes on into another chapter."""
        return self.verses is not None and self.verses.last_chapter != self.chapter


def fileset_of(code: str) -> Fileset | None:
    """Take the code of an audio fileset apart; None if it is none.

    >>> fileset_of("ENGESVN2DA").drama
    True
    """
    match = _FILESET_PARTS.fullmatch(code)
    if match is None:
        return None
    return Fileset(
        code=code,
        language=match["language"].lower(),
        version=match["version"],
        testament=match["testament"],
        drama=match["kind"] == "2",
    )


def audio_name(stem: str, folder: str = "") -> AudioName | None:
    """Return what a file name without its ending says, None if it says too little.

    Args:
      stem: the name without folder and ending.
      folder: the name of its folder, asked for the book where the file has a number
        alone (``GEN/003.mp3``).
    """
    return _of_v2(stem) or _of_v4(stem) or _of_others(stem, folder)


def _of_v2(stem: str) -> AudioName | None:
    match = _V2.fullmatch(stem)
    if match is None:
        return None
    # The name is in any language; the order is that of the code's testament.
    order = book_of_order(match["testament"], int(match["order"]))
    book = book_of_name(match["name"]) or order
    if book is None:
        return None
    return AudioName(book, int(match["chapter"]), fileset_of(match["fileset"]))


def _of_v4(stem: str) -> AudioName | None:
    match = _V4.fullmatch(stem)
    book = book_of_code(match["book"]) if match else None
    if match is None or book is None:
        return None
    verses = None
    if match["from"]:
        verses = Verses(int(match["from"]), int(match["to_chapter"]), int(match["to"]))
    return AudioName(book, int(match["chapter"]), fileset_of(match["fileset"]), verses)


def _of_others(stem: str, folder: str) -> AudioName | None:
    match = _ANYWHERE.search(stem)
    if match is not None:
        return AudioName(match["book"].upper(), int(match["chapter"]))
    number, book = _NUMBER_ALONE.fullmatch(stem), _BOOK_ALONE.search(folder)
    if number is None or book is None:
        return None
    return AudioName(book["book"].upper(), int(number["chapter"]))
