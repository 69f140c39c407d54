"""Words of a verse: known faults of normalisers, numbers, case, NFKC, entities."""

import unicodedata

import pytest

from aligner.normalise import Token, normalise_verse
from aligner.rules import rules_for


def words(text: str, language: str = "eng") -> list[str]:
    return [token.normalised for token in normalise_verse(text, language)]


def numbers(text: str, language: str = "eng") -> list[str]:
    tokens = normalise_verse(text, language)
    assert all(token.is_number for token in tokens)
    return [token.normalised for token in tokens]


def written(text: str, language: str = "eng") -> list[str]:
    return [token.written for token in normalise_verse(text, language)]


# Apostrophes, digits, leaking rules, hyphens


def test_two_curly_apostrophes_stay_in_one_word():
    assert words("Ga’anda’s boat") == ["ga'anda's", "boat"]


APOSTROPHES = "'’‘‛′`´＇ʼʻʽʾʿʹꞌꞋ\u05f3\u055a"


@pytest.mark.parametrize("apostrophe", APOSTROPHES)
def test_every_apostrophe_inside_a_word_becomes_the_plain_one(apostrophe):
    text = f"b{apostrophe}c"
    assert normalise_verse(text, "eng") == (Token(text, "b'c", 0, 3, False),)


def test_quotation_marks_are_no_apostrophes():
    assert words("‘Go,’ said ’Umar, 'now'") == ["go", "said", "umar", "now"]


def test_doubled_apostrophes_quote():
    assert words("a''b ''c''") == ["a", "b", "c"]


def test_okina_is_a_letter_at_the_edge_of_a_word():
    assert words("ʻāina oʻ", "eng") == ["'āina", "o'"]


def test_edge_apostrophes_count_where_they_are_consonants():
    assert words("'aina ka'", "haw") == ["'aina", "ka'"]
    assert words("'aina ka'", "eng") == ["aina", "ka"]


@pytest.mark.parametrize(
    "zero", [0x0660, 0x06F0, 0x0966, 0x09E6, 0x0E50, 0xFF10, 0x1D7CE]
)
def test_digits_of_every_script_are_numbers(zero):
    text = "".join(chr(zero + digit) for digit in (1, 0, 9))
    assert normalise_verse(text, "eng") == (Token(text, "109", 0, 3, True),)


def test_all_decimal_digits_of_unicode_are_numbers():
    for char in map(chr, range(0x110000)):
        if unicodedata.category(char) == "Nd":
            (token,) = normalise_verse(char, "eng")
            assert token.is_number
            assert token.normalised == str(unicodedata.decimal(char))


def test_arabic_rules_do_not_leak_into_other_languages():
    before = words("a|b col·lecció", "eng")
    words("كتاب", "ara")
    words("a|b col·lecció", "cat")
    words("a|b", "che")
    assert words("a|b col·lecció", "eng") == before == ["a", "b", "col", "lecció"]


def test_rules_cannot_be_changed():
    with pytest.raises(AttributeError):
        rules_for("eng").unspoken = frozenset()  # type: ignore[misc]
    assert not hasattr(rules_for("eng").unspoken, "add")


def test_soft_hyphen_is_unspoken_in_every_language():
    assert words("soft\u00adhyphen", "eng") == ["softhyphen"]
    assert words("хэ\u00adл", "khk") == ["хэл"]


def test_hyphens_and_dashes_part_words():
    assert words("well-known sea–side up—down a‐b") == [
        "well", "known", "sea", "side", "up", "down", "a", "b",
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["", " \n", "…", "—«»", "\u200b\u200f", "🙂 ❤️"])
def test_nothing_to_say_gives_no_tokens(text):
    assert normalise_verse(text, "eng") == ()


# Numbers


def test_separators_inside_a_number_belong_to_it():
    assert numbers("1,000 3.5 10:30 1/2 1'000 ٣٫٥ ١٬٠٠٠") == [
        "1,000", "3.5", "10:30", "1/2", "1'000", "3.5", "1,000",
    ]  # fmt: skip
    assert written("12, 13.") == ["12", "13"]


def test_letters_and_digits_part():
    tokens = normalise_verse("the 4th Covid19", "eng")
    assert [(t.normalised, t.is_number) for t in tokens] == [
        ("the", False), ("4", True), ("th", False), ("covid", False), ("19", True),
    ]  # fmt: skip


def test_numerals_that_are_no_digits():
    assert numbers("3½ Ⅷ ፲፪ ①") == ["3", "1/2", "8", "10", "2", "1"]
    assert written("3½ Ⅷ ፲፪ ①") == ["3", "½", "Ⅷ", "፲", "፪", "①"]


def test_raised_digits_after_a_letter_stay_in_the_word_unspoken():
    assert normalise_verse("jme³¹ 10²", "eng") == (
        Token("jme³¹", "jme", 0, 5, False),
        Token("10", "10", 6, 8, True),
        Token("²", "2", 8, 9, True),
    )


def test_one_character_that_spells_digits_and_letters_is_a_number():
    assert numbers("㎡ ㋀") == ["2", "1"]


# NFKC, case, entities


def test_compatibility_characters_keep_their_place():
    assert normalise_verse("ﬁve ㎞ off", "eng") == (
        Token("ﬁve", "five", 0, 3, False),
        Token("㎞", "km", 4, 5, False),
        Token("off", "off", 6, 9, False),
    )


def test_decomposed_letters_are_composed():
    assert normalise_verse("cafe\u0301!", "fra") == (
        Token("cafe\u0301", "café", 0, 5, False),
    )


def test_trade_mark_is_not_spelt_out():
    assert words("Boat™ ℠") == ["boat"]


def test_turkish_dotted_and_dotless_i():
    assert words("IŞIK İzmir I\u0307n", "tur") == ["ışık", "izmir", "in"]
    assert words("ISLAND", "eng") == ["island"]
    assert words("IŞIK", "kaz-Latn") == ["ışık"]


def test_final_sigma_depends_on_its_place():
    assert words("ΟΔΟΣ ΣΑΣ", "ell") == ["οδος", "σας"]


def test_html_entities_are_one_place_in_the_text():
    text = "R&eacute;my &amp; Zo&#235;&nbsp;go&rsquo;s &lt;up&gt;"
    tokens = normalise_verse(text, "fra")
    assert [t.normalised for t in tokens] == ["rémy", "zoë", "go's", "up"]
    assert [t.written for t in tokens] == [
        "R&eacute;my",
        "Zo&#235;",
        "go&rsquo;s",
        "up",
    ]


def test_what_only_looks_like_an_entity_is_text():
    assert words("a &foo; b &ampx; AT&T; &#0; &#1;") == [
        "a", "foo", "b", "ampx", "at", "t",
    ]  # fmt: skip
