"""The written text of a run of words, punctuation kept with the word it belongs to."""

import unicodedata

from schemas.alignment import VerseAlignment

# Spanish opens with two marks that Unicode files under "other punctuation".
_OPENING_CATEGORIES, _OPENING_MARKS = ("Ps", "Pi"), "¿¡"


def _is_opening(char: str) -> bool:
    return unicodedata.category(char) in _OPENING_CATEGORIES or char in _OPENING_MARKS


def _division(between: str) -> int:
    """Return how much of what stands between two words belongs to the first.

    Opening quotes and brackets just before the second word go with it; so does what
    follows the last white space. All else closes the first word.
    """
    tail = len(between)
    while tail and (between[tail - 1].isspace() or _is_opening(between[tail - 1])):
        tail -= 1
    for place in range(tail, len(between)):
        if _is_opening(between[place]):
            return place
    spaces = [place for place, char in enumerate(between) if char.isspace()]
    return spaces[-1] + 1 if spaces else len(between)


def _border(verse: VerseAlignment, word: int) -> int:
    """Return the character at which the text of word number ``word`` begins."""
    if word == 0:
        return 0
    if word == len(verse.words):
        return len(verse.text)
    before, after = verse.words[word - 1].char_end, verse.words[word].char_start
    return before + _division(verse.text[before:after])


def excerpt(verse: VerseAlignment, first: int, last: int) -> tuple[str, int]:
    """Return the text of words ``first`` to ``last`` (inclusive) as it is written.

    Excerpts of neighbouring runs share no character, and together they hold all of the
    verse but white space.

    Returns:
      The text, and the character of the verse at which it begins.
    """
    start, end = _border(verse, first), _border(verse, last + 1)
    piece = verse.text[start:end]
    return piece.strip(), start + len(piece) - len(piece.lstrip())


def romanised_excerpt(verse: VerseAlignment, first: int, last: int) -> str:
    """Return the romanised words ``first`` to ``last`` (inclusive), one space apart.

    One for each written word: that of a number is empty.
    """
    romanised = verse.romanised.split(" ")
    if len(romanised) != len(verse.words):
        raise ValueError(
            f"verse {verse.verse}: {len(romanised)} romanised words for "
            f"{len(verse.words)} written ones"
        )
    return " ".join(romanised[first : last + 1])
