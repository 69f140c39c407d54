"""Words of any script to the letters a-z and ', by uroman.

This project uses the universal romanizer software 'uroman' written by Ulf Hermjakob,
USC Information Sciences Institute (2015-2020).
"""

import functools
import re
import threading

import iso639
from uroman import Uroman

# Beside the codes in its rules, uroman knows these for the vowel that a consonant of
# an Indic script carries.
_VOWEL_CODES = frozenset({"san", "asm", "ben", "guj", "kas", "pan"})

_ROMAN = re.compile("[a-z']+")
_NOT_ROMAN = re.compile("[^a-z']+")
_DIGIT = re.compile(r"[0-9]")
_REPEATED = re.compile("(.)[々〻]")
# NFKC takes the Thai and Lao vowel "am" apart; uroman knows it only in one piece.
_AM = ((re.compile("\u0e4d\u0e32"), "\u0e33"), (re.compile("\u0ecd\u0eb2"), "\u0eb3"))

# One instance a process, built at the first word: that takes 2.4 s. Its inner caches
# are plain dictionaries, so the lock also guards its use.
_lock = threading.Lock()


@functools.lru_cache(maxsize=1)
def _uroman() -> Uroman:
    return Uroman()


@functools.lru_cache(maxsize=1)
def _codes() -> frozenset[str]:
    rules = (rule for rules in _uroman().rom_rules.values() for rule in rules)
    return _VOWEL_CODES.union(*(rule["lcodes"] or () for rule in rules))


@functools.lru_cache(maxsize=4096)
def uroman_code(language: str) -> str | None:
    """Return the code that uroman has rules for, or None.

    An individual language falls back on its macrolanguage (``arb`` on ``ara``).
    """
    code = language.split("-", maxsplit=1)[0]
    with _lock:
        known = _codes()
    if code in known:
        return code
    try:
        macro = iso639.Language.from_part3(code).macrolanguage
    except iso639.LanguageNotFoundError:
        return None
    return macro if macro in known else None


def _spell_out(char: str, code: str | None) -> str:
    """Romanise one character, a numeral by its reading (三 is "san", not "3")."""
    readings = (rule["t"] for rule in _uroman().rom_rules.get(char, ()))
    reading = next((text for text in readings if text), None)
    return reading or _uroman().romanize_string(char, lcode=code)


@functools.lru_cache(maxsize=1 << 17)
def _romanise(word: str, code: str | None) -> str:
    word = _REPEATED.sub(r"\1\1", word)
    for apart, whole in _AM:
        word = apart.sub(whole, word)
    with _lock:
        roman = _uroman().romanize_string(word, lcode=code)
        if _DIGIT.search(roman):
            roman = "".join(_spell_out(char, code) for char in word)
    return _NOT_ROMAN.sub("", roman.lower())


def romanise_word(word: str, language: str) -> str:
    """Return a normalised word in the letters a-z and ', possibly "".

    The language matters only where uroman has rules for it.

    Args:
      word: one word as ``normalise_verse`` leaves it.
      language: ISO 639-3 code, optionally with a script.
    """
    # uroman leaves these as they are, in any language; a corpus of them never loads it.
    if _ROMAN.fullmatch(word):
        return word
    return _romanise(word, uroman_code(language))
