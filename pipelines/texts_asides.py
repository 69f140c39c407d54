r"""Text of USFM and USX that stands outside the verses: headings, titles, references.

A reader may read it or not, so it is kept apart from the verses. Introductions, notes,
remarks, figures and sidebars are not among it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from machine.corpora import UsfmElementType, UsfmParserState, UsfmTextType

from pipelines.texts_verse import PlacedAside, joined_text
from schemas.source import AsideKind

# By marker, without its level (s2 is s). \qa is the letter above a part of an acrostic,
# \cd says what the chapter is about, \mte repeats the title at the book's end.
_KINDS: Mapping[str, AsideKind] = MappingProxyType(
    {
        **dict.fromkeys(("s", "ms", "qa", "cd"), AsideKind.HEADING),
        **dict.fromkeys(("r", "mr", "sr"), AsideKind.REFERENCE),
        "d": AsideKind.TITLE,
        "sp": AsideKind.SPEAKER,
        "mte": AsideKind.BOOK,
    }
)
_MAIN_TITLE = "mt"
_LABEL = "cl"  # before chapter 1 a word for all chapters, in a chapter its own title
_NAMES = ("h", "toc2", "toc1", "mt1", _MAIN_TITLE)  # of the book, the best first


def is_aside_text(state: UsfmParserState) -> bool:
    """Say whether a text in one of these paragraphs may be read.

    Alternative numbers, figures, pronunciations and sidebars are not.
    """
    return not any(
        element.type is UsfmElementType.SIDEBAR for element in state.stack
    ) and not any(tag.text_type is UsfmTextType.OTHER for tag in state.char_tags)


@dataclass
class AsideCollector:
    """The paragraph being read, the names of the book and the asides so far."""

    marker: str = ""
    pieces: list[str] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)
    asides: list[PlacedAside] = field(default_factory=list)

    def begin_book(self) -> None:
        """Forget the names of the book before."""
        self.names = {}

    def begin_chapter(self, book: str, chapter: int, digits: str, before: int) -> None:
        """Announce a chapter by its number as written, after the title in chapter 1."""
        title = self.names.get(_MAIN_TITLE)
        if title and chapter == 1:
            self._add(book, chapter, before, AsideKind.BOOK, title)
        named = (self.names[name] for name in (_LABEL, *_NAMES) if name in self.names)
        name = next(named, None)
        if name is not None:
            text = f"{name} {digits}"
            self._add(book, chapter, before, AsideKind.CHAPTER, text)

    def begin_paragraph(self, marker: str) -> None:
        """Begin to listen, if the paragraph holds an aside or a name of the book."""
        self.marker, self.pieces = marker, []

    def finish_paragraph(self, book: str, chapter: int, before: int) -> None:
        """Keep what the paragraph held, if it is an aside or a name of the book."""
        text = joined_text(self.pieces)
        marker, self.marker, self.pieces = self.marker, "", []
        level = marker.rstrip("0123456789")
        if not text:
            return
        if chapter == 0:
            self._keep_name(marker, level, text)
        elif level == _LABEL:
            self.asides = [
                aside
                for aside in self.asides
                if (aside.book, aside.chapter, aside.kind)
                != (book, chapter, AsideKind.CHAPTER)
            ]
            self._add(book, chapter, before, AsideKind.CHAPTER, text)
        elif level in _KINDS:
            self._add(book, chapter, before, _KINDS[level], text)

    def _keep_name(self, marker: str, level: str, text: str) -> None:
        if level == _MAIN_TITLE:  # in several lines: "The story of" "Boats"
            lines = (self.names.get(_MAIN_TITLE), text)
            self.names[_MAIN_TITLE] = " ".join(filter(None, lines))
        if marker in (_LABEL, *_NAMES):
            self.names.setdefault(marker, text)

    def _add(
        self, book: str, chapter: int, before: int, kind: AsideKind, text: str
    ) -> None:
        self.asides.append(PlacedAside(book, chapter, before, kind, text))
