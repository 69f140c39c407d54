"""Clips with numbers whose reading is known: their texts as they were read.

A clip's text has the digits, and the time of a number counts as a star's. In which form
it was read stands in ``spoken_text`` of its verse, if it was one of the forms that were
tried. Clips with other stars, whose speech nobody has written down, are not told of.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from pipelines.tables import language_table, languages_of
from schemas.tables import ALIGNMENT_TABLE, SEGMENT_TABLE

# Where and when a number was read: recording, start and end in seconds.
_Place = tuple[str, float, float]
_TOLERANCE_SEC = 0.002  # a clip's edges are whole milliseconds


def spoken_texts(corpus: Path | str, languages: Collection[str]) -> dict[str, str]:
    """Return the text as it was read of clips with numbers, by key.

    Args:
      corpus: the output folder of a run; one without tables (the shards of a
        selection) knows of none.
      languages: codes; those that the corpus has not count for nothing.

    Raises:
      ArtifactError: a table is of another version.
    """
    root, texts = str(corpus), {}
    for language in sorted(set(languages) & set(languages_of(root, SEGMENT_TABLE))):
        forms = dict(_forms(root, language))
        names = "key recording_id text words start_sec end_sec star_sec".split()
        table = language_table(root, SEGMENT_TABLE, language, names)
        for row in table.filter(pc.greater(table["star_sec"], 0)).to_pylist():
            text = _as_read(row, forms)
            if text is not None:
                texts[row["key"]] = text
    return texts


def _forms(root: str, language: str) -> Iterator[tuple[_Place, str]]:
    names = "recording_id text spoken_text words stars".split()
    table = language_table(root, ALIGNMENT_TABLE, language, names)
    for row in table.filter(pc.not_equal(table["spoken_text"], "")).to_pylist():
        yield from _forms_of_verse(row)


def _forms_of_verse(row: Mapping[str, Any]) -> Iterator[tuple[_Place, str]]:
    """Yield the numbers of a verse with what was read for them.

    Nothing if other parts of it were passed over, too.
    """
    places = [(star["start_sec"], star["end_sec"]) for star in row["stars"]]
    spans = [_characters(row["words"], place) for place in places]
    known = [(at, place) for at, place in zip(spans, places, strict=True) if at]
    known.sort()
    pattern, end = "", 0
    for (first, last), _ in known:
        pattern += re.escape(row["text"][end:first]) + "(.+?)"
        end = last
    pattern += re.escape(row["text"][end:])
    read = re.fullmatch(pattern, row["spoken_text"], re.DOTALL)
    if read is not None:
        for (_, place), form in zip(known, read.groups(), strict=True):
            yield (row["recording_id"], *place), form


def _characters(
    words: Sequence[Mapping[str, Any]], place: tuple[float, float]
) -> tuple[int, int] | None:
    """Return which characters were said at a place: the words that share its times."""
    own = [word for word in words if (word["start_sec"], word["end_sec"]) == place]
    return (own[0]["char_start"], own[-1]["char_end"]) if own else None


def _as_read(row: Mapping[str, Any], forms: Mapping[_Place, str]) -> str | None:
    """Return a segment's text as it was read, None if a star of it is unknown."""
    text, known_sec = row["text"], 0.0
    times = dict.fromkeys((w["start_sec"], w["end_sec"]) for w in row["words"])
    for start_sec, end_sec in reversed(times):
        form = forms.get((row["recording_id"], start_sec, end_sec))
        if form is not None:
            first, last = _characters(row["words"], (start_sec, end_sec)) or (0, 0)
            text = text[:first] + form + text[last:]
            inside = min(end_sec, row["end_sec"]) - max(start_sec, row["start_sec"])
            known_sec += max(0.0, inside)
    return text if abs(known_sec - row["star_sec"]) <= _TOLERANCE_SEC else None
