"""Words of a verse: the faults of other normalisers, many scripts, and properties."""

import re
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from aligner.characters import role_of
from aligner.normalise import Token, normalise_verse
from aligner.rules import rules_for

LANGUAGES = ("eng", "tur", "ara", "hye", "haw", "heb", "kas", "cat", "tha", "mya")

# Where the interesting characters are, so that they meet often.
SCRIPTS = st.text(
    st.sampled_from(
        "aZßİIıΣς '’ʻʼ-–.,:/&;#0123٣५²½Ⅷ፲〇①㎞ﬁﷺﹰـَ"
        "\u00ad\u200b\u200c\u200d\u200f\u0301\u20e3\ufe0f"
        "กเา้ิำ์ๆကျွ်န္ខ្មែរកがっこゃー々字漢བོད་सिूर्क्षि한국어՞״·|!\n\t\u00a0"
    ),
    max_size=30,
)
TEXTS = SCRIPTS | st.text(max_size=30)


def words(text: str, language: str = "eng") -> list[str]:
    return [token.normalised for token in normalise_verse(text, language)]


def numbers(text: str, language: str = "eng") -> list[str]:
    tokens = normalise_verse(text, language)
    assert all(token.is_number for token in tokens)
    return [token.normalised for token in tokens]


def written(text: str, language: str = "eng") -> list[str]:
    return [token.written for token in normalise_verse(text, language)]


# Faults of the reference normaliser


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


# Scripts


def test_vowel_signs_and_joiners_belong_to_words():
    assert words("क्षेत्र की सूर्य", "hin") == ["क्षेत्र", "की", "सूर्य"]
    assert words("க்\u200dஷ ক্\u200cষ") == ["க்ஷ", "ক্ষ"]


def test_tatweel_and_harakat_are_written_but_not_normalised():
    text = "كـــتاب مُحَمَّد"
    assert words(text, "ara") == ["كتاب", "محمد"]
    assert written(text, "ara") == text.split()


def test_kashmiri_keeps_the_signs_that_are_its_vowels():
    assert words("گ\u0657ر", "kas") == ["گ\u0657ر"]
    assert words("گ\u0657ر", "urd") == ["گر"]


def test_presentation_forms_are_letters():
    assert words("ﻛﺘﺎﺏ ﷲ", "ara") == ["كتاب", "الله"]


def test_bidi_marks_are_not_part_of_the_written_edges():
    assert written("\u200fسلام\u200f \u202bab\u200ec\u202c", "ara") == [
        "سلام",
        "ab\u200ec",
    ]


def test_armenian_marks_stand_inside_words():
    assert words("ինչո՞ւ։ այո՛", "hye") == ["ինչու", "այո"]


def test_hebrew_acronyms_and_cantillation():
    assert words('צה״ל צה"ל "שלום"', "heb") == ["צהל", "צהל", "שלום"]
    assert words("דָּבָ֖ר", "heb") == [unicodedata.normalize("NFKC", "דָּבָר")]


def test_thai_clusters():
    text = "หมู่บ้านน้ำใจเก่าศาสตร์มากๆ"
    assert written(text, "tha") == [
        "ห", "มู่", "บ้า", "น", "น้ำ", "ใจ", "เก่า", "ศา", "ส", "ตร์", "มา", "กๆ",
    ]  # fmt: skip


def test_lao_khmer_and_burmese_clusters():
    assert written("ເຮືອ", "lao") == ["ເຮື", "ອ"]
    assert written("ខ្មែរភាសា", "khm") == ["ខ្មែ", "រ", "ភា", "សា"]
    assert written("ကျွန်တော်အင်္ဂလိပ်", "mya") == ["ကျွန်", "တော်", "အင်္ဂ", "လိပ်"]


def test_chinese_japanese_and_tibetan_units():
    assert written("船，红色。一二〇", "cmn") == list("船红色一二〇")
    assert not any(t.is_number for t in normalise_verse("一二〇", "cmn"))
    assert written("がっこうへ人々とコーヒー", "jpn") == [
        "が", "っこ", "う", "へ", "人々", "と", "コー", "ヒー",
    ]  # fmt: skip
    assert written("བོད་སྐད།", "bod") == ["བོད", "སྐད"]
    assert written("배가 간다", "kor") == ["배가", "간다"]


def test_scripts_part_where_they_meet():
    assert written("iPhoneを2台") == ["iPhone", "を", "2", "台"]


# Properties


def _is_text(char: str) -> bool:
    """Say whether a character has something of its own to say in English."""
    if role_of(char, rules_for("eng")) in ("I", "M"):  # fillers, tatweel
        return False
    plain = unicodedata.normalize("NFKC", char)
    spoken = any(c.isalpha() or c.isdecimal() for c in plain)
    return (char.isalpha() or char.isdecimal()) and spoken


def test_few_letters_have_nothing_to_say():
    silent = {
        char
        for char in map(chr, range(0x110000))
        if (char.isalpha() or char.isdecimal()) and not _is_text(char)
    }
    names = {unicodedata.name(char) for char in silent}
    kinds = (
        "FILLER|TATWEEL|LAJANYALAN|NIRUGU|FATHA|DAMMA|KASRA|SHADDA|SUKUN|YPOGEGRAMMENI"
    )
    assert {name for name in names if not re.search(kinds, name)} == {
        "HALFWIDTH KATAKANA VOICED SOUND MARK",
        "HALFWIDTH KATAKANA SEMI-VOICED SOUND MARK",
    }


@given(TEXTS, st.sampled_from(LANGUAGES))
@example("ﬁ㎞½ﷺ", "eng")
@example("ﾊﾞ", "jpn")
def test_spans_are_ordered_disjoint_and_exact(text, language):
    end = 0
    for token in normalise_verse(text, language):
        assert end <= token.char_start < token.char_end <= len(text)
        assert text[token.char_start : token.char_end] == token.written
        end = token.char_end


@given(TEXTS, st.sampled_from(LANGUAGES))
def test_no_letter_or_digit_is_lost(text, language):
    text = text.replace("&", "+")  # names of entities are not text
    tokens = normalise_verse(text, language)
    covered = {i for t in tokens for i in range(t.char_start, t.char_end)}
    lost = [c for i, c in enumerate(text) if i not in covered and _is_text(c)]
    assert lost == []


@given(TEXTS, st.sampled_from(LANGUAGES))
def test_normalised_forms_are_plain(text, language):
    for token in normalise_verse(text, language):
        assert token.normalised != ""
        if token.is_number:
            assert re.fullmatch(r"[0-9]+([.,:/'][0-9]+)*", token.normalised)
        else:
            assert unicodedata.is_normalized("NFKC", token.normalised)
            assert not any(c.isspace() or c.isdecimal() for c in token.normalised)


@given(TEXTS, st.sampled_from(LANGUAGES))
@example("ΑΣ’Β", "ell")
def test_normalising_again_changes_nothing(text, language):
    # Letters only: alone, an apostrophe at a word's edge is taken for a quotation mark.
    def meaning(verse: str) -> list[str]:
        forms = (t.normalised for t in normalise_verse(verse, language))
        letters = ("".join(filter(str.isalnum, form)) for form in forms)
        return [form for form in letters if form]

    once = " ".join(t.normalised for t in normalise_verse(text, language))
    assert meaning(once) == meaning(text)


def test_long_runs_of_zero_width_marks_take_linear_time():
    marks = "\u200b" * 20_000  # with backtracking, this would not end
    assert words(f"a{marks}'{marks}!a{marks}1{marks},{marks}") == ["a", "a", "1"]
    assert words(f"ก{marks}န{marks}!") == ["ก", "န"]
