"""What one written character is to the aligner: its role and its plain letters.

A role is one letter of a small alphabet, so that words and numbers can be found by
regular expressions over the string of roles (see normalise.py).
"""

import functools
import unicodedata
from fractions import Fraction

import regex

from aligner.rules import (
    APOSTROPHES,
    CLUSTER_EXTENDERS,
    CLUSTER_PREFIXES,
    LETTERS,
    NUMBER_SEPARATORS,
    SCRIPTS_WITHOUT_SPACES,
    TextRules,
)

LETTER = "L"
MARK = "M"  # belongs to the letter before it; cannot stand alone
RAISED = "H"  # superscript digit: a tone or a note call after a letter, else a number
DECIMAL = "D"
NUMERAL = "N"  # any other number: ½ Ⅷ ፲ ①
NUMBER_SEPARATOR = "S"
APOSTROPHE = "Q"
JOINER = "J"  # between letters it is passed over, elsewhere it separates
IGNORABLE = "I"  # zero-width and bidi marks, soft hyphen
SEPARATOR = "-"
# In scripts without spaces:
BASE = "c"
PREFIX = "p"  # leans on the base after it
EXTENDER = "e"  # leans on the base before it
STACKER = "k"  # ties two bases together
KILLER = "x"  # makes the base before it the end of the syllable before

_IGNORABLE = regex.compile(r"\p{Default_Ignorable_Code_Point}|\p{Cf}")
_VOWEL_SIGN = regex.compile(r"(?=\p{Alphabetic})\p{M}")
_PREFIX = regex.compile(r"\p{Logical_Order_Exception}")
_STACKER = regex.compile(r"\p{InSC=Invisible_Stacker}|\p{InSC=Virama}")
_KILLER = regex.compile(r"\p{InSC=Pure_Killer}|\p{InSC=Consonant_Killer}")
_UNSPACED = regex.compile(
    "[" + "".join(rf"\p{{Script={name}}}" for name in SCRIPTS_WITHOUT_SPACES) + "]"
)


def _is_letter(char: str) -> bool:
    """Private-use characters count: minority orthographies keep letters there."""
    category = unicodedata.category(char)
    return category[0] == "L" or category == "Co" or char in LETTERS


def _is_raised(char: str) -> bool:
    return unicodedata.decomposition(char).startswith(("<super>", "<sub>"))


def _number_role(written: str, plain: str) -> str | None:
    if written in LETTERS:
        return None
    if all(unicodedata.category(char) == "Nd" for char in plain):
        return RAISED if _is_raised(written[0]) else DECIMAL
    if any(unicodedata.category(char)[0] == "N" for char in written + plain):
        return NUMERAL
    return None


def _unspaced_role(char: str) -> str:
    if char in CLUSTER_EXTENDERS:
        return EXTENDER
    if char in CLUSTER_PREFIXES or _PREFIX.match(char):
        return PREFIX
    if _STACKER.match(char):
        return STACKER
    if _KILLER.match(char):
        return KILLER
    if _VOWEL_SIGN.match(char):
        return EXTENDER
    return MARK if unicodedata.category(char)[0] == "M" else BASE


def _letter_role(plain: str) -> str | None:
    """Return the role of a letter or mark, None for anything else."""
    letter = next((char for char in plain if _is_letter(char)), plain[0])
    is_mark = unicodedata.category(letter)[0] == "M"
    if not is_mark and not _is_letter(letter):
        return None
    if letter in CLUSTER_EXTENDERS or _UNSPACED.match(letter):
        return _unspaced_role(letter)
    return MARK if is_mark and not _VOWEL_SIGN.match(letter) else LETTER


def _other_role(plain: str) -> str:
    if plain in APOSTROPHES:
        return APOSTROPHE
    if plain in NUMBER_SEPARATORS:
        return NUMBER_SEPARATOR
    # Tone and length letters such as ꞉ and ꜗ; ASCII ^ and ` are not among them.
    if unicodedata.category(plain[0]) == "Sk" and not plain.isascii():
        return JOINER
    return SEPARATOR


@functools.lru_cache(maxsize=1 << 16)
def role_of(written: str, rules: TextRules) -> str:
    """Return the role of one written character (or of one decoded HTML entity)."""
    if written in rules.joiners:
        return JOINER
    plain = unicodedata.normalize("NFKC", written)
    if rules.unspoken.issuperset(plain):
        return MARK
    if _IGNORABLE.match(plain):
        return IGNORABLE
    if written in APOSTROPHES and not _is_letter(written):
        return APOSTROPHE
    if written in ("™", "℠"):  # NFKC would spell them out
        return JOINER
    return _number_role(written, plain) or _letter_role(plain) or _other_role(plain)


@functools.lru_cache(maxsize=1 << 16)
def spoken_letters(written: str, rules: TextRules) -> str:
    """Return what a word keeps of one written character: letters, marks and "'"."""
    if written in APOSTROPHES:
        return "'"
    if role_of(written, rules) in (RAISED, JOINER, IGNORABLE):
        return ""
    return "".join(
        "'" if char in APOSTROPHES else char
        for char in unicodedata.normalize("NFKC", written)
        if char not in rules.unspoken
        and not _IGNORABLE.match(char)
        and (_is_letter(char) or unicodedata.category(char)[0] == "M")
    )


@functools.lru_cache(maxsize=1 << 14)
def plain_number(written: str) -> str:
    """Return a number's character in ASCII: "٣" is "3", "½" is "1/2", "，" is ","."""
    plain = unicodedata.normalize("NFKC", written)
    if written in NUMBER_SEPARATORS or plain in NUMBER_SEPARATORS:
        return NUMBER_SEPARATORS.get(written) or NUMBER_SEPARATORS[plain]
    if written in APOSTROPHES:
        return "'"
    value = unicodedata.numeric(written, None) if len(written) == 1 else None
    if value is not None:
        return str(abs(Fraction(value).limit_denominator(1000)))
    digits = (unicodedata.decimal(char, None) for char in plain)
    return "".join(str(digit) for digit in digits if digit is not None)
