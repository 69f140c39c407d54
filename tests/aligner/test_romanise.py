"""Romanisation: reduced to a-z and ', numerals spelt out, codes where they matter."""

import re
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aligner import romanise
from aligner.normalise import normalise_verse
from aligner.romanise import romanise_word, uroman_code


@pytest.mark.parametrize(
    ("word", "language", "expected"),
    [
        ("привет", "rus", "privet"),
        ("ga'anda's", "gqa", "ga'anda's"),
        ("straße", "deu", "strasse"),
        ("नेपाल", "nep", "nepaal"),
        ("한국어", "kor", "hangugeo"),
        ("ʔa", "xyz", "'a"),
        ("hello", "eng", "hello"),
    ],
)
def test_words_of_many_scripts(word, language, expected):
    assert romanise_word(word, language) == expected


@given(
    st.text(alphabet="abcdefghijklmnopqrstuvwxyz'", min_size=1, max_size=12),
    st.sampled_from([None, "eng", "fra", "lav", "lit", "tur", "rus"]),
)
@settings(max_examples=50, deadline=None)
def test_uroman_leaves_roman_letters_as_they_are(word, code):
    assert romanise._romanise.__wrapped__(word, code) == word


@pytest.mark.parametrize("word", ["🙂", "ǃ", "", "\ue000"])
def test_what_has_no_romanisation_is_empty(word):
    assert romanise_word(word, "eng") == ""


@pytest.mark.parametrize(
    ("word", "expected"),
    [("三", "san"), ("一", "yi"), ("百", "bai"), ("〇", "ling"), ("三万", "sanwan")],
)
def test_chinese_numerals_are_read_not_counted(word, expected):
    assert romanise_word(word, "cmn") == expected


def test_repetition_marks_repeat():
    assert romanise_word("人々", "jpn") == "renren"


def test_thai_and_lao_am_survive_normalisation():
    (thai,) = normalise_verse("นำ", "tha")
    assert thai.normalised != "นำ"  # NFKC has taken it apart
    assert romanise_word(thai.normalised, "tha") == "nam"
    (lao,) = normalise_verse("ນຳ", "lao")
    assert romanise_word(lao.normalised, "lao") == "nam"


def test_codes_pass_only_where_uroman_has_rules():
    assert uroman_code("rus") == "rus"
    assert uroman_code("srp-Cyrl") == "srp"
    assert uroman_code("arb") == "ara"  # by its macrolanguage
    assert uroman_code("swh") is None
    assert uroman_code("zzz") is None


def test_the_language_makes_a_difference():
    assert romanise_word("щи", "bul") == "shti"
    assert romanise_word("щи", "rus") == "shchi"
    assert romanise_word("राम", "san") == "raama"
    assert romanise_word("राम", "hin") == "raam"


def test_words_are_cached_within_bounds_and_shared_between_languages():
    romanise_word("kivúko", "swh")
    before = romanise._romanise.cache_info()
    romanise_word("kivúko", "lin")
    after = romanise._romanise.cache_info()
    assert (after.hits, after.misses) == (before.hits + 1, before.misses)
    assert after.maxsize is not None


def test_threads_share_one_instance():
    words = [f"ша{'лб'[i % 2]}а{i}" for i in range(40)]
    found: dict[int, list[str]] = {}

    def work(thread: int) -> None:
        found[thread] = [romanise_word(word, "ukr") for word in words]

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [found[i] for i in range(4)] == [["shala", "shaba"] * 20] * 4
    assert romanise._uroman.cache_info().misses == 1


@settings(deadline=None)  # the first example may build uroman
@given(st.text(max_size=8), st.sampled_from(["eng", "ara", "cmn", "tha", "hin"]))
def test_only_roman_letters_come_out(text, language):
    for token in normalise_verse(text, language):
        assert re.fullmatch("[a-z']*", romanise_word(token.normalised, language))
