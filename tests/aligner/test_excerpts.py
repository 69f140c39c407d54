"""The written text of a run of words."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aligner.excerpts import excerpt, romanised_excerpt
from schemas.alignment import VerseAlignment, WordSpan


def verse_of(text: str, romanised: str | None = None) -> VerseAlignment:
    """Return a verse whose words are the runs of letters and digits."""
    found = list(re.finditer(r"[^\W_]+", text))
    words = tuple(WordSpan(m[0], 0.0, 1.0, 0.0, *m.span()) for m in found)
    if romanised is None:
        romanised = " ".join(m[0].lower() for m in found)
    return VerseAlignment(
        verse="1", text=text, romanised=romanised, start_sec=0.0, end_sec=1.0,
        score=0.0, score_worst=0.0, words=words, stars=(),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "cut", "left", "right"),
    [
        ("Come, friend", 1, "Come,", "friend"),
        ('He asked, "Where?" and', 2, "He asked,", '"Where?" and'),
        ("she said “yes”", 2, "she said", "“yes”"),
        ("one — two", 1, "one —", "two"),
        ("one—two", 1, "one—", "two"),
        ("él dijo: ¿Dónde?", 2, "él dijo:", "¿Dónde?"),
        ("dijo—¿Dónde?", 1, "dijo—", "¿Dónde?"),
        ("dit : « Viens »", 1, "dit :", "« Viens »"),
        ("Oui ! Viens", 1, "Oui !", "Viens"),
        ("雨。「風", 1, "雨。", "「風"),
        ("rain (cold) fell", 1, "rain", "(cold) fell"),
        ("rain (cold) fell", 2, "rain (cold)", "fell"),
        ("the 4th", 1, "the", "4th"),
        ("end.”  “Next", 1, "end.”", "“Next"),
    ],
)
def test_punctuation_stays_with_its_word(text, cut, left, right):
    verse = verse_of(text)
    last = len(verse.words) - 1
    assert (excerpt(verse, 0, cut - 1)[0], excerpt(verse, cut, last)[0]) == (
        left,
        right,
    )


def test_the_whole_verse_keeps_what_stands_around_its_words():
    verse = verse_of("  [“Rain!” he said.)  ")
    text, _ = excerpt(verse, 0, len(verse.words) - 1)
    assert text == "[“Rain!” he said.)"


@given(
    text=st.text(alphabet="ab3 ,.“”«»(¿'—-\u3002\u200b", max_size=30),
    data=st.data(),
)
def test_excerpts_tile_the_verse_and_their_words_stay_in_place(text, data):
    verse = verse_of(text)
    if not verse.words:
        return
    cuts = sorted(data.draw(st.sets(st.integers(1, len(verse.words)))))
    firsts = [0, *(cut for cut in cuts if cut < len(verse.words))]
    lasts = [first - 1 for first in firsts[1:]] + [len(verse.words) - 1]
    pieces = [excerpt(verse, f, k) for f, k in zip(firsts, lasts, strict=True)]
    assert all(piece == piece.strip() for piece, _ in pieces)
    without_space = re.sub(r"\s", "", "".join(piece for piece, _ in pieces))
    assert without_space == re.sub(r"\s", "", text)
    for (piece, begins_at), first, last in zip(pieces, firsts, lasts, strict=True):
        for word in verse.words[first : last + 1]:
            start, end = word.char_start - begins_at, word.char_end - begins_at
            assert piece[start:end] == word.word


def test_romanised_words_are_taken_by_number_and_empty_ones_keep_their_place():
    verse = verse_of("the 12 rivers", "the  rivers")
    assert romanised_excerpt(verse, 0, 2) == "the  rivers"
    assert romanised_excerpt(verse, 1, 2) == " rivers"
    assert romanised_excerpt(verse, 1, 1) == ""


def test_romanised_words_that_do_not_match_are_a_bug():
    with pytest.raises(ValueError, match="verse 1: 1 romanised words for 3"):
        romanised_excerpt(verse_of("the 12 rivers", "the"), 0, 1)
