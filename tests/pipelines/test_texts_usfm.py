"""USFM to verses: what is verse text, what is not, and what is refused."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.texts_markup import MAX_DEPTH
from pipelines.texts_usfm import read_usfm
from pipelines.texts_verse import PlacedText, TextSource
from schemas.errors import TextMalformed

BOOK = r"""\id BOT An invented book of boats
\h Boats
\toc1 The Boats
\mt1 Boats
\ip An introduction with \bk a title\bk* in it.
\c 1
\cl Part 1
\s1 The red boat
\r (Hills 2.3)
\p
\v 1 The boat\f + \fr 1.1 \ft Some say \fq ship\fq*.\f* was red\x - \xt Hills 2\x*,
\q1 it sailed far
\q2 over~the sea // and back,
\b
\m to the shore.
\v 2-3 Two men
and a dog\fig A dog|src="dog.jpg" size="col" ref="1.2"\fig* rowed.
\s2 The storm
\p Then they slept.
\v 4a The wind came,
\v 4b and went.
\ms2 The calm
\mr 1.5-7
\p
\v 5
\v 6 \va 7\va* \vp 6b\vp*  All was well.
\d For the one who sings
\c 2
\d \v 1 Begun in a title.
\q1
\v 2 Two.
"""


def source(text: str) -> TextSource:
    return TextSource("boats.usfm", text)


def read(text: str, chapter: int = 1) -> list[tuple[str, str]]:
    placed = read_usfm(source(text), chapter).verses
    return [(verse.number, verse.text) for verse in placed]


def verse(markup: str) -> str:
    """Return the text of one verse with the given markup."""
    ((_, text),) = read(f"\\id BOT\n\\c 1\n\\p\n\\v 1 {markup}\n")
    return text


def test_a_chapter_with_everything():
    assert read(BOOK) == [
        (
            "1",
            "The boat was red, it sailed far over\u00a0the sea and back, to the shore.",
        ),
        ("2-3", "Two men and a dog rowed. Then they slept."),
        ("4a", "The wind came,"),
        ("4b", "and went."),
        ("5", ""),
        ("6", "All was well."),
    ]


def test_a_verse_that_begins_in_a_title():
    assert read(BOOK, 2) == [("1", "Begun in a title."), ("2", "Two.")]


def test_all_chapters_and_their_places():
    placed = read_usfm(source(BOOK), 0)
    assert placed.chapters == (("BOT", 1), ("BOT", 2))
    assert [(v.chapter, v.number) for v in placed.verses][-3:] == [
        (1, "6"), (2, "1"), (2, "2"),
    ]  # fmt: skip
    assert placed.verses[1].line == 16


def test_places_of_chapters_that_were_not_asked_for():
    placed = read_usfm(source(BOOK), 9)
    assert placed == PlacedText((), (("BOT", 1), ("BOT", 2)))


HEADINGS = "s s3 s5 ms mr r sr sp d qa cd rem mte zcustom".split()
PARAGRAPHS = "p m pi1 q q1 q4 q5 qr qm2 li1 nb pmo b".split()


@pytest.mark.parametrize("marker", HEADINGS)
def test_headings_and_remarks_are_dropped_and_the_verse_goes_on(marker):
    assert verse(f"One\n\\{marker} A heading\n\\p two.") == "One two."


@pytest.mark.parametrize("marker", PARAGRAPHS)
def test_paragraphs_and_poetry_join_with_one_space(marker):
    assert verse(f"One \n\\{marker}\n  two") == "One two"


@pytest.mark.parametrize(
    "note",
    [
        r"\f + \ft A note\f*",
        r"\x - \xt Hills 2\x*",
        r"\fe * \ft End\fe*",
        r"\ef - \cat A\cat* \ft Long\ef*",
        r"\f + \ft With \+nd a name\+nd* in it\f*",
    ],
)
def test_notes_leave_no_gap(note):
    assert verse(f"The boat{note}, red") == "The boat, red"


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        (r"The \w boat|boat\w*s", "The boats"),
        (r'\w boat|lemma="boat" strong="B1"\w*.', "boat."),
        (r'\w boat|lemma="a|b"\w*.', "boat."),
        (r'\w boat|lemma=""\w*.', "boat."),
        (r'\nd Lord|link-href="x"\nd* of', "Lord of"),
        (r"\wj Go \+nd Lord\+nd* now|later\wj*", "Go Lord now|later"),
        (r'\wj now|later|link-href="x"\wj* on', "now|later on"),
        (r"red | blue", "red | blue"),
        (r"\rb 海|うみ\rb*", "海"),
        (r"\add the\add* \qs Selah\qs*", "the Selah"),
        (r'\zaln-s |x="B"\*\w a|x="1"\w*\zaln-e\*, \w b|x="2"\w*', "a, b"),
        (r'\qt-s |sid="q1" who="Ann"\*Go\qt-e |eid="q1"\*!', "Go!"),
        (r"one \ts\* two", "one two"),
        (r"one\zx hidden \zy more\zy*\zx* two", "one two"),
        (r"see \ref Hill 2|HIL 2:1\ref* there", "see Hill 2 there"),
        (r"\pro bōt\pro*boat", "boat"),
        ("one\n\\tr \\tc1 two\\tc2 three\n\\p four", "one two three four"),
        ("one\n\\esb \\cat Aside\\cat*\n\\p Aside\n\\esbe\n\\p two", "one two"),
    ],
)
def test_character_markup(markup, text):
    assert verse(markup) == text


@pytest.mark.parametrize(
    ("raw", "number"),
    [("3-4", "3-4"), ("3–4", "3-4"), ("3,4", "3,4"), ("12A", "12a"), ("३", "3"),
     ("٣\u200f-\u200f٤", "3-4")],
)  # fmt: skip
def test_verse_numbers(raw, number):
    assert read(f"\\id BOT\n\\c 1\n\\p\n\\v {raw} Red") == [(number, "Red")]


def test_white_space_typed_by_the_author_survives():
    assert verse("a\u00a0b\u2009c\u3000d") == "a\u00a0b\u2009c\u3000d"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("\\c 1\n\\v 1 Red", r"line 1: expected \\id and a book code, got '\\\\c 1"),
        ("A red boat", "line 1: expected .id"),
        ("\\id BOT\n\\p\n\\v 1 Red", r"line 3: expected a chapter \(\\c\) before \\v"),
        ("\\id BOT\n\\c one\n\\v 1 Red", r"line 2: .* after \\c, got 'one'"),
        ("\\id BOT\n\\c 1\n\\v Red", r"line 3: .* 3-4 after \\v, got 'Red'"),
        ("\\id BOT\n\\c 1\n\\v 3Red", r"line 3: .* got '3Red'"),
        (
            "\\id BOT\n\\c 1\n\\v 1 Red \\hue x",
            r"line 3: expected a USFM marker, got \\hue",
        ),
        (
            "\\id BOT\n\\c 1\n\\v 1 Red\\f + \\ft open\n\\v 2 x",
            r"line 3: expected \\f\*",
        ),
        ("\\id BOT\n\\c 1\n\\v 1 Red\\f + \\ft a \\f + \\ft b\\f*\n\\p", None),
        ("\\id BOT\n\\c 1\n\\v 1 Red\\f + \\ft open", r"line 3: expected \\f\*"),
        ('\\id BOT\n\\c 1\n\\v 1 \\w Red|lemma="r"\n\\p', "line 3: expected a closing"),
        ("\\id BOT\n\\c 1\n\\v 1 Red\\qt-s gone\n", "line 3: .* after a milestone"),
        ("\\id BOT\n\\c 1\n\\v 1 Red\\ blue", "line 3: expected a marker after"),
        ("\\id BOT\n\\c 1\n\\v 1 \\|\\w\\w*", "line 3: expected a marker after"),
        ("\\id BOT\n\\c 1\n\\v 1 " + "\\+nd x" * 99, f"line 3: .* at most {MAX_DEPTH}"),
    ],
)
def test_wrong_usfm_names_the_line(text, message):
    if message is None:
        assert read(text) == [("1", "Red")]
        return
    with pytest.raises(TextMalformed, match=f"^boats.usfm: {message}"):
        read(text)


def test_faults_in_another_chapter_do_not_matter():
    text = "\\id BOT\n\\c 1\n\\v 1 Red\n\\c 2\n\\v x Blue \\hue y\n"
    assert read(text, 1) == [("1", "Red")]
    with pytest.raises(TextMalformed, match="line 5"):
        read(text, 2)


def test_attributes_made_to_be_slow_are_no_trouble():
    # The tokenizer's own pattern would need 2**40 steps.
    pairs = ' a="b"' * 40
    assert verse(f"\\w red|{pairs} @\\w* boat") == "red boat"


MARKUP = st.lists(
    st.sampled_from(
        [r"\id BOT", r"\c 1", r"\c 2", r"\v 1 ", r"\v 2-3 ", r"\v ", r"\p", r"\q1",
         r"\d ", r"\f + \ft ", r"\f*", r"\w ", r"\w*", "|", '|lemma="x"', r"\*",
         r"\zx ", r"\zx*", r"\+nd ", r"\+nd*", r"\tr ", r"\tc1 ", r"\esb ", r"\esbe ",
         r"\va 3\va*", r"\ca ", r"\fig ", r"\ref a|b\ref*", r"\x - ", "\\", "red ",
         "blue", "\n", "~", "//", r"\qt-s |a\*", r"\ts-s\*", r"\usfm 3.0", r"\s5",
         r"\rem "]
    ),
    max_size=12,
)  # fmt: skip


@settings(deadline=None)
@given(MARKUP, st.sampled_from([0, 1]))
def test_any_markup_is_read_or_refused(pieces, chapter):
    text = "\\id BOT\n\\c 1\n" + "".join(pieces)
    try:
        verses = read_usfm(source(text), chapter).verses
    except TextMalformed:
        return
    for found in verses:
        assert "\\" not in found.text
        assert found.text == found.text.strip()
