"""The script of a text."""

import math
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aligner.scripts import _script_of, expected_script, main_script, share_in_script


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("Mvua ndogo.", "Latn"),
        ("Тихий вечер", "Cyrl"),
        ("छोटी बारिश", "Deva"),
        ("小さな雨が降る", "Jpan"),
        ("작은 비", "Kore"),
        ("小雨", "Hani"),
        ("12, 34!", ""),
        ("", ""),
    ],
)
def test_the_script_of_most_letters(text, script):
    assert main_script(text) == script
    share = share_in_script(text, script)
    assert share == 1.0 if script else math.isnan(share)


def test_a_word_of_another_script_counts_by_its_letters():
    assert share_in_script("дождь rain", "Cyrl") == 5 / 9
    assert share_in_script("дождь rain", "Latn") == 4 / 9
    assert share_in_script("雨 rain", "Jpan") == 1 / 5


@pytest.mark.parametrize(
    ("language", "script"),
    [("srp", "Latn"), ("srp-Cyrl", "Cyrl"), ("zho-Hant", "Hani"), ("jpn-Jpan", "Jpan")],
)
def test_a_tag_says_what_is_expected(language, script):
    assert expected_script(language, "voda") == script


def test_nearly_every_letter_of_unicode_has_a_script():
    letters = [
        chr(code)
        for code in range(0x3000)
        if unicodedata.category(chr(code))[0] == "L"
        and "MODIFIER" not in unicodedata.name(chr(code))
    ]
    assert len(letters) > 4_000
    unknown = [char for char in letters if not _script_of(char)]
    assert len(unknown) < 0.02 * len(letters)
    assert sys.maxunicode > 0x3000


@given(text=st.text(max_size=30), script=st.sampled_from(["Latn", "Jpan", "Arab"]))
def test_shares_are_shares_and_ignore_order(text, script):
    share = share_in_script(text, script)
    assert math.isnan(share) or 0 <= share <= 1
    again = share_in_script(text[::-1] * 2, script)
    assert again == pytest.approx(share, nan_ok=True)
    assert math.isnan(share) == (main_script(text) == "")
