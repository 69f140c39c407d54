"""Language codes: ISO 639-3 with an optional ISO 15924 script ("srp-Cyrl")."""

import difflib
import functools
import re

from iso639 import ALL_LANGUAGES, Language, LanguageNotFoundError

from schemas.errors import LanguageUnknown

# ISO 15924 codes of scripts that a text can be in: private-use codes and those for
# symbols, inherited, common, unknown and unwritten are left out.
SCRIPTS = frozenset(
    """
    Adlm Afak Aghb Ahom Arab Aran Armi Armn Avst Bali Bamu Bass Batk Beng Berf Bhks
    Blis Bopo Brah Brai Bugi Buhd Cakm Cans Cari Cham Cher Chrs Cirt Copt Cpmn Cprt
    Cyrl Cyrs Deva Diak Dogr Dsrt Dupl Egyd Egyh Egyp Elba Elym Ethi Gara Geok Geor
    Glag Gong Gonm Goth Gran Grek Gujr Gukh Guru Hanb Hang Hani Hano Hans Hant Hatr
    Hebr Hira Hluw Hmng Hmnp Hrkt Hung Inds Ital Jamo Java Jpan Jurc Kali Kana Kawi
    Khar Khmr Khoj Kitl Kits Knda Kore Kpel Krai Kthi Lana Laoo Latf Latg Latn Leke
    Lepc Limb Lina Linb Lisu Loma Lyci Lydi Mahj Maka Mand Mani Marc Maya Medf Mend
    Merc Mero Mlym Modi Mong Moon Mroo Mtei Mult Mymr Nagm Nand Narb Nbat Newa Nkgb
    Nkoo Nshu Ogam Olck Onao Orkh Orya Osge Osma Ougr Palm Pauc Pcun Perm Phag Phli
    Phlp Phlv Phnx Piqd Plrd Prti Rjng Rohg Roro Runr Samr Sara Sarb Saur Seal Sgnw
    Shaw Shrd Sidd Sidt Sind Sinh Sogd Sogo Sora Soyo Sund Sunu Sylo Syrc Syre Syrj
    Syrn Tagb Takr Tale Talu Taml Tang Tavt Tayo Telu Teng Tfng Tglg Thaa Thai Tibt
    Tirh Tnsa Todr Tols Toto Tutg Ugar Vaii Visp Vith Wara Wcho Wole Xpeo Xsux Yezi
    Yiii Zanb
    """.split()
)

_EXPECTED = "expected ISO 639-3, with a script if need be (swh, srp-Cyrl)"
_LOCAL_USE = re.compile(r"q[a-t][a-z]")  # ISO 639-3 leaves qaa to qtz to its users
_SUGGESTIONS = 4


@functools.cache
def check_language(code: str) -> str:
    """Return the code in its canonical form ("SRP_cyrl" becomes "srp-Cyrl").

    ISO 639-3's own codes for local use (qaa to qtz) and for special situations (und,
    mul, mis, zxx) are accepted; retired codes are not.

    Raises:
      LanguageUnknown: the language is not in ISO 639-3 or the script not in ISO 15924;
        the message names what may have been meant.
    """
    language, *rest = re.split("[-_]", code, maxsplit=1)
    language = language.lower()
    if not _is_iso_639_3(language):
        raise LanguageUnknown(f"{code!r}: {_EXPECTED}{_did_you_mean(language)}")
    if not rest:
        return language
    script = rest[0].title()
    if script not in SCRIPTS:
        close = difflib.get_close_matches(script, sorted(SCRIPTS), _SUGGESTIONS)
        raise LanguageUnknown(
            f"{code!r}: {rest[0]!r} is not a script of ISO 15924{_list_of(close)}"
        )
    return f"{language}-{script}"


def language_name(code: str) -> str:
    """Return the English reference name, the script in brackets.

    >>> language_name("srp-Cyrl")
    'Serbian (Cyrl)'

    Raises:
      LanguageUnknown: as in ``check_language``.
    """
    language, _, script = check_language(code).partition("-")
    if _LOCAL_USE.fullmatch(language):
        name = f"local language {language}"
    else:
        # The addition tells it from its macrolanguage, which the code does as well.
        name = Language.from_part3(language).name.removesuffix(" (individual language)")
    return f"{name} ({script})" if script else name


def _is_iso_639_3(language: str) -> bool:
    if not re.fullmatch("[a-z]{3}", language):  # the library overlooks white space
        return False
    if _LOCAL_USE.fullmatch(language):
        return True
    try:
        return Language.from_part3(language).status == "A"
    except LanguageNotFoundError:
        return False


@functools.cache  # a wrong code is often that of a whole manifest
def _did_you_mean(code: str) -> str:
    """Return a hint for a code or name that is not an active one of ISO 639-3."""
    try:
        meant = Language.match(code, strict_case=False)
    except LanguageNotFoundError:
        return _list_of(_codes_of_names_like(code))
    if meant.status == "A":
        return _list_of([meant.part3, *_members(meant)])
    if meant.retire_change_to:
        return f"; it was retired{_list_of([meant.retire_change_to])}"
    return f"; it was retired: {meant.retire_remedy or 'there is no such language'}"


def _codes_of_names_like(text: str) -> list[str]:
    if len(text) <= 3:  # a code that does not exist is not near to any name
        return []
    codes: dict[str, list[str]] = {}
    for entry in _active_languages():
        codes.setdefault(entry.name.partition(" (")[0].lower(), []).append(entry.part3)
    close = difflib.get_close_matches(text, codes, _SUGGESTIONS, cutoff=0.8)
    return [code for name in close for code in codes[name]]


def _members(language: Language) -> list[str]:
    """Return the languages of a macrolanguage, the one that bears its name first."""
    name = language.name.removesuffix(" (macrolanguage)")
    first = (f"{name} (individual language)", f"Standard {name}", f"Mandarin {name}")
    members = [
        entry for entry in _active_languages() if entry.macrolanguage == language.part3
    ]
    members.sort(key=lambda entry: entry.name not in first)
    return [entry.part3 for entry in members]


def _active_languages() -> list[Language]:
    active = (entry for entry in ALL_LANGUAGES if entry.status == "A")
    return sorted(active, key=lambda entry: entry.part3)


def _list_of(codes: list[str]) -> str:
    quoted = [repr(code) for code in dict.fromkeys(codes)][:_SUGGESTIONS]
    if not quoted:
        return ""
    *others, last = quoted
    return f", did you mean {', '.join(others)}{' or ' if others else ''}{last}?"
