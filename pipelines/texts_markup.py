r"""Tokens of USFM to verses: what USFM and USX have in common.

sil-machine's parser keeps the state (paragraph, character styles, notes) and its
stylesheet says which markers hold verse text. Here the tokens are first made fit for
it: numbers are checked, notes and private markers taken out, and a marker that nobody
knows is an error instead of a paragraph that swallows or spills text.
"""

import functools
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from machine.corpora import (
    UsfmParser,
    UsfmParserState,
    UsfmStylesheet,
    UsfmStyleType,
    UsfmToken,
    UsfmTokenType,
)

from pipelines.texts_asides import AsideCollector, is_aside_text
from pipelines.texts_verse import (
    PlacedText,
    PlacedVerse,
    TextSource,
    ascii_digits,
    joined_text,
    verse_number,
)

# Study notes are notes. A descriptive title (\d) is a heading, but a verse that begins
# in it counts: that is how the parser treats \s.
_ALIASES = {"ef": "f", "efe": "fe", "ex": "x", "d": "s"}
_TYPES = {
    UsfmStyleType.PARAGRAPH: UsfmTokenType.PARAGRAPH,
    UsfmStyleType.CHARACTER: UsfmTokenType.CHARACTER,
    UsfmStyleType.NOTE: UsfmTokenType.NOTE,
}
_BLOCKS = (
    UsfmTokenType.BOOK,
    UsfmTokenType.CHAPTER,
    UsfmTokenType.VERSE,
    UsfmTokenType.PARAGRAPH,
)
MAX_DEPTH = 64  # against files made to be slow; real styles nest 3 deep
_TRANSPARENT = ("ref", "ref*")  # a link: its text stays
_REMARK = "rem"  # a paragraph that is never verse text


@functools.lru_cache(maxsize=1)
def stylesheet() -> UsfmStylesheet:
    """Return sil-machine's stylesheet of USFM."""
    return UsfmStylesheet("usfm.sty")


def _is_private(token: UsfmToken) -> bool:
    marker = (token.marker or "").lstrip("+")
    return token.type is UsfmTokenType.UNKNOWN and (
        marker.startswith("z") or marker == "cat"
    )


def _renamed(token: UsfmToken) -> UsfmToken:
    """Return a token under the marker that the stylesheet knows (s5 is s).

    The marker as it is written stays in ``data``, to tell a title from a heading.
    """
    marker = token.marker or ""
    end = "*" if token.type is UsfmTokenType.END else ""
    name = _ALIASES.get(marker.removesuffix(end))
    if name is None and token.type is UsfmTokenType.UNKNOWN:
        name = marker.rstrip("0123456789")
    if name is None:
        return token
    style = stylesheet().get_tag(name).style_type
    if end:
        return replace(token, marker=name + end)
    if style not in _TYPES:
        return token
    return replace(
        token, type=_TYPES[style], marker=name, end_marker=name + "*", data=marker
    )


def _closings(tokens: Sequence[UsfmToken]) -> list[int | None]:
    """Return for every token where its marker is closed, None if a block is first."""
    closings: list[int | None] = [None] * len(tokens)
    ends: dict[str, int] = {}
    for index in range(len(tokens) - 1, -1, -1):
        token = tokens[index]
        if token.type in _BLOCKS:
            ends.clear()
        elif token.type is UsfmTokenType.END:
            ends[token.marker or ""] = index
        else:
            closings[index] = ends.get(f"{token.marker}*")
    return closings


def _without_notes(
    source: TextSource, tokens: Sequence[UsfmToken]
) -> Iterator[UsfmToken]:
    """Leave out notes and closed private markers with all that they hold."""
    resume = 0
    closings = _closings(tokens)
    for index, token in enumerate(tokens):
        if index < resume or token.marker in _TRANSPARENT:
            continue
        is_note = token.type is UsfmTokenType.NOTE
        end = closings[index] if is_note or _is_private(token) else None
        if end is not None:
            resume = end + 1
        elif is_note:
            raise source.malformed(
                token.line_number,
                f"expected \\{token.marker}* before the next paragraph or verse, got "
                "none; close the note",
            )
        else:
            yield token


def _number_of(source: TextSource, token: UsfmToken) -> str:
    """Return the number of a chapter or verse token in its plain form."""
    raw = token.data or ""
    if token.type is UsfmTokenType.VERSE:
        number = verse_number(raw)
    else:
        number = ascii_digits(raw)
        number = number if re.fullmatch("[0-9]{1,3}", number) else None
    if number is None:
        example = "3 or 3-4" if token.type is UsfmTokenType.VERSE else "3"
        raise source.malformed(
            token.line_number,
            f"expected a number such as {example} after \\{token.marker}, got {raw!r}",
        )
    return number


