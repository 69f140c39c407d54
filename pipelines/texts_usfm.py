r"""USFM to verses, by sil-machine's tokenizer and parser.

Introductions, notes, figures, sidebars and alternative numbers are left out, headings
and the like become asides; poetry, paragraphs, tables and lists run on in their verse.
Two things are done before the tokenizer sees the text: attributes are removed, since it
takes malformed ones for text (and its pattern for them can take exponential time), and
so are milestones, since it breaks verses at those it does not know.
"""

import re
from dataclasses import replace

from machine.corpora import UsfmTokenizer, UsfmTokenType

from pipelines.texts_markup import collect_verses, stylesheet
from pipelines.texts_verse import PlacedText, TextSource

# From the first bar up to the next marker, with that marker if it is a closing one.
_ATTRIBUTES = re.compile(r"\|[^\\]*+(?P<end>\\[^\s\\*|]*\*)?")
_ASSIGNMENT = re.compile(r'=\s*"')
_MILESTONE = re.compile(r"\\[^\s\\*|]+\s*\\\*")
_BARE_BACKSLASH = re.compile(r"\\\+?(?=[\s\\|]|$)")
_OPTIONAL_BREAK = "//"
_NO_BREAK_SPACE = "~"


def _takes_bare_value(marker: str) -> bool:
    r"""Say whether ``|value`` before this closing marker is an attribute.

    In other markers a bar is text: it is also typed for the Indic danda.
    """
    if marker in ("", "ref") or marker.startswith("z"):  # "" closes a milestone
        return True
    return stylesheet().get_tag(marker).default_attribute_name is not None


def _without_attributes(source: TextSource) -> str:
    r"""Remove ``|lemma="x"`` and the like before closing markers."""

    def remove(match: re.Match[str]) -> str:
        end = match["end"] or ""
        assignment = _ASSIGNMENT.search(match[0])
        if assignment and end:
            bar = match[0].rindex("|", 0, assignment.start())
            return match[0][:bar] + end
        if assignment:
            line = source.text.count("\n", 0, match.start()) + 1
            raise source.malformed(
                line, "expected a closing marker after the attributes, got none"
            )
        bare = end and _takes_bare_value(end.lstrip("\\+").rstrip("*"))
        return end if bare else match[0]

    return _ATTRIBUTES.sub(remove, source.text)


def read_usfm(source: TextSource, chapter: int) -> PlacedText:
    r"""Return the verses of a chapter in USFM (0: of all chapters).

    Raises:
      TextMalformed: it does not begin with ``\id``, or see ``collect_verses``.
    """
    if source.text.strip() and not source.text.lstrip().startswith("\\id "):
        line = source.text[: -len(source.text.lstrip())].count("\n") + 1
        got = source.text.lstrip()[:20]
        raise source.malformed(line, f"expected \\id and a book code, got {got!r}")
    text = source.text.replace(_OPTIONAL_BREAK, " ").replace(_NO_BREAK_SPACE, "\u00a0")
    source = replace(source, text=text)
    bare = _BARE_BACKSLASH.search(text)
    if bare:
        line = text.count("\n", 0, bare.start()) + 1
        raise source.malformed(line, "expected a marker after the backslash, got none")
    text = _MILESTONE.sub("", _without_attributes(source))
    tokens = UsfmTokenizer(stylesheet()).tokenize(text)
    for token in tokens:
        if token.type is UsfmTokenType.TEXT and "\\" in (token.text or ""):
            raise source.malformed(
                token.line_number,
                f"expected \\* after a milestone, got {token.text!r:.40}",
            )
    return collect_verses(source, tokens, chapter)
