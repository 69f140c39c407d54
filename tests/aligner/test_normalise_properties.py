"""What holds for any text whatever: exact places, nothing lost, plain forms."""

import re
import unicodedata

from hypothesis import example, given, settings
from hypothesis import strategies as st

from aligner.characters import role_of
from aligner.normalise import normalise_verse
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


@settings(deadline=None)
@given(TEXTS, st.sampled_from(LANGUAGES))
@example("ﬁ㎞½ﷺ", "eng")
@example("ﾊﾞ", "jpn")
def test_spans_are_ordered_disjoint_and_exact(text, language):
    end = 0
    for token in normalise_verse(text, language):
        assert end <= token.char_start < token.char_end <= len(text)
        assert text[token.char_start : token.char_end] == token.written
        end = token.char_end


@settings(deadline=None)
@given(TEXTS, st.sampled_from(LANGUAGES))
def test_no_letter_or_digit_is_lost(text, language):
    text = text.replace("&", "+")  # names of entities are not text
    tokens = normalise_verse(text, language)
    covered = {i for t in tokens for i in range(t.char_start, t.char_end)}
    lost = [c for i, c in enumerate(text) if i not in covered and _is_text(c)]
    assert lost == []


@settings(deadline=None)
@given(TEXTS, st.sampled_from(LANGUAGES))
def test_normalised_forms_are_plain(text, language):
    for token in normalise_verse(text, language):
        assert token.normalised != ""
        if token.is_number:
            assert re.fullmatch(r"[0-9]+([.,:/'][0-9]+)*", token.normalised)
        else:
            assert unicodedata.is_normalized("NFKC", token.normalised)
            assert not any(c.isspace() or c.isdecimal() for c in token.normalised)


@settings(deadline=None)
@given(TEXTS, st.sampled_from(LANGUAGES))
@example("ΑΣ’Β ㌀", "ell")
def test_normalising_again_keeps_letters_and_then_changes_nothing(text, language):
    once = words(text, language)
    twice = words(" ".join(once), language)
    assert letters_of(twice) == letters_of(once)
    assert words(" ".join(twice), language) == twice


def letters_of(forms: list[str]) -> str:
    # Alone, an apostrophe at the edge of a word is taken for a quotation mark.
    return "".join(filter(str.isalnum, "".join(forms)))


def test_long_runs_of_zero_width_marks_take_linear_time():
    marks = "\u200b" * 20_000  # with backtracking, this would not end
    assert words(f"a{marks}'{marks}!a{marks}1{marks},{marks}") == ["a", "a", "1"]
    assert words(f"ก{marks}န{marks}!") == ["ก", "န"]
