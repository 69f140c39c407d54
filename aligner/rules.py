"""What counts as a letter, an apostrophe or a separator: frozen data, nothing else.

The Unicode category decides first; this table holds the exceptions, for every language
or for one. Nothing here can be changed at run time.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

# All of them become "'" inside a word. Those of category Lm are letters wherever they
# stand; the others are letters only between letters, because they also quote.
APOSTROPHES = frozenset(
    "'\u2019\u2018\u201b\u2032\uff07`\u00b4"  # typed, curly, prime, grave, acute
    "\u02bc\u02bb\u02bd\u02be\u02bf\u02b9\u02c8"  # modifier letters: ʼ ʻ ʽ ʾ ʿ ʹ ˈ
    "\ua78b\ua78c"  # saltillo, capital and small
    "\u05f3\u055a"  # Hebrew geresh, Armenian apostrophe
)

# Between two digits they belong to the number; each with its plain form.
NUMBER_SEPARATORS: Mapping[str, str] = MappingProxyType(
    {
        ".": ".",
        ",": ",",
        ":": ":",
        "/": "/",
        "\u2044": "/",
        "\u2215": "/",
        "\u066b": ".",
        "\u066c": ",",
    }
)

# Scripts that put no space between words: one token per cluster (see normalise.py).
# Tibetan is absent on purpose, its syllables are parted by the tsheg.
SCRIPTS_WITHOUT_SPACES = (
    "Han", "Hiragana", "Katakana", "Bopomofo", "Yi", "Nushu", "Tangut",
    "Thai", "Lao", "Khmer", "Myanmar", "Tai_Le", "New_Tai_Lue", "Tai_Tham", "Tai_Viet",
    "Javanese", "Balinese", "Buginese",
)  # fmt: skip

# Letters that lean on the cluster before them although Unicode calls them letters.
CLUSTER_EXTENDERS = frozenset(
    "\u0e30\u0e32\u0e33\u0e45\u0e46"  # Thai a, aa, am, lakkhangyao, repetition
    "\u0eb0\u0eb2\u0eb3\u0ebd\u0ec6"  # Lao a, aa, am, nyo, repetition
    "\u17d7"  # Khmer repetition
    "ぁぃぅぇぉゃゅょゎゕゖァィゥェォャュョヮヵヶ"
    "ㇰㇱㇲㇳㇴㇵㇶㇷㇸㇹㇺㇻㇼㇽㇾㇿ"
    "ー々〻ゝゞヽヾ"
)

# Letters that lean on the cluster after them (beside Logical_Order_Exception).
CLUSTER_PREFIXES = frozenset("っッ")  # they double the next consonant

# 〇 is a numeral by category (Nl), but it is read like the other Chinese characters.
LETTERS = frozenset("\u3007")

_HARAKAT = frozenset(map(chr, (*range(0x064B, 0x0653), 0x0656, 0x0657)))
_RECITATION_SIGNS = frozenset(
    map(chr, (*range(0x06D6, 0x06DD), *range(0x06DF, 0x06E5), 0x06E7, 0x06E8,
              *range(0x06EA, 0x06EE)))
)  # fmt: skip
_CANTILLATION = frozenset(map(chr, (*range(0x0591, 0x05B0), 0x05BD)))
_TATWEEL = frozenset("\u0640\u07fa\u180a")  # Arabic, N'Ko, Mongolian lengtheners
_UNSPOKEN = _HARAKAT | _RECITATION_SIGNS | _CANTILLATION | _TATWEEL


@dataclass(frozen=True)
class TextRules:
    """The exceptions of one language."""

    dotted_i: bool = False
    """I and İ are the capitals of ı and i."""
    edge_apostrophes: bool = False
    """An apostrophe at a word's edge is a consonant there, not a quotation mark."""
    joiners: frozenset[str] = frozenset()
    """Marks of punctuation that do not end a word when they stand between letters."""
    unspoken: frozenset[str] = _UNSPOKEN
    """Characters of a word that are left out of its normalised form."""


DEFAULT = TextRules()

_DOTTED_I = TextRules(dotted_i=True)
_GLOTTAL = TextRules(edge_apostrophes=True)
# Stress, exclamation, question and abbreviation marks stand on the stressed vowel.
_ARMENIAN = TextRules(joiners=frozenset("\u055b\u055c\u055e\u055f"))
_HEBREW = TextRules(joiners=frozenset('"\u05f4'))  # gershayim in acronyms
_MIDDLE_DOT = TextRules(joiners=frozenset("\u00b7\u2027"))  # Catalan l·l, Occitan n·h
_PALOCHKA = TextRules(joiners=frozenset("|"))  # often typed for Ӏ
_CLICKS = TextRules(joiners=frozenset("!|=\u2016"))  # often typed for ǃ ǀ ǂ ǁ

# By ISO 639-3 code.
_TABLE: Mapping[str, TextRules] = MappingProxyType(
    {
        **dict.fromkeys(("tur", "aze", "azj", "crh", "gag", "kaz"), _DOTTED_I),
        **dict.fromkeys(
            ("haw", "ton", "smo", "tah", "rap", "wls", "niu",  # Polynesia
             "hau", "som", "nav", "uzb", "uzn",
             "quc", "cak", "kek", "mam", "tzh", "tzo", "tzj", "yua", "poh", "ixl"),
            _GLOTTAL,
        ),
        **dict.fromkeys(("hye", "hyw", "xcl"), _ARMENIAN),
        **dict.fromkeys(("heb", "yid", "ydd", "lad"), _HEBREW),
        **dict.fromkeys(("cat", "oci", "frp"), _MIDDLE_DOT),
        **dict.fromkeys(("che", "inh", "ady", "kbd", "ava", "lez", "dar"), _PALOCHKA),
        **dict.fromkeys(("naq", "ktz", "nmn", "huc"), _CLICKS),
        # Kashmiri writes vowels with two of the signs.
        "kas": TextRules(unspoken=_UNSPOKEN - frozenset("\u0656\u0657")),
    }
)  # fmt: skip


def rules_for(language: str) -> TextRules:
    """Return the rules of a language tag such as ``tur`` or ``kaz-Latn``."""
    return _TABLE.get(language.split("-", maxsplit=1)[0], DEFAULT)
