"""Tokens of a chapter: stars for numbers, the way back to words, empty verses."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aligner.tokens import NO_VERSE, NO_WORD, EncodedChapter, Star, encode_chapter
from schemas.errors import TextEmpty
from schemas.source import Chapter, Verse

ROMAN = ("", *"abcdefghijklmnopqrstuvwxyz'")
STAR = len(ROMAN)
NATIVE = ("<pad>", "<unk>", "|", *"абвгдежзийклмнопрстуфхцчшщъыьэюя", "ё")


def chapter(*verses: str, language: str = "eng") -> Chapter:
    numbered = (Verse(str(i), text) for i, text in enumerate(verses, start=1))
    return Chapter(language=language, book="TST", chapter=3, verses=tuple(numbered))


def encode(*verses: str, language: str = "eng", **choices) -> EncodedChapter:
    return encode_chapter(
        chapter(*verses, language=language), ROMAN, 0, romanised=True, **choices
    )


def spelt(encoded: EncodedChapter, labels=ROMAN) -> str:
    return "".join((*labels, "*")[token] for token in encoded.tokens)


def letters_by_word(encoded: EncodedChapter, labels=ROMAN) -> dict[tuple, str]:
    by_word: dict[tuple, str] = {}
    rows = (encoded.token_verse, encoded.token_word, encoded.tokens)
    for verse, word, token in zip(*map(np.ndarray.tolist, rows), strict=True):
        key = (verse, word)
        by_word[key] = by_word.get(key, "") + (*labels, "*")[token]
    return by_word


def test_a_star_before_everything_and_in_place_of_numbers():
    encoded = encode("The boat had 12 oars.", "It's red.")
    assert spelt(encoded) == "*theboathad*oarsit'sred"
    assert encoded.token_verse.tolist() == [-1] + [0] * 15 + [1] * 7
    assert encoded.token_word.tolist()[:5] == [-1, 0, 0, 0, 1]
    assert encoded.verse_first_token.tolist() == [1, 16]
    assert encoded.stars == (
        Star(token=0, verse=NO_VERSE, word_start=0, word_end=0, at_start=True),
        Star(token=11, verse=0, word_start=3, word_end=4, at_start=False),
    )
    assert encoded.star == STAR
    assert encoded.romanised[0] == ("the", "boat", "had", "", "oars")
    for array in (encoded.tokens, encoded.token_verse, encoded.token_word):
        assert array.dtype == np.int32
        assert array.flags["C_CONTIGUOUS"]


def test_without_a_star_at_the_start():
    assert spelt(encode("A red 7", star_at_start=False)) == "ared*"


def test_digits_of_other_scripts_are_not_dropped():
    assert spelt(encode("في ٣ سفن", "नाव १२", language="ara")).count("*") == 3


def test_a_run_of_numbers_is_one_star_with_all_its_words():
    encoded = encode("On 12 3/4 5½ days")
    assert spelt(encoded) == "*on*days"
    assert encoded.stars[1] == Star(3, 0, 1, 5, at_start=False)
    run = encoded.verses[0][1:5]
    assert [token.written for token in run] == ["12", "3/4", "5", "½"]


def test_numbers_around_a_word_without_letters_are_one_star():
    encoded = encode("On 12 ǃ 13 days")
    assert spelt(encoded) == "*on*days"
    assert encoded.stars[1] == Star(3, 0, 1, 4, at_start=False)


def test_numbers_do_not_merge_across_verses():
    encoded = encode("Day 1", "2 boats")
    assert spelt(encoded) == "*day**boats"
    assert encoded.verse_first_token.tolist() == [1, 5]


def test_a_number_at_the_very_start_shares_its_star_with_the_title():
    encoded = encode("3 boats")
    assert spelt(encoded) == "*boats"
    assert encoded.stars == (Star(0, 0, 0, 1, at_start=True),)
    assert encoded.verse_first_token.tolist() == [0]
    plain = encode("3 boats", star_at_start=False)
    assert plain.stars == (Star(0, 0, 0, 1, at_start=False),)


@pytest.mark.parametrize(
    ("verses", "first_tokens"),
    [
        (["…", "red", "boat"], [-1, 1, 4]),
        (["red", "—", "boat"], [1, -1, 4]),
        (["red", "boat", ""], [1, 4, -1]),
        (["", "", "red boat"], [-1, -1, 1]),
    ],
)
def test_empty_first_middle_and_last_verse_are_carried(verses, first_tokens):
    encoded = encode(*verses)
    assert spelt(encoded) == "*redboat"
    assert encoded.verse_first_token.tolist() == first_tokens
    assert len(encoded.verses) == len(encoded.romanised) == 3


def test_a_chapter_without_anything_to_align_is_refused():
    with pytest.raises(
        TextEmpty, match=r"TST 3 \(eng\).*no letter and no digit.*2 verses"
    ):
        encode("…", "🙂")
    with pytest.raises(TextEmpty, match="2 words without one"):
        encode("ǃ ǂ")
    with pytest.raises(TextEmpty):
        encode()


def test_a_word_that_cannot_be_romanised_stays_without_tokens():
    encoded = encode("red ǃ boat")
    assert spelt(encoded) == "*redboat"
    assert [token.written for token in encoded.verses[0]] == ["red", "ǃ", "boat"]
    assert 1 not in encoded.token_word


def test_letters_missing_in_a_vocabulary_are_dropped_and_counted():
    labels = ("-", *"abcdefghijklmnoprstuvwyz")
    encoded = encode_chapter(chapter("Quiet taxi, it's"), labels, 0, romanised=True)
    assert spelt(encoded, labels) == "*uiettaiits"
    assert dict(encoded.unknown_letters) == {"q": 1, "x": 1, "'": 1}


def test_native_letters_with_separators_between_words():
    text = chapter("Лодка плыла-плыла.", "Ёж и 3 кита", language="rus")
    encoded = encode_chapter(text, NATIVE, 0, romanised=False, word_separator=2)
    assert spelt(encoded, NATIVE) == "*лодка|плыла|плыла|ёж|и*кита"
    separators = np.flatnonzero(encoded.tokens == 2)
    assert encoded.token_word[separators].tolist() == [NO_WORD] * 4
    assert encoded.token_verse[separators].tolist() == [0, 0, 0, 1]
    assert encoded.verse_first_token.tolist() == [1, 19]
    assert encoded.romanised[0] == ("lodka", "plyla", "plyla")
    assert encoded.unknown_letters == ()


def test_no_separator_between_clusters_of_unspaced_scripts():
    labels = ("<pad>", "|", *"船红色大海")
    text = chapter("船红，大\u200b海", "色", language="cmn")
    encoded = encode_chapter(text, labels, 0, romanised=False, word_separator=1)
    assert spelt(encoded, labels) == "*船红|大海|色"


def test_vocabularies_in_capitals_or_with_another_apostrophe():
    labels = ("<pad>", *"ABCDEFGHIJKLMNOPQRSTUVWXYZʼ")
    encoded = encode_chapter(chapter("It’s red"), labels, 0, romanised=False)
    assert spelt(encoded, labels) == "*ITʼSRED"


def test_a_letter_may_be_spelt_by_its_parts():
    labels = ("<pad>", *"cafe\u0301")
    encoded = encode_chapter(chapter("Café"), labels, 0, romanised=False)
    assert spelt(encoded, labels) == "*cafe\u0301"


def test_blank_and_separator_are_no_letters():
    labels = ("a", "|", "b")
    text = chapter("ab a|b")
    encoded = encode_chapter(text, labels, 0, romanised=False, word_separator=1)
    assert spelt(encoded, labels) == "*b|b"


WORDS = st.sampled_from(
    ["red", "Boat", "12", "٣", "it’s", "…", "лодка", "ǃ", "5th", "नाव", "海", "½", "-"]
)


@settings(deadline=None)  # the first example may build uroman
@given(st.lists(st.lists(WORDS, max_size=6).map(" ".join), min_size=1, max_size=5))
def test_tokens_lead_back_to_their_words_in_order(verses):
    try:
        encoded = encode(*verses)
    except TextEmpty:
        assert not any(c.isdecimal() or c == "½" for text in verses for c in text)
        assert not any(any(roman) for text in verses for roman in romanised_words(text))
        return
    places = list(zip(encoded.token_verse, encoded.token_word, strict=True))
    assert places == sorted(places)
    covered = {
        (star.verse, word)
        for star in encoded.stars
        for word in range(star.word_start, star.word_end)
    }
    by_word = letters_by_word(encoded)
    for verse, (words, romans) in enumerate(
        zip(encoded.verses, encoded.romanised, strict=True)
    ):
        for word, (token, roman) in enumerate(zip(words, romans, strict=True)):
            if token.is_number:
                assert (verse, word) in covered
                assert by_word.get((verse, word), "*") == "*"
            else:
                assert by_word.get((verse, word), "") == roman
    stars = np.flatnonzero(encoded.tokens == STAR).tolist()
    assert stars == [star.token for star in encoded.stars]
    for left, right in pairwise(stars):
        if right == left + 1:  # two stars in a row only where a verse ends
            assert encoded.token_verse[left] != encoded.token_verse[right]


def romanised_words(text: str) -> tuple[tuple[str, ...], ...]:
    """Romanise a verse that alone has nothing to align."""
    return encode("a", text).romanised[1:]