def _checked(source: TextSource, tokens: Iterable[UsfmToken]) -> Iterator[UsfmToken]:
    """Refuse what has no book, chapter or number and markers that nobody knows."""
    has_book = has_chapter = False
    for token in tokens:
        if token.type is UsfmTokenType.BOOK:
            has_book, has_chapter = True, False
        elif token.type in (UsfmTokenType.CHAPTER, UsfmTokenType.VERSE):
            is_verse = token.type is UsfmTokenType.VERSE
            if not (has_chapter if is_verse else has_book):
                wanted = "chapter (\\c)" if is_verse else "book (\\id)"
                raise source.malformed(
                    token.line_number, f"expected a {wanted} before \\{token.marker}"
                )
            has_chapter = True
            token = replace(  # noqa: PLW2901
                token, data=_number_of(source, token), text=token.data
            )
        elif token.type is UsfmTokenType.UNKNOWN:
            if has_chapter and not _is_private(token):
                raise source.malformed(
                    token.line_number,
                    f"expected a USFM marker, got \\{token.marker}; correct it, or "
                    "name it \\z... if it is private",
                )
            token = replace(  # noqa: PLW2901
                token, type=UsfmTokenType.PARAGRAPH, marker=_REMARK
            )
        yield token


@dataclass
class _Collector:
    """The verse being read and those before it, and what stands between them.

    An aside inside a verse comes before the next one.
    """

    book: str = ""
    chapter: int = 0
    number: str = ""
    line: int = 0
    pieces: list[str] = field(default_factory=list)
    verses: list[PlacedVerse] = field(default_factory=list)
    chapters: list[tuple[str, int]] = field(default_factory=list)
    aside: AsideCollector = field(default_factory=AsideCollector)

    def finish_verse(self) -> None:
        self.finish_paragraph()
        if self.number:
            text = joined_text(self.pieces)
            self.verses.append(
                PlacedVerse(self.book, self.chapter, self.number, text, self.line)
            )
        self.number = ""
        self.pieces = []

    def finish_paragraph(self) -> None:
        before = len(self.verses) + (1 if self.number else 0)
        self.aside.finish_paragraph(self.book, self.chapter, before)

    def take(self, state: UsfmParserState) -> None:
        """Take the token that the parser has just read."""
        token = state.token
        assert token is not None  # the parser has read one
        if state.special_token:  # an alternative number
            return
        if token.type is UsfmTokenType.TEXT:
            self._take_text(token.text or "", state)
        elif token.type is UsfmTokenType.PARAGRAPH:
            self.pieces.append(" ")
            self.finish_paragraph()
            self.aside.begin_paragraph(token.data or token.marker or "")
        elif _is_cell(token):
            self.pieces.append(" ")
        elif token.type in (*_BLOCKS, UsfmTokenType.MILESTONE_END):
            self.finish_verse()
            self._begin(token)

    def _take_text(self, text: str, state: UsfmParserState) -> None:
        if state.is_verse_text:
            if self.number:
                self.pieces.append(text)
        elif is_aside_text(state):
            self.aside.pieces.append(text)

    def _begin(self, token: UsfmToken) -> None:
        data = token.data or ""
        if token.type is UsfmTokenType.BOOK:
            self.book, self.chapter = data.upper()[:3], 0
            self.aside.begin_book()
        elif token.type is UsfmTokenType.CHAPTER:
            self.chapter = int(data)
            self.chapters.append((self.book, self.chapter))
            digits = (token.text or "").strip()
            self.aside.begin_chapter(self.book, self.chapter, digits, len(self.verses))
        elif token.type is UsfmTokenType.VERSE:
            self.number, self.line = data, token.line_number


def _is_cell(token: UsfmToken) -> bool:
    return (
        token.type is UsfmTokenType.CHARACTER
        and re.fullmatch("t[ch][cr]?[0-9].*", token.marker or "") is not None
    )


def end_of_verse(line: int) -> UsfmToken:
    """Return the token after which text belongs to no verse (USX marks it)."""
    return UsfmToken(UsfmTokenType.MILESTONE_END, "v", line_number=line)


def _of_chapter(tokens: Iterable[UsfmToken], chapter: int) -> Iterator[UsfmToken]:
    """Leave out what other chapters hold, but not where they begin."""
    is_wanted = True
    for token in tokens:
        if token.type is UsfmTokenType.CHAPTER:
            is_wanted = ascii_digits(token.data or "").lstrip("0") == str(chapter)
        elif token.type is UsfmTokenType.BOOK:
            is_wanted = True
        if is_wanted or chapter == 0 or token.type is UsfmTokenType.CHAPTER:
            yield token


def collect_verses(
    source: TextSource, tokens: Iterable[UsfmToken], chapter: int
) -> PlacedText:
    """Return verses and asides of a chapter (0: of all) and what chapters there are.

    Raises:
      TextMalformed: a number is missing or wrong, a note is not closed, a marker is
        unknown, styles nest too deeply, or a verse stands outside a chapter.
    """
    renamed = [_renamed(token) for token in _of_chapter(tokens, chapter)]
    checked = list(_checked(source, _without_notes(source, renamed)))
    parser = UsfmParser(checked, None, stylesheet())
    collector = _Collector()
    while parser.process_token():
        if len(parser.state.stack) > MAX_DEPTH:
            raise source.malformed(
                parser.state.line_number,
                f"expected at most {MAX_DEPTH} nested styles, got more; close them",
            )
        collector.take(parser.state)
    collector.finish_verse()
    chapters = dict.fromkeys(collector.chapters)
    asides = (a for a in collector.aside.asides if chapter in (0, a.chapter))
    return PlacedText(tuple(collector.verses), tuple(chapters), tuple(asides))
