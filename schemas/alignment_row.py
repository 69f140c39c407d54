"""One verse of one recording as a row of the alignments table."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from schemas.alignment import (
    NOT_ADAPTED,
    Adaptation,
    AdaptationOutcome,
    EventKind,
    ReadingEvent,
    StarSpan,
    VerseAlignment,
    WordSpan,
)


@dataclass(frozen=True, kw_only=True)
class AlignmentRow:
    """One verse of one recording, with where it came from."""

    recording_id: str
    language: str
    book: str
    chapter: int
    verse: VerseAlignment
    events: tuple[ReadingEvent, ...] = ()
    """Those at the verse; the last verse has what follows it, too."""
    model: str
    adaptation: Adaptation = NOT_ADAPTED
    digest: str
    """Name of the stored result from which the row was made."""


def rows_of_spans(spans: Iterable[Any]) -> list[dict[str, Any]]:
    """Return words, stars or events as rows."""
    return [dict(vars(span)) for span in spans]


def alignment_row(record: AlignmentRow) -> dict[str, Any]:
    """Return an aligned verse as a row of ALIGNMENTS."""
    verse = record.verse
    # Both have a field "verse": the second one, the verse's number, is the column.
    row = {**vars(record), **vars(verse)}
    spans = {"words": verse.words, "stars": verse.stars, "events": record.events}
    row |= {name: rows_of_spans(values) for name, values in spans.items()}
    return {**row, "adaptation": dict(vars(record.adaptation))}


def alignment_from_row(row: Mapping[str, Any]) -> AlignmentRow:
    """Return the aligned verse that a row of ALIGNMENTS stands for."""
    own = ("recording_id", "language", "book", "chapter", "model", "digest")
    apart = (*own, "events", "adaptation")
    rest = {name: value for name, value in row.items() if name not in apart}
    rest["words"] = tuple(WordSpan(**word) for word in row["words"])
    rest["stars"] = tuple(StarSpan(**star) for star in row["stars"])
    return AlignmentRow(
        verse=VerseAlignment(**rest),
        events=tuple(_event_from_row(event) for event in row["events"]),
        adaptation=_adaptation_from_row(row["adaptation"]),
        **{name: row[name] for name in own},
    )


def _event_from_row(row: Mapping[str, Any]) -> ReadingEvent:
    return ReadingEvent(**{**row, "kind": EventKind(row["kind"])})


def _adaptation_from_row(row: Mapping[str, Any]) -> Adaptation:
    return Adaptation(**{**row, "outcome": AdaptationOutcome(row["outcome"])})
