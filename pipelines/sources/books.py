"""Books of scripture: their codes in USFM, and the other names that files give them."""

import re
from collections.abc import Mapping
from types import MappingProxyType

from machine.scripture import ALL_BOOK_IDS

BOOKS = frozenset(ALL_BOOK_IDS)
OLD_TESTAMENT = tuple(ALL_BOOK_IDS[:39])
NEW_TESTAMENT = tuple(ALL_BOOK_IDS[39:66])

_NAMES = """
    Genesis Exodus Leviticus Numbers Deuteronomy Joshua Judges Ruth 1Samuel 2Samuel
    1Kings 2Kings 1Chronicles 2Chronicles Ezra Nehemiah Esther Job Psalms Proverbs
    Ecclesiastes SongofSongs Isaiah Jeremiah Lamentations Ezekiel Daniel Hosea Joel Amos
    Obadiah Jonah Micah Nahum Habakkuk Zephaniah Haggai Zechariah Malachi Matthew Mark
    Luke John Acts Romans 1Corinthians 2Corinthians Galatians Ephesians Philippians
    Colossians 1Thessalonians 2Thessalonians 1Timothy 2Timothy Titus Philemon Hebrews
    James 1Peter 2Peter 1John 2John 3John Jude Revelation
""".split()
# Verse-per-line files of eBible and old audio filesets have codes of their own.
_OTHER_CODES: Mapping[str, str] = MappingProxyType(
    dict(
        pair.split("=")
        for pair in """
        SOL=SNG SOS=SNG EZE=EZK JOE=JOL NAH=NAM MAR=MRK JOH=JHN PHI=PHP JAM=JAS 1JO=1JN
        2JO=2JN 3JO=3JN PSM=PSA PRV=PRO JMS=JAS 1TE=1TH 2TE=2TH MRC=MRK LUC=LUK JUA=JHN
        """.split()
    )
)
_NAME_LENGTH = 12  # that file names of the older pattern have room for
_BOOK_OF_NAME: Mapping[str, str] = MappingProxyType(
    {
        name.lower()[:_NAME_LENGTH]: book
        for name, book in zip(_NAMES, ALL_BOOK_IDS[:66], strict=True)
    }
    | {"psalm": "PSA", "songofsolomo": "SNG", "songofsolomon": "SNG", "song": "SNG"}
    | {"1thess": "1TH", "2thess": "2TH", "1cor": "1CO", "2cor": "2CO"}
)


def book_of_code(code: str) -> str | None:
    """Return the USFM code of a book by its code, whoever's it is; None if unknown.

    >>> book_of_code("mrk"), book_of_code("MAR"), book_of_code("ABC")
    ('MRK', 'MRK', None)
    """
    book = _OTHER_CODES.get(code.upper(), code.upper())
    return book if book in BOOKS else None


def book_of_name(name: str) -> str | None:
    """Return the code of a book by its English name without spaces, None if unknown.

    >>> book_of_name("1Corinthians"), book_of_name("Mateo")
    ('1CO', None)
    """
    key = re.sub(r"[\W_]+", "", name).lower()
    return _BOOK_OF_NAME.get(key[:_NAME_LENGTH])


def book_of_order(testament: str, order: int) -> str | None:
    """Return the book at a place of a testament ("A" old, "B" new), None beyond it."""
    books = OLD_TESTAMENT if testament == "A" else NEW_TESTAMENT
    return books[order - 1] if 1 <= order <= len(books) else None
