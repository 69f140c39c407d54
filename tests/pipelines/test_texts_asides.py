"""Asides of USFM and USX: what a reader may or may not read, and where it stands."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.texts import read_chapter
from pipelines.texts_usfm import read_usfm
from pipelines.texts_usx import read_usx
from pipelines.texts_verse import PlacedAside, TextSource
from schemas.source import Aside, AsideKind, Chapter, Recording, TextFormat

BOOK = r"""\id BOT An invented book of boats
\h Boats
\toc1 The Book of the Boats
\mt2 The book of the
\mt1 Boats
\is About the book
\ip An introduction.
\c 1
\ms The first part
\mr (1.1–2.9)
\s1 The red boat\f + \ft Or: ship\f*
\r (Hills 2.3; \xt Seas 1.4\xt*)
\p
\v 1 The boat was red.
\v 2 It sailed
\s2 The \nd Storm\nd* \rq Hills 4\rq*
\p far away.
\sp The sailor
\q1
\v 3 "The sea!"
\mte The end of the Boats
\c ٢
\d A song of \w boats|lemma="boat"\w*. \v 1 Begun in a title.
\v 2 Two.
\esb
\s A sidebar
\p An aside.
\esbe
\c 3
\cl The third voyage
\cd Of islands
\qa Aleph
\q1
\v 1 Three.
"""


@pytest.fixture
def read(tmp_path):
    """Write a file and read it as a recording's text."""

    def read_as(text, chapter=1, text_format="usfm") -> Chapter:
        path = tmp_path / "text.txt"
        path.write_text(text)
        recording = Recording(
            recording_id="rec-1",
            language="eng",
            audio="a.mp3",
            text_format=TextFormat(text_format),
            chapter=chapter,
        )
        return read_chapter(path, recording)

    return read_as


def asides(chapter: Chapter) -> list[tuple[int, str, str]]:
    return [(aside.before, aside.kind, aside.text) for aside in chapter.asides]


def test_every_kind_and_its_place(read):
    assert asides(read(BOOK)) == [
        (0, "book", "The book of the Boats"),
        (0, "chapter", "Boats 1"),
        (0, "heading", "The first part"),
        (0, "reference", "(1.1–2.9)"),
        (0, "heading", "The red boat"),
        (0, "reference", "(Hills 2.3; Seas 1.4)"),
        (2, "heading", "The Storm"),
        (2, "speaker", "The sailor"),
        (3, "book", "The end of the Boats"),
    ]


def test_a_title_before_a_verse_in_the_same_paragraph(read):
    chapter = read(BOOK, 2)
    assert asides(chapter) == [
        (0, "chapter", "Boats ٢"),
        (0, "title", "A song of boats."),
    ]
    assert chapter.verses[0].text == "Begun in a title."


def test_a_chapter_with_a_title_of_its_own(read):
    assert asides(read(BOOK, 3)) == [
        (0, "chapter", "The third voyage"),
        (0, "heading", "Of islands"),
        (0, "heading", "Aleph"),
    ]


def test_places_in_a_whole_book(read):
    whole = read(BOOK, 0)
    assert [v.number for v in whole.verses] == [
        "1:1",
        "1:2",
        "1:3",
        "2:1",
        "2:2",
        "3:1",
    ]
    places = [aside.before for aside in whole.asides]
    assert places == sorted(places)
    assert Aside(3, AsideKind.CHAPTER, "Boats ٢") in whole.asides
    assert Aside(5, AsideKind.HEADING, "Aleph") in whole.asides


@pytest.mark.parametrize(
    ("header", "text"),
    [
        ("", None),
        ("\\h \n", None),
        ("\\mt1 Boats\n\\toc1 The Book of Boats\n", "The Book of Boats 7"),
        ("\\toc1 The Book of Boats\n\\toc2 Boats\n\\toc3 Bt\n", "Boats 7"),
        ("\\mt Boats\n", "Boats 7"),
        ("\\h Boats\n\\cl Voyage\n", "Voyage 7"),
        ("\\toc3 Bt\n", None),
    ],
)
def test_a_chapter_is_announced_by_the_best_name_there_is(read, header, text):
    chapter = read(f"\\id BOT\n{header}\\c 7\n\\p\n\\v 1 Red", 7)
    assert asides(chapter) == ([(0, "chapter", text)] if text else [])


def test_a_verse_that_goes_on_under_its_number_counts_once(read):
    text = "\\id BOT\n\\c 1\n\\p\n\\v 1 a\n\\v 1 b\n\\s In\n\\p\n\\v 2 c\n\\s End"
    assert asides(read(text)) == [(1, "heading", "In"), (2, "heading", "End")]


