"""Which script a text is written in, by the Unicode property of its letters."""

import functools
import math
import unicodedata
from collections import Counter
from collections.abc import Iterator

import regex

# ISO 15924 codes of all scripts with letters in Unicode; the frequent ones first.
_CODES = (
    "Latn Cyrl Arab Deva Hani Hira Kana Hang Grek Ethi Hebr Thai Beng Taml Telu Mymr "
    "Adlm Aghb Ahom Armi Armn Avst Bali Bamu Bass Batk Bhks Bopo Brah Bugi Buhd Cakm "
    "Cans Cari Cham Cher Chrs Copt Cpmn Cprt Diak Dogr Dsrt Dupl Egyp Elba Elym Geor "
    "Glag Gong Gonm Goth Gran Gujr Guru Hano Hatr Hluw Hmng Hmnp Hung Ital Java Kali "
    "Khar Khmr Khoj Kits Knda Kthi Lana Laoo Lepc Limb Lina Linb Lisu Lyci Lydi Mahj "
    "Maka Mand Mani Marc Medf Mend Merc Mero Mlym Modi Mong Mroo Mtei Mult Nand Narb "
    "Nbat Newa Nkoo Nshu Ogam Olck Orkh Orya Osge Osma Ougr Palm Pauc Perm Phag Phli "
    "Phlp Phnx Plrd Prti Rjng Rohg Runr Samr Sarb Saur Shaw Shrd Sidd Sind Sinh Sogd "
    "Sogo Sora Soyo Sund Sylo Syrc Tagb Takr Tale Talu Tang Tavt Tfng Tglg Tibt Tirh "
    "Tnsa Toto Ugar Vaii Vith Wara Wcho Xpeo Xsux Yezi Yiii Zanb"
).split()

# Scripts that are written in one text, under the code of the mixture.
_MIXTURES = {"Jpan": "Hani Hira Kana", "Kore": "Hang Hani"}
_MIXTURE_OF = {"Hira": "Jpan", "Kana": "Jpan", "Hang": "Kore"}
# Codes for which Unicode has no script of their own.
_SAME = {
    "Aran": "Arab", "Cyrs": "Cyrl", "Geok": "Geor", "Hans": "Hani", "Hant": "Hani",
    "Hanb": "Hani", "Hrkt": "Jpan", "Latf": "Latn", "Latg": "Latn", "Syre": "Syrc",
    "Syrj": "Syrc", "Syrn": "Syrc",
}  # fmt: skip


def main_script(text: str) -> str:
    """Return the ISO 15924 code of the script that most letters are in, "" if none.

    Japanese with kana is "Jpan", Korean with hangul "Kore".
    """
    counts = Counter(_scripts(text))
    if not counts:
        return ""
    most = min(counts, key=lambda code: (-counts[code], code))
    if most == "Hani" and (counts["Hira"] or counts["Kana"]):
        return "Jpan"
    return _MIXTURE_OF.get(most, most)


def expected_script(language: str, text: str) -> str:
    """Return the script of a language tag ("srp-Cyrl"), else that of the text."""
    _, _, script = language.partition("-")
    return _SAME.get(script, script) or main_script(text)


def share_in_script(text: str, script: str) -> float:
    """Return the share of a text's letters in a script, NaN without letters.

    Letters of no script of their own (mathematical, phonetic modifiers) are left out.
    """
    members = _MIXTURES.get(script, script).split()
    counts = Counter(_scripts(text))
    letters = counts.total()
    return sum(counts[code] for code in members) / letters if letters else math.nan


def _scripts(text: str) -> Iterator[str]:
    return filter(None, map(_script_of, text))


@functools.lru_cache(maxsize=1 << 16)
def _script_of(char: str) -> str:
    """Return the script of a letter, "" of anything else."""
    if unicodedata.category(char)[0] != "L":
        return ""
    return next((code for code in _CODES if _pattern(code).match(char)), "")


@functools.cache
def _pattern(code: str) -> regex.Pattern:
    return regex.compile(rf"\p{{Script={code}}}")
