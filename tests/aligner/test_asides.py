"""References in brackets are found in every script, other brackets are left alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aligner.asides import bracketed_references

DIGITS = [
    "0123456789",
    "٠١٢٣٤٥٦٧٨٩",
    "०१२३४५६७८९",
    "០១២៣៤៥៦៧៨៩",
    "０１２３４５６７８９",
]


def in_digits(text: str, digits: str) -> str:
    return text.translate(str.maketrans(DIGITS[0], digits))


@pytest.mark.parametrize(
    "reference",
    [
        "(Hills 1:1)",
        "[Hl 5.3-7]",
        "(cf. Hl 22:1)",
        "(see also Song of Boats 2:1)",
        "(1 Sea 13:4–7; 14:1)",
        "(1. See 13,4-7.9)",
        "(2Sea 1:2a)",
        "(II Sea 3:16)",
        "(Hills 3:10ff.)",
        "(Hills 5:3 and Seas 6:20)",
        "(Hügel 5,3 und 6,1—7,2)",
        "(Hills 23; Seas 40:3)",
        "(Hl 119:105, 176)",
        "(Hl 119,105)",
        "( 3:16 )",
        "(3:16\u201318)",
        "(التلال ٥: ٣، ٧)",
        "(\u200fגבעות 5:3\u200f)",
        "（山丘书5：3－7）",
        "(पहाड़ी ५:३-७, ९)",
        "(ኮረብታ 1፥1)",
        "(ភ្នំ ៥:៣)",
        "(Χίλλ. 5:3· 7:1)".replace("·", ";"),
        "[см. Холмы 5:3–6:2]",
    ],
)
def test_references(reference):
    text = f"Red {reference}, blue (and green) {reference}"
    second = len(text) - len(reference)
    assert bracketed_references(text) == (
        (4, 4 + len(reference)),
        (second, len(text)),
    )


@pytest.mark.parametrize(
    "text",
    [
        "(that is, God with us)",
        "(about 5,300)",
        "(some 1.000 men)",
        "(3.5)",
        "(1,000)",
        "(12)",
        "(Hills 23)",
        "(see chapter 3)",
        "(the year 1948)",
        "(Hills 1948:3)",
        "(Hills 0:3)",
        "(Hills 3:016)",
        "(at 10:30 in the morning)",
        "(Hills 3:16",
        "Hills 3:16)",
        "[Hills 3:16)",
        "(Hills 3:16 = Seas)",
        "(½:¾)",
        "(x)",
        "()",
        "",
        "(each of these many many words 3:16)",
    ],
)
def test_other_brackets(text):
    assert bracketed_references(text) == ()


def test_the_innermost_bracket_counts():
    assert bracketed_references("[(Hills 3:16)]") == ((1, 13),)
    assert bracketed_references("((Hills 3:16) red)") == ((1, 13),)


NUMBER = st.integers(1, 99).map(str)
BOOK = st.sampled_from(
    ["Hills", "2 Seas", "1. Boote", "Пс.", "山丘", "מים", "سفن", "पहाड़"]
)
PLACE = st.tuples(NUMBER, st.sampled_from([":", ".", ",", "："]), NUMBER).map("".join)
REFERENCE = st.tuples(BOOK, PLACE, st.sampled_from(["", "-9", "–12", "-3:1", ", 7"]))
LIST = st.lists(REFERENCE.map(lambda r: f"{r[0]} {r[1]}{r[2]}"), min_size=1, max_size=5)
PLAIN = st.text(st.characters(exclude_characters="()[]（）［］"), max_size=20)


@given(PLAIN, LIST, st.sampled_from(["; ", ";", " / ", " "]), PLAIN)
def test_lists_of_references_are_found_where_they_stand(before, items, joint, after):
    bracket = f"({joint.join(items)})"
    found = bracketed_references(before + bracket + after)
    assert found == ((len(before), len(before) + len(bracket)),)


@given(PLAIN, st.text(st.characters(categories=["L", "P", "Z"]), max_size=30), PLAIN)
def test_nothing_without_a_number_is_a_reference(before, inside, after):
    assert not any(char.isdecimal() for char in inside)
    inside = inside.translate(dict.fromkeys(map(ord, "()[]（）［］")))
    assert bracketed_references(f"{before}({inside}){after}") == ()


NEAR = st.text(st.sampled_from("()[] （）ab.,:;-–1239٣स\u200f"), max_size=40)


@given(NEAR)
def test_intervals_are_brackets_in_order(text):
    end = 0
    for start, stop in bracketed_references(text):
        assert start >= end
        end = stop
        assert text[start] + text[stop - 1] in ("()", "[]", "（）", "［］")
        assert sum(char.isdecimal() for char in text[start:stop]) >= 2


@given(NEAR.map(lambda text: text.replace("٣", "3")), st.sampled_from(DIGITS))
def test_the_script_of_the_digits_does_not_matter(text, digits):
    assert bracketed_references(in_digits(text, digits)) == bracketed_references(text)
