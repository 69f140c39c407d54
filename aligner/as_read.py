"""The text of a verse as it was read: without what was left out."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from aligner.runs import is_timed
from aligner.variants import Change
from schemas.alignment import ChapterAlignment, EventKind, VerseAlignment


def spoken_text(text: str, changes: Iterable[Change]) -> str:
    """Return a text with some of its characters said otherwise.

    Where nothing was said, the white space before goes as well (at the text's start
    that after it).

    >>> spoken_text("On day 7 (Gen 2:2) he", [(7, 8, "seven"), (9, 18, "")])
    'On day seven he'
    """
    for start, end, said in sorted(changes, reverse=True):
        first, last = (start, end) if said else _with_space(text, start, end)
        text = text[:first] + said + text[last:]
    return text


def as_read(alignment: ChapterAlignment) -> ChapterAlignment:
    """Return an alignment whose verses have no words that are known to be unread.

    These are the bracketed references that were passed over. Verses that were left out
    as a whole keep their text: none of their words has a time.
    """
    unread: dict[str, list[str]] = {}
    for event in alignment.events:
        if event.kind == EventKind.UNREAD:
            unread.setdefault(event.verse, []).append(event.text)
    verses = tuple(
        _without(verse, unread.get(verse.verse, ())) for verse in alignment.verses
    )
    return replace(alignment, verses=verses)


def _without(verse: VerseAlignment, unread: Sequence[str]) -> VerseAlignment:
    for text in unread:
        for start in _places(verse.text, text):
            end = start + len(text)
            inside = [start <= word.char_start < end for word in verse.words]
            # The same reference may stand there twice, and be read once.
            if not any(
                is_timed(word)
                for word, is_in in zip(verse.words, inside, strict=True)
                if is_in
            ):
                verse = _cut(verse, start, end, inside)
                break
    return verse


def _places(text: str, part: str) -> list[int]:
    return [k for k in range(len(text)) if text.startswith(part, k)]


def _cut(
    verse: VerseAlignment, start: int, end: int, inside: Sequence[bool]
) -> VerseAlignment:
    first, last = _with_space(verse.text, start, end)
    gone = last - first
    kept = [k for k, is_in in enumerate(inside) if not is_in]
    words = (verse.words[k] for k in kept)
    romanised = verse.romanised.split(" ")
    return replace(
        verse,
        text=verse.text[:first] + verse.text[last:],
        romanised=" ".join(romanised[k] for k in kept),
        words=tuple(
            word
            if word.char_start < first
            else replace(
                word, char_start=word.char_start - gone, char_end=word.char_end - gone
            )
            for word in words
        ),
    )


def _with_space(text: str, start: int, end: int) -> tuple[int, int]:
    """Return an interval with the white space that would be left twice."""
    first = len(text[:start].rstrip())
    last = end
    if first == 0:
        last = len(text) - len(text[end:].lstrip())
    return first, last
