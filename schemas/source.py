"""What goes in: recordings and the chapters that were read in them."""

from dataclasses import dataclass
from enum import StrEnum


class TextFormat(StrEnum):
    """How a chapter's text is written down."""

    PLAIN = "plain"  # one verse a line
    TSV = "tsv"  # verse number, tab, text
    VPL = "vpl"  # "GEN 1:1 text", one verse a line
    USFM = "usfm"
    USX = "usx"


@dataclass(frozen=True, kw_only=True)
class Recording:
    """One row of the manifest: one source audio file and, if known, its text.

    ``audio``, ``text`` and ``timing`` are addresses (URI or absolute path).
    """

    recording_id: str
    language: str
    audio: str
    text: str | None = None
    text_format: TextFormat = TextFormat.PLAIN
    book: str = ""
    chapter: int = 0
    version: str = ""
    reader: str = ""
    drama: bool = False
    licence: str = ""
    timing: str | None = None
    """Known word times (JSON as ``pericope synth`` writes it): nothing is aligned."""


@dataclass(frozen=True)
class Verse:
    """One numbered line of a chapter, exactly as it is written.

    ``number`` is a string because a translation may join verses ("3-4", "12a").
    """

    number: str
    text: str


class AsideKind(StrEnum):
    """What a text outside the verses is there for."""

    BOOK = "book"  # the book's title, at the start of its first chapter
    CHAPTER = "chapter"  # announces the chapter: "Mark 3"
    HEADING = "heading"  # of a section, an acrostic's letter, what a chapter is about
    TITLE = "title"  # of a psalm: "A song of ascents"
    REFERENCE = "reference"  # under a heading: parallel passages, a section's verses
    SPEAKER = "speaker"  # who speaks next


@dataclass(frozen=True)
class Aside:
    """Text that stands outside the verses; a reader may leave it out.

    ``before`` is the index in ``Chapter.verses`` of the verse that it stands before;
    their number, if it stands after the last.
    """

    before: int
    kind: AsideKind
    text: str


@dataclass(frozen=True, kw_only=True)
class Chapter:
    """The text of one recording; ``asides`` come in the order of the text."""

    language: str
    book: str = ""
    chapter: int = 0
    verses: tuple[Verse, ...]
    asides: tuple[Aside, ...] = ()
