"""Scripture references in brackets inside a verse: readers often pass over them.

A bracket's content is cut into words, numbers and separators, and the string of these,
a letter each, is matched by a regular expression. So the rules hold in every script.
"""

import functools
import unicodedata

import regex

# The innermost ones; real lists of references are shorter than 300 characters.
_CONTENT = r"[^()\[\]（）［］]{3,300}"
_BRACKETS = regex.compile(
    rf"\({_CONTENT}\)|\[{_CONTENT}\]|（{_CONTENT}）|［{_CONTENT}］"
)

# In ASCII digits. "1." and "I." before a letter count books, "3b" and "3ff" are verses.
_PIECES = regex.compile(
    r"""
      (?P<skip>[\s\p{Cf}]+)
    | (?P<N>[1-9][0-9]?(?:ff|[a-f])?+ (?![0-9]) (?:\.(?=[\s\p{Cf}]*\p{L}))?)
    | (?P<H>1[0-9][0-9](?:ff|[a-f])?+ (?![0-9]))
    | (?P<C>[:：\ufe55\u05c3፡፥])
    | (?P<P>[.,،，])
    | (?P<S>[;；؛、&+/])
    | (?P<D>[-\u2010-\u2015\u2212－~～])
    | (?P<W>\p{L}[\p{L}\p{M}\u200c\u200d'’ʼ]{0,24}+\.?)
    """,
    regex.VERBOSE,
)

# N: 1 to 99, H: 100 to 199. Only Psalm 119 has so many verses: after a comma or dot
# a verse of three digits needs a chapter of three, else it is "about 5,300".
_PLACE = "(?:[NH]C[NH]|[NH]PN|HPH)"
_CHAPTER_OR_VERSE = "[NH]"
_BOOK = "(?:W{0,2}N?W{1,3})"  # see also 1 Cor, cf. Song of Songs
_BARE_PLACE = "[NH]C[NH]"  # a number with a comma or dot alone is a number
_RANGE = f"(?:D(?:{_PLACE}|{_CHAPTER_OR_VERSE}))"
_NEXT = f"(?:[SP]?{_BOOK}|[SP])(?:{_PLACE}|{_CHAPTER_OR_VERSE})"
_REFERENCES = regex.compile(
    # Somewhere there is a chapter with its verse.
    f"(?=.*{_PLACE})"
    f"(?:{_BOOK}(?:{_PLACE}|{_CHAPTER_OR_VERSE})|{_BARE_PLACE})"
    f"(?:{_RANGE}|{_NEXT})*+P?"
)


def bracketed_references(text: str) -> tuple[tuple[int, int], ...]:
    """Return where brackets hold nothing but scripture references.

    A reference is a book (up to three words, with a number before them and words such
    as "see" or "cf.") and a chapter with verses: "Gen 1:1", "1 Kor 13,4-7; 14,1". A
    chapter and verse without a book need a colon. A time of day ("at 10:30") looks the
    same, and is taken for one; "(see chapter 3)" is not.

    Args:
      text: a verse as it is written, in any script, with any decimal digits.

    Returns:
      Half-open intervals of characters, brackets included, ordered and disjoint.

    >>> bracketed_references("as it is written (Isa 40:3).")
    ((17, 27),)
    """
    return tuple(
        bracket.span()
        for bracket in _BRACKETS.finditer(text)
        if _are_references(bracket[0][1:-1])
    )


def _are_references(content: str) -> bool:
    kinds = ""
    position = 0
    content = "".join(map(_ascii_digit, content))
    while position < len(content):
        piece = _PIECES.match(content, position)
        if piece is None:
            return False
        kinds += "" if piece.lastgroup == "skip" else piece.lastgroup or ""
        position = piece.end()
    return _REFERENCES.fullmatch(kinds) is not None


@functools.lru_cache(maxsize=1 << 12)
def _ascii_digit(char: str) -> str:
    return str(unicodedata.decimal(char)) if char.isdecimal() else char
