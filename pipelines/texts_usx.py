"""USX to verses: XML read by expat into the tokens of USFM.

sil-machine's own reader of USX drops text after a line break and keeps alternative
verse numbers, so its USFM parser does the work here too. The file comes from outside:
a document type (and with it every entity) is refused, and so is deep nesting.
"""

import re
from dataclasses import dataclass, field
from xml.parsers import expat

from machine.corpora import UsfmStyleType, UsfmToken, UsfmTokenType

from pipelines.texts_markup import collect_verses, end_of_verse, stylesheet
from pipelines.texts_verse import PlacedText, TextSource
from schemas.errors import TextMalformed

MAX_DEPTH = 64  # real files nest about 8 deep

_LEFT_OUT = frozenset({"note", "figure", "sidebar"})
_PARAGRAPHS = frozenset({"para", "row"})
_SPANS = frozenset({"char", "cell"})
_PLACES = {  # element: token, marker, attribute with its number or code
    "book": (UsfmTokenType.BOOK, "id", "code"),
    "chapter": (UsfmTokenType.CHAPTER, "c", "number"),
    "verse": (UsfmTokenType.VERSE, "v", "number"),
}
_LINE_BREAK = re.compile(r"[ \t]*\n\s*")


@dataclass
class _Builder:
    """Handlers of expat; ``tokens`` grows as elements come."""

    source: TextSource
    parser: expat.XMLParserType
    tokens: list[UsfmToken] = field(default_factory=list)
    open_elements: list[str] = field(default_factory=list)
    open_spans: list[str] = field(default_factory=list)
    """Markers of the open character styles, "" for a table's cell."""
    left_out: int = 0
    """Depth of the outermost open element that is left out, 0 for none."""

    def malformed(self, problem: str) -> TextMalformed:
        return self.source.malformed(self.parser.CurrentLineNumber, problem)

    def doctype(self, name: str, *_: object) -> None:
        raise self.malformed(
            f"expected USX without a document type, got <!DOCTYPE {name}>; remove it"
        )

    def add(
        self, kind: UsfmTokenType, marker: str | None, text: str | None = None
    ) -> None:
        line = self.parser.CurrentLineNumber
        self.tokens.append(UsfmToken(kind, marker, text, line_number=line))

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if not self.open_elements and name != "usx":
            raise self.malformed(f"expected <usx> as the root, got <{name}>")
        self.open_elements.append(name)
        if len(self.open_elements) > MAX_DEPTH:
            raise self.malformed(f"expected at most {MAX_DEPTH} nested elements")
        if self.left_out:
            return
        if name in _LEFT_OUT:
            self.left_out = len(self.open_elements)
        elif name in ("book", "chapter", "verse"):
            self.place(name, attributes)
        elif name in _PARAGRAPHS:
            self.open_style(UsfmTokenType.PARAGRAPH, self.style_of(name, attributes))
        elif name in _SPANS:
            style = self.style_of(name, attributes)
            nested = "+" if any(self.open_spans) else ""
            self.open_style(UsfmTokenType.CHARACTER, nested + style)
            self.open_spans.append(nested + style if name == "char" else "")
        elif name == "optbreak":
            self.add(UsfmTokenType.TEXT, None, " ")

    def style_of(self, name: str, attributes: dict[str, str]) -> str:
        style = attributes.get("style", "")
        if not style:
            raise self.malformed(f"expected a style in <{name}>, got none")
        return style

    def open_style(self, kind: UsfmTokenType, marker: str) -> None:
        style_type = stylesheet().get_tag(marker.lstrip("+")).style_type
        is_known = style_type is not UsfmStyleType.UNKNOWN
        self.add(kind if is_known else UsfmTokenType.UNKNOWN, marker)

    def place(self, name: str, attributes: dict[str, str]) -> None:
        """Add the token of a book, chapter or verse, or of a verse's end."""
        line = self.parser.CurrentLineNumber
        if "eid" in attributes:
            if name == "verse":
                self.tokens.append(end_of_verse(line))
            return
        kind, marker, key = _PLACES[name]
        data = attributes.get(key, "")
        if name == "book" and not data:
            raise self.malformed("expected a code in <book>, got none")
        self.tokens.append(UsfmToken(kind, marker, data=data, line_number=line))

    def end(self, name: str) -> None:
        depth = len(self.open_elements)
        self.open_elements.pop()
        if self.left_out:
            if self.left_out == depth:
                self.left_out = 0
        elif name in _SPANS:
            marker = self.open_spans.pop()
            if marker:
                self.add(UsfmTokenType.END, marker + "*")

    def characters(self, text: str) -> None:
        if not self.left_out:
            self.add(UsfmTokenType.TEXT, None, _LINE_BREAK.sub(" ", text))


def read_usx(source: TextSource, chapter: int) -> PlacedText:
    """Return the verses of a chapter in USX (0: of all chapters).

    Raises:
      TextMalformed: it is not well-formed XML, not USX, has a document type or nests
        too deeply, or see ``collect_verses``.
    """
    if not source.text.strip():
        return PlacedText(())
    parser = expat.ParserCreate()
    parser.buffer_text = True
    builder = _Builder(source, parser)
    parser.StartDoctypeDeclHandler = builder.doctype
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.characters
    try:
        parser.Parse(source.text, True)
    except expat.ExpatError as error:
        problem = expat.ErrorString(error.code)
        raise source.malformed(
            error.lineno, f"expected well-formed XML, got: {problem}"
        ) from error
    return collect_verses(source, builder.tokens, chapter)