def test_levels_and_unknown_levels(read):
    text = "\\id BOT\n\\c 1\n\\s5 Five\n\\ms2 Two\n\\mt9 No\n\\p\n\\v 1 a"
    assert asides(read(text)) == [(0, "heading", "Five"), (0, "heading", "Two")]


@pytest.mark.parametrize(
    "marker", "rem sd b lit ip iot io1 restore zcustom p q1".split()
)
def test_what_is_no_aside(read, marker):
    text = f"\\id BOT\n\\c 1\n\\{marker} Nobody reads this\n\\p\n\\v 1 Red"
    assert asides(read(text)) == []


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        (r"The\fig A dog|src=\"d.jpg\" size=\"col\" ref=\"1\"\fig* boat", "The boat"),
        (r"The boat \va 7\va*", "The boat"),
        (r"see \ref Hill 2|HIL 2:1\ref* there", "see Hill 2 there"),
        ("The\n  red~boat", "The red\u00a0boat"),
        (r"\it The\it* boat\x - \xt Hill 2\x*", "The boat"),
    ],
)
def test_markup_in_a_heading(read, markup, text):
    markup = markup.replace('\\"', '"')
    chapter = read(f"\\id BOT\n\\c 1\n\\s {markup}\n\\p\n\\v 1 Red")
    assert asides(chapter) == [(0, "heading", text)]


def test_other_chapters_asides_are_left_out():
    source = TextSource("boats.usfm", BOOK)
    assert read_usfm(source, 9).asides == ()
    assert {aside.chapter for aside in read_usfm(source, 2).asides} == {2}


USX = """<usx version="3.0">
  <book code="BOT" style="id">An invented book</book>
  <para style="h">Boats</para>
  <para style="mt1">The Boats</para>
  <chapter number="1" style="c" sid="BOT 1"/>
  <para style="s1">The red
    boat<note caller="+" style="f"><char style="ft">Or ship</char></note></para>
  <para style="r">(<ref loc="HIL 2:3">Hills 2.3</ref>)</para>
  <para style="d">A song. <verse number="1" style="v"/>Red,<verse eid="BOT 1:1"/></para>
  <para style="p"><verse number="2" style="v" sid="BOT 1:2"/>Blue</para>
  <para style="s2">The storm</para>
  <para style="p">and grey.<verse eid="BOT 1:2"/></para>
  <sidebar style="esb"><para style="s">A sidebar</para></sidebar>
  <para style="s">After all</para>
  <chapter eid="BOT 1"/>
</usx>
"""


def test_usx(read):
    chapter = read(USX, text_format="usx")
    assert asides(chapter) == [
        (0, "book", "The Boats"),
        (0, "chapter", "Boats 1"),
        (0, "heading", "The red boat"),
        (0, "reference", "(Hills 2.3)"),
        (0, "title", "A song."),
        (2, "heading", "The storm"),
        (2, "heading", "After all"),
    ]
    assert [verse.text for verse in chapter.verses] == ["Red,", "Blue and grey."]


def test_each_book_has_its_own_names():
    book = '<book code="{}" style="id"/>{}<chapter number="2" style="c"/>'
    named = book.format("BOT", '<para style="h">Boats</para>')
    source = TextSource("b.usx", f"<usx>{named}{book.format('SEA', '')}</usx>")
    assert read_usx(source, 2).asides == (
        PlacedAside("BOT", 2, 0, AsideKind.CHAPTER, "Boats 2"),
    )


@pytest.mark.parametrize("text_format", ["plain", "tsv", "vpl"])
def test_other_formats_have_none(read, text_format):
    line = {"plain": "Red", "tsv": "1\tRed", "vpl": "BOT 1:1 Red"}[text_format]
    assert asides(read(line, text_format=text_format)) == []


ITEMS = st.lists(st.sampled_from(["v", "s", "r", "sp", "ms2", "p", "q1"]), max_size=20)


@settings(deadline=None)
@given(ITEMS)
def test_asides_stand_before_the_next_verse(items):
    lines, expected, verses = ["\\id BOT", "\\c 1", "\\p"], [], 0
    for index, item in enumerate(items):
        if item == "v":
            verses += 1
            lines += ["\\p", f"\\v {verses} Verse {verses}"]
        else:
            lines.append(f"\\{item} Text {index}")
            if item not in ("p", "q1"):
                expected.append((verses, f"Text {index}"))
    placed = read_usfm(TextSource("boats.usfm", "\n".join(lines)), 1)
    assert [(aside.before, aside.text) for aside in placed.asides] == expected
    assert len(placed.verses) == verses
