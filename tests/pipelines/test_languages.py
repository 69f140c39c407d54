import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from iso639 import ALL_LANGUAGES

from pipelines.languages import SCRIPTS, check_language, language_name
from schemas.errors import LanguageUnknown


@pytest.mark.parametrize(
    ("code", "canonical"),
    [
        ("swh", "swh"),
        ("SWH", "swh"),
        ("srp-Cyrl", "srp-Cyrl"),
        ("SRP-cyrl", "srp-Cyrl"),
        ("srp_Latn", "srp-Latn"),
        ("und", "und"),
        ("qaa", "qaa"),
        ("qtz", "qtz"),
    ],
)
def test_codes_come_back_canonical(code, canonical):
    assert check_language(code) == canonical


def test_all_active_codes_are_known_and_no_retired_one():
    for entry in ALL_LANGUAGES:
        if entry.status == "A":
            assert check_language(entry.part3) == entry.part3
            assert language_name(entry.part3)
        else:
            with pytest.raises(LanguageUnknown, match="retired"):
                check_language(entry.part3)


@pytest.mark.parametrize(
    ("code", "hint"),
    [
        ("sw", "'sw': expected ISO 639-3.*did you mean 'swa', 'swh' or 'swc'"),
        ("zh", "did you mean 'zho', 'cmn'"),
        ("en", "did you mean 'eng'"),
        ("ger", "did you mean 'deu'"),
        ("Swahili", "'swa' or 'swh'"),
        ("swahilli", "'swa' or 'swh'"),
        ("Finish", "'fin'"),
        ("rws", "retired, did you mean 'mui'"),
        ("ccx", "retired: Split into ten languages"),
        ("srp-Cyr", "not a script of ISO 15924, did you mean 'Cyr"),
        ("srp-", "'' is not a script"),
        ("srp-Zzzz", "'Zzzz' is not a script"),
        ("eng-Latn-US", "did you mean 'Latn'"),
    ],
)
def test_the_message_says_what_may_be_meant(code, hint):
    with pytest.raises(LanguageUnknown, match=hint):
        check_language(code)


@pytest.mark.parametrize(
    "code", ["", "xxx", " swh", "swh ", "swh\n", "s", "quz-", "qzz", "ſwh", "../swh"]
)
def test_what_is_not_a_code_is_refused(code):
    with pytest.raises(LanguageUnknown):
        check_language(code)


@settings(deadline=None)
@given(st.text(max_size=12))
def test_any_text_is_a_code_or_an_input_error(text):
    try:
        code = check_language(text)
    except LanguageUnknown as error:
        assert repr(text) in str(error)
    else:
        assert check_language(code) == code
        assert set(code) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-")


@settings(deadline=None)
@given(st.sampled_from(sorted(SCRIPTS)))
def test_all_scripts_are_accepted_in_any_case(script):
    assert check_language(f"srp-{script.lower()}") == f"srp-{script}"
    assert len(script) == 4 and script == script.title()


def test_names():
    assert language_name("srp-Cyrl") == "Serbian (Cyrl)"
    assert language_name("swh") == "Swahili"
    assert language_name("qaa") == "local language qaa"
