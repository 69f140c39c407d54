"""USX to verses: the same verses as from USFM, and XML that means harm."""

import pytest

from pipelines.texts import read_chapter
from pipelines.texts_usx import MAX_DEPTH, read_usx
from pipelines.texts_verse import TextSource
from schemas.errors import TextMalformed
from schemas.source import Recording, TextFormat

BOOK = """<?xml version="1.0" encoding="utf-8"?>
<usx version="3.0">
  <book code="BOT" style="id">An invented book</book>
  <para style="mt1">Boats</para>
  <para style="ip">An introduction.</para>
  <chapter number="1" style="c" sid="BOT 1"/>
  <para style="s1">The red boat</para>
  <para style="p">
    <verse number="1" style="v" sid="BOT 1:1"/>
    The boat<note caller="+" style="f"><char style="ft">Some say <char
    style="fq">ship</char></char></note> was <char style="wj">red, <char
    style="nd">red</char> and</char> blue.<verse eid="BOT 1:1"/> Nobody's text.
    <verse number="2-3" style="v" pubnumber="2b"/><char style="vp">2b</char>Two <char
    style="w" lemma="man">men</char><optbreak/>and a dog</para>
  <para style="q1">rowed<figure file="dog.jpg">A dog</figure>,</para>
  <para style="s2">The storm</para>
  <para style="p" vid="BOT 1:2"><ms style="qt-s" sid="q"/>far.<ms style="qt-e"/></para>
  <sidebar style="esb"><para style="p">An aside.</para></sidebar>
  <para style="d">A title <verse number="4" style="v"/>and a verse</para>
  <table><row style="tr"><cell style="tc1">one</cell><cell style="tc2">two
    <char style="rq">Hills 2</char></cell></row></table>
  <para style="p"><verse number="5" style="v"/></para>
  <chapter eid="BOT 1"/>
  <chapter number="2" style="c"/>
  <para style="p"><verse number="1" style="v"/>Two &amp; &#x41;</para>
</usx>
"""


def read(text: str, chapter: int = 1) -> list[tuple[str, str]]:
    placed = read_usx(TextSource("boats.usx", text), chapter).verses
    return [(verse.number, verse.text) for verse in placed]


def usx(content: str) -> str:
    return f'<usx version="3.0"><book code="BOT" style="id"/>{content}</usx>'


def test_a_chapter_with_everything():
    assert read(BOOK) == [
        ("1", "The boat was red, red and blue."),
        ("2-3", "Two men and a dog rowed, far."),
        ("4", "and a verse one two"),
        ("5", ""),
    ]
    assert read(BOOK, 2) == [("1", "Two & A")]


def test_places_and_lines():
    placed = read_usx(TextSource("boats.usx", BOOK), 0)
    assert placed.chapters == (("BOT", 1), ("BOT", 2))
    assert placed.verses[0].line == 9


def test_the_declared_encoding_does_not_matter(tmp_path):
    path = tmp_path / "boats.usx"
    path.write_bytes(BOOK.replace("utf-8", "utf-16").encode("utf-16"))
    recording = Recording(
        recording_id="rec-1",
        language="eng",
        audio="a",
        text_format=TextFormat.USX,
        book="BOT",
        chapter=2,
    )
    assert read_chapter(path, recording).verses[0].text == "Two & A"


BOMB = """<?xml version="1.0"?>
<!DOCTYPE usx [
 <!ENTITY a "boat">
 <!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">
 <!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">
]>
<usx version="3.0"><book code="BOT" style="id">&c;</book></usx>
"""
OUTSIDE = '<!DOCTYPE usx [<!ENTITY x SYSTEM "file:///etc/hostname">]><usx>&x;</usx>'


@pytest.mark.parametrize("text", [BOMB, OUTSIDE, "<!DOCTYPE usx SYSTEM 'a.dtd'><usx/>"])
def test_document_types_and_entities_are_refused(text):
    with pytest.raises(
        TextMalformed, match=r"without a document type, got <!DOCTYPE usx>"
    ):
        read(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<html></html>", "line 1: expected <usx> as the root, got <html>"),
        ("<usx>\n<book", "line 2: expected well-formed XML, got: unclosed token"),
        ("\\id BOT", "line 1: expected well-formed XML, got: not well-formed"),
        (usx("&foo;"), "line 1: expected well-formed XML, got: undefined entity"),
        ("<usx>\n<book style='id'/></usx>", "line 2: expected a code in <book>"),
        ("<usx><chapter number='1'/></usx>", r"line 1: expected a book \(\\id\)"),
        (usx("<verse number='1'/>"), r"line 1: expected a chapter \(\\c\)"),
        (usx("<chapter/>"), r"line 1: .* after \\c, got ''"),
        (usx("<chapter number='1'/>\n<verse number='one'/>"), "line 2: .* got 'one'"),
        (usx("<chapter number='1'/>\n<para style='hue'/>"), r"line 2: .* got \\hue"),
        (usx("<chapter number='1'/>\n<para/>"), "line 2: expected a style in <para>"),
        (usx("<a>" * MAX_DEPTH), f"line 1: expected at most {MAX_DEPTH} nested"),
    ],
)
def test_wrong_usx_names_the_line(text, message):
    with pytest.raises(TextMalformed, match=f"^boats.usx: {message}"):
        read(text)
