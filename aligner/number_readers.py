"""Which languages can read numbers out, and what is known of each: frozen data.

Most come from num2words 0.5.14, whose languages were tried one by one (every number to
9,999 and samples up to a thousand million: some word, no digit left, no two alike) and
read where they could be. Left out are Amharic (it fails at 1,948 and never ends at
1,234,567) and Japanese (its kanji would be romanised by their Chinese readings).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class NumberReader:
    """How one language reads numbers."""

    codes: tuple[str, ...] = ()
    """Of num2words, the most widespread variety first; none: a table of our own."""
    script: str = "Latn"
    """In which the words are written, by ISO 15924."""
    below: int = 1_000_000_000
    """Larger numbers are not read, or not read right."""
    has_years: bool = False
    """Hundreds are counted up to twenty: nineteen hundred, neunzehnhundert."""
    ordinal_signs: tuple[str, ...] = ()
    """What written after the digits makes an ordinal; a dot may also end a sentence."""
    respelling: tuple[tuple[str, str], ...] = ()
    """Replacements, in order, that set words right or bring them into the script."""


_CYRILLIC = "Cyrl"
_DOT = (".",)
_MASCULINE = ("o", ".o", "°")  # º in NFKC; of the feminine ª num2words has nothing
_BENGALI = (("চৌচল্লিশ", "চুয়াল্লিশ"),)  # 44
_SERBIAN = (
    *(("lj", "љ"), ("nj", "њ"), ("dž", "џ")),  # before their parts
    *zip("abcčćdđefghijklmnoprsštuvzž", "абцчћдђефгхијклмнопрсштувзж", strict=True),
)

_SPANISH = NumberReader(("es",), ordinal_signs=_MASCULINE)
_NORWEGIAN = NumberReader(("no",), has_years=True, ordinal_signs=_DOT)
_ARABIC = NumberReader(("ar",), "Arab")
_PERSIAN = NumberReader(("fa",), "Arab")
_AZERBAIJANI = NumberReader(("az",))
_LATVIAN = NumberReader(("lv",))
_SWAHILI = NumberReader(below=10_000)

# By ISO 639-3 code, a macrolanguage beside its most widespread member. A tag with
# script comes first where the words have to be spelt anew.
READERS: Mapping[str, NumberReader] = MappingProxyType(
    {
        "ara": _ARABIC,
        "arb": _ARABIC,
        "aze": _AZERBAIJANI,
        "azj": _AZERBAIJANI,
        "bel": NumberReader(("be",), _CYRILLIC),
        "ben": NumberReader(("bn",), "Beng", respelling=_BENGALI),
        "cat": NumberReader(("ca",)),
        "ces": NumberReader(("cs",)),
        "che": NumberReader(("ce",), _CYRILLIC),
        "cym": NumberReader(("cy",)),
        "dan": NumberReader(("da",), has_years=True, ordinal_signs=_DOT),
        "deu": NumberReader(("de",), has_years=True, ordinal_signs=_DOT),
        "eng": NumberReader(
            ("en",), has_years=True, ordinal_signs=("st", "nd", "rd", "th")
        ),
        "epo": NumberReader(("eo",), ordinal_signs=("a", "-a")),
        "fas": _PERSIAN,
        "fin": NumberReader(("fi",), ordinal_signs=_DOT),
        "fra": NumberReader(("fr",), ordinal_signs=("e", "er", "ème")),
        "heb": NumberReader(("he",), "Hebr"),
        "hun": NumberReader(("hu",), ordinal_signs=_DOT),
        "ind": NumberReader(("id",)),
        "isl": NumberReader(("is",)),
        "ita": NumberReader(("it",), ordinal_signs=_MASCULINE),
        # Its lakh is wrong and its hundreds are stilted.
        "kan": NumberReader(("kn",), "Knda", below=100),
        "kaz": NumberReader(("kz",), _CYRILLIC),
        "kor": NumberReader(("ko",), "Kore"),
        "lav": _LATVIAN,
        "lit": NumberReader(("lt",)),
        "lvs": _LATVIAN,
        "nld": NumberReader(("nl",), has_years=True, ordinal_signs=("e", "de", "ste")),
        "nob": _NORWEGIAN,
        "nor": _NORWEGIAN,
        "pes": _PERSIAN,
        "pol": NumberReader(("pl",), ordinal_signs=_DOT),
        "por": NumberReader(("pt_BR", "pt"), ordinal_signs=_MASCULINE),
        "ron": NumberReader(("ro",)),
        "rus": NumberReader(("ru",), _CYRILLIC, ordinal_signs=("й", "-й")),
        "slk": NumberReader(("sk",)),
        "slv": NumberReader(("sl",), ordinal_signs=_DOT),
        "spa": _SPANISH,
        "srp": NumberReader(("sr",)),
        "srp-Cyrl": NumberReader(("sr",), _CYRILLIC, respelling=_SERBIAN),
        "swa": _SWAHILI,
        "swe": NumberReader(("sv",), ordinal_signs=(":a", ":e")),
        "swh": _SWAHILI,
        "tel": NumberReader(("te",), "Telu", below=100),  # its hundreds are wrong
        "tet": NumberReader(("tet",)),
        "tgk": NumberReader(("tg",), _CYRILLIC),
        "tha": NumberReader(("th",), "Thai"),
        "tur": NumberReader(("tr",), ordinal_signs=_DOT),
        "ukr": NumberReader(("uk",), _CYRILLIC, ordinal_signs=("й", "-й")),
        # From a thousand on it says 15 after an empty hundred in a way of its own.
        "vie": NumberReader(("vi",), below=1000),
    }
)


def reader_for(language: str) -> NumberReader | None:
    """Return the reader of a tag such as ``swh`` or ``srp-Cyrl``, None if unknown.

    None too where the tag names a script in which the words are not written.
    """
    code, _, script = language.partition("-")
    reader = READERS.get(language) or READERS.get(code)
    return reader if reader and script in ("", reader.script) else None
