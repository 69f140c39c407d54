"""Numbers read out: expectations written by hand, and what holds in every language."""

import subprocess
import sys

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st
from iso639 import Language

from aligner.normalise import normalise_verse
from aligner.number_readers import READERS, reader_for
from aligner.numbers import spoken_forms

READINGS = """
eng | 0 | zero
eng | 7 | seven
eng | 153 | one hundred and fifty-three | one hundred fifty-three
eng | 1948 | one thousand, nine hundred and forty-eight | nineteen forty-eight | one thousand, nine hundred forty-eight
eng | 1,948 | one thousand, nine hundred and forty-eight | one thousand, nine hundred forty-eight
eng | 1600 | one thousand, six hundred | sixteen hundred
eng | 144 000 | one hundred and forty-four thousand | one hundred forty-four thousand
eng | 4th | fourth
eng | 21ST | twenty-first
eng | 3:16 | three sixteen
eng | Ⅷ | eight
eng | 3. | three
spa | 16 | dieciséis
spa | 603.550 | seiscientos tres mil quinientos cincuenta
spa | 3.º | tercero
spa | 1948 | mil novecientos cuarenta y ocho
fra | 71 | soixante et onze
fra | 12 000 | douze mille
fra | 1er | premier
fra | 7e | septième
deu | 1500 | eintausendfünfhundert | fünfzehnhundert
deu | 3. | drei | dritte
deu | 13,4 | dreizehn vier
nld | 1948 | duizendnegenhonderdachtenveertig | negentien honderd achtenveertig
por | 16 | dezesseis | dezasseis
por | 3º | terceiro
ita | 5000 | cinquemila
rus | 40 | сорок
rus | 5000 | пять тысяч
rus | 3-й | третий
ukr | 12 | дванадцять
pol | 40 | czterdzieści
tur | 40 | kırk
tur | 3. | üç | üçüncü
ind | 5000 | lima ribu
ind | 10:30 | sepuluh tiga puluh
kor | 40 | 사십
tha | 21 | ยี่สิบเอ็ด
arb | ٤٠ | أربعون
pes | ۱۲ | دوازده
ben | ১,৪৪,০০০ | এক লাখ চুয়াল্লিশ হাজার
vie | 21 | hai mươi mốt
srp | 7 | sedam
srp-Latn | 7 | sedam
srp-Cyrl | 1948 | једна хиљада деветсто четрдесет осам
swh | 0 | sifuri
swh | 12 | kumi na mbili
swh | 100 | mia moja
swh | 120 | mia moja na ishirini
swh | 153 | mia moja hamsini na tatu
swh | 5,000 | elfu tano
swh | 1948 | elfu moja mia tisa arobaini na nane
swh | 3:16 | tatu kumi na sita
"""  # noqa: E501


@pytest.mark.parametrize("line", READINGS.strip().splitlines())
def test_readings(line):
    language, written, *forms = line.split(" | ")
    assert spoken_forms(written, language) == tuple(forms)


@pytest.mark.parametrize(
    ("written", "language"),
    [
        ("7", "xyz"),
        ("7", ""),
        ("7", "amh"),  # num2words fails at some numbers and hangs at others
        ("7", "kaz-Latn"),
        ("1000000000", "eng"),
        ("9" * 5000, "eng"),
        ("1" + ",000" * 5000, "eng"),
        ("10000", "swh"),
        ("1:10000", "eng"),
        ("½", "eng"),
        ("1/2", "eng"),
        ("007", "eng"),
        ("1,00", "eng"),
        ("1,000.000", "eng"),
        ("3:16:2", "eng"),
        ("0th", "eng"),
        ("4th", "deu"),
        ("4km", "eng"),
        ("four", "eng"),
        ("-4", "eng"),
        ("", "eng"),
        ("\u200f", "eng"),
    ],
)
def test_what_is_not_read(written, language):
    assert spoken_forms(written, language) == ()


@given(st.integers(0, 999_999), st.sampled_from(["٠", "०", "๐", "０", "᠐"]))
def test_the_script_of_the_digits_does_not_matter(number, zero):
    shift = {ord("0") + k: chr(ord(zero) + k) for k in range(10)}
    for written in (str(number), f"{number:,}"):
        assert spoken_forms(written.translate(shift), "eng") == spoken_forms(
            written, "eng"
        )


@given(st.integers(0, 999_999_999), st.sampled_from(",.'’ \u00a0\u202f\u2009٬"))
def test_groups_make_no_other_number(number, mark):
    grouped = spoken_forms(f"{number:,}".replace(",", mark), "spa")
    assert grouped == spoken_forms(str(number), "spa") != ()


SCRIPTS = {"Arab": "Arabic", "Beng": "Bengali", "Cyrl": "Cyrillic", "Hebr": "Hebrew",
           "Knda": "Kannada", "Kore": "Hangul", "Latn": "Latin", "Telu": "Telugu",
           "Thai": "Thai"}  # fmt: skip


@pytest.mark.parametrize("language", sorted(READERS))
@given(data=st.data())
def test_every_language_reads_every_number_it_promises(language, data):
    reader = READERS[language]
    limit = data.draw(st.sampled_from([100, 10_000, 1_000_000, reader.below]))
    number = data.draw(st.integers(0, min(limit, reader.below) - 1))
    forms = spoken_forms(str(number), language)
    assert forms
    assert len(set(forms)) == len(forms)
    letters = regex.compile(
        rf"[\p{{Script={SCRIPTS[reader.script]}}}\p{{M}}',’ʼ -]+", regex.V1
    )
    for form in forms:
        assert letters.fullmatch(form), form
        tokens = normalise_verse(form, language)
        assert tokens
        assert not any(token.is_number for token in tokens)


def heard(form: str) -> str:
    return regex.sub(r"[\s,-]", "", form)


@pytest.mark.parametrize("language", sorted(READERS))
def test_no_two_numbers_sound_alike(language):
    numbers = [n for n in (*range(100), *range(100, 3000, 57)) if n < 1000]
    numbers += [n for n in range(1000, 9999, 357) if n < READERS[language].below]
    numbers = [n for n in numbers if n < READERS[language].below]
    assert len({heard(spoken_forms(str(n), language)[0]) for n in numbers}) == len(
        numbers
    )


SIGNED = [(code, sign) for code, r in READERS.items() for sign in r.ordinal_signs]


@pytest.mark.parametrize(("language", "sign"), SIGNED)
def test_every_sign_makes_an_ordinal(language, sign):
    for number in range(1, 200):
        cardinal = spoken_forms(str(number), language)[0]
        ordinal = spoken_forms(f"{number}{sign}", language)[-1]
        assert ordinal != cardinal


def test_the_table_names_languages_and_scripts_that_there_are():
    for tag, reader in READERS.items():
        code, _, script = tag.partition("-")
        assert Language.from_part3(code).status == "A"
        assert script in ("", reader.script)
        assert reader_for(f"{code}-{reader.script}") is not None


def test_the_library_is_not_loaded_before_it_is_needed():
    code = "import sys, aligner.numbers; assert 'num2words' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
