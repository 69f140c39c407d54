"""How a number that is written in digits may be read out."""

import functools
import re
import threading
import unicodedata

from aligner.number_readers import NumberReader, reader_for

_GROUPED = re.compile(
    r"[1-9]\d{0,2}(?P<mark>[., '])\d{3}(?:(?P=mark)\d{3}){0,4}"  # 144,000
    r"|[1-9]\d?(?:,\d{2}){1,4},\d{3}"  # 1,44,000
    r"|0|[1-9]\d{0,14}"
)
_PLACE = re.compile(r"([1-9]\d{0,2})[:.,]([1-9]\d{0,2})")  # 3:16
_WITH_SIGN = re.compile(r"(?P<digits>.*\d)(?P<sign>\D+)", re.DOTALL)
# The years that are read in hundreds; from 2000 on English alone has "twenty ten".
_YEARS = range(1100, 2100)

# The converters of num2words keep the number that they work on in themselves.
_lock = threading.Lock()


@functools.lru_cache(maxsize=1 << 14)
def spoken_forms(written: str, language: str) -> tuple[str, ...]:
    """Return how a number may be read, the likeliest form first, none twice.

    Cardinals as "1948", "144,000", "144 000" or "1,44,000"; hundreds ("nineteen
    forty-eight") where four digits stand without a mark and the language counts so;
    ordinals where the writing says so ("4th", "4."); chapter and verse ("3:16") as two
    cardinals. Genders and cases are those of counting; decimals and fractions are not
    read.

    Args:
      written: the number as it stands in the text, in decimal digits of any script, or
        one numeral (Ⅷ, ፲); with an ordinal's sign if there is one.
      language: ISO 639-3 code, optionally with a script (``srp-Cyrl``).

    Returns:
      Words in the language's script, as they are written (hyphens, commas, capitals);
      empty where the language is unknown, the number is too large for what is known of
      it, or this is no such number.

    >>> spoken_forms("1948", "deu")
    ('eintausendneunhundertachtundvierzig', 'neunzehnhundertachtundvierzig')
    """
    reader = reader_for(language)
    if reader is None:
        return ()
    plain = _plain(written)
    place = _PLACE.fullmatch(plain)
    if _GROUPED.fullmatch(plain):
        forms = _number(plain, reader)
    elif place is not None:
        parts = [_cardinals(int(part), reader)[:1] for part in place.groups()]
        forms = [f"{first} {second}" for first in parts[0] for second in parts[1]]
    else:
        forms = _with_sign(plain, reader)
    return tuple(dict.fromkeys(_respelt(form, reader) for form in forms))


def _plain(written: str) -> str:
    """Return digits as 0-9, spaces and separators of thousands in one form each."""
    written = "".join(c for c in written if unicodedata.category(c) != "Cf").strip()
    if len(written) == 1 and unicodedata.category(written) in ("Nl", "No"):
        value = unicodedata.numeric(written)
        return str(int(value)) if value.is_integer() else ""
    plain = unicodedata.normalize("NFKC", written)
    plain = "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in plain)
    return plain.translate(str.maketrans("\u066b\u066c\u2019", ".,'")).lower()


def _number(digits: str, reader: NumberReader) -> list[str]:
    number = int(re.sub(r"\D", "", digits))
    forms = _cardinals(number, reader)
    if reader.has_years and number in _YEARS and digits == str(number):
        forms += _num2words(number, reader, "year")
    if reader.codes == ("en",):  # Americans leave out "and"
        forms += [form.replace(" and ", " ") for form in forms]
    return forms


def _with_sign(plain: str, reader: NumberReader) -> list[str]:
    """Return the ordinal of "4th" or "4."; after a dot a cardinal is as likely."""
    match = _WITH_SIGN.fullmatch(plain)
    if match is None or not _GROUPED.fullmatch(match["digits"]):
        return []
    sign = match["sign"].strip()
    forms = _number(match["digits"], reader) if sign == "." else []
    number = int(re.sub(r"\D", "", match["digits"]))
    if sign in reader.ordinal_signs and 0 < number < reader.below:
        forms += _num2words(number, reader, "ordinal")
    return forms


def _cardinals(number: int, reader: NumberReader) -> list[str]:
    if number >= reader.below:
        return []
    if not reader.codes:
        return [_swahili(number)]
    return _num2words(number, reader, "cardinal")


def _num2words(number: int, reader: NumberReader, form: str) -> list[str]:
    from num2words import num2words  # a tenth of a second, and seldom needed

    with _lock:
        return [num2words(number, lang=code, to=form) for code in reader.codes]


def _respelt(form: str, reader: NumberReader) -> str:
    for written, respelt in reader.respelling:
        form = form.replace(written, respelt)
    return form


_ONES = "sifuri moja mbili tatu nne tano sita saba nane tisa".split()
_TENS = (
    "- kumi ishirini thelathini arobaini hamsini sitini sabini themanini tisini"
).split()


def _swahili(number: int) -> str:
    """Return a number below 10,000 in Swahili: "na" stands before the last part."""
    thousands, rest = divmod(number, 1000)
    hundreds, rest = divmod(rest, 100)
    tens, ones = divmod(rest, 10)
    large = [f"elfu {_ONES[thousands]}"] * (thousands > 0)
    large += [f"mia {_ONES[hundreds]}"] * (hundreds > 0)
    small = [_TENS[tens]] * (tens > 0)
    small += [_ONES[ones]] * (ones > 0)
    if not small:
        return " ".join(large) or _ONES[0]
    *before, last = large + small
    return f"{' '.join(before)} na {last}" if before else last
