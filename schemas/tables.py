"""Arrow schemas of the tables on disk, and the way between records and rows.

Every schema carries its table's name and version as metadata, so a reader can refuse a
file that it does not understand. A row is a dict with the record's own field names; NaN
stays NaN and is never a null.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import pyarrow as pa

from schemas.alignment import WordSpan
from schemas.alignment_row import (
    alignment_from_row,
    alignment_row,
    rows_of_spans,
)
from schemas.errors import ArtifactError
from schemas.segment import TABLE_ONLY, Fate, LedgerEntry, Reject, Segment

SCHEMA_VERSION = 5
TABLE_KEY = b"pericope.table"
VERSION_KEY = b"pericope.version"
SHARD_BYTES_KEY = b"pericope.bytes"
"""Metadata of an index: how long its shard is."""
SHARD_SHA256_KEY = b"pericope.sha256"
"""Metadata of an index: the digest of its shard."""


@dataclass(frozen=True)
class Verdict:
    """Whether a selection keeps a segment, and if not, every reason why."""

    key: str
    keep: bool
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True)
class IndexEntry:
    """Where a sample lies in its shard.

    The ``length`` bytes from ``offset`` are the sample's members with their headers: a
    small tar of their own.
    """

    key: str
    shard: str
    offset: int
    length: int


def _field(name: str, of: pa.DataType) -> pa.Field:
    return pa.field(name, of, nullable=False)


def _fields(names: str, of: pa.DataType) -> list[pa.Field]:
    return [_field(name, of) for name in names.split()]


def _schema(table: str, *fields: pa.Field) -> pa.Schema:
    metadata = {TABLE_KEY: table.encode(), VERSION_KEY: str(SCHEMA_VERSION).encode()}
    return pa.schema(list(fields), metadata=metadata)


_TEXT, _REAL, _COUNT = pa.string(), pa.float64(), pa.int64()

_WORDS = pa.list_(
    pa.struct(
        [
            _field("word", _TEXT),
            *_fields("start_sec end_sec score", _REAL),
            *_fields("char_start char_end", _COUNT),
            _field("confidence", _REAL),
        ]
    )
)
_STARS = pa.list_(
    pa.struct([*_fields("start_sec end_sec", _REAL), _field("for_text", _TEXT)])
)
_EVENTS = pa.list_(
    pa.struct(
        [
            *_fields("kind verse", _TEXT),
            *_fields("start_sec end_sec", _REAL),
            _field("text", _TEXT),
        ]
    )
)

_ADAPTATION = pa.struct(
    [
        *_fields("outcome recording_id", _TEXT),
        *_fields("margin_before margin_after", _REAL),
    ]
)

ALIGNMENTS = _schema(
    "alignments",
    *_fields("recording_id language book", _TEXT),
    _field("chapter", _COUNT),
    *_fields("verse text spoken_text romanised", _TEXT),
    *_fields("start_sec end_sec score score_worst confidence margin", _REAL),
    _field("words", _WORDS),
    _field("stars", _STARS),
    _field("events", _EVENTS),
    _field("model", _TEXT),
    _field("adaptation", _ADAPTATION),
    _field("digest", _TEXT),
)

SEGMENTS = _schema(
    "segments",
    *_fields("key recording_id language split book verses text romanised", _TEXT),
    _field("words", _WORDS),
    *_fields("start_sec end_sec duration_sec score score_worst", _REAL),
    *_fields("confidence margin", _REAL),
    *_fields("chars_per_sec star_sec level_db edge_start_db edge_end_db", _REAL),
    *_fields("cer edge_cer extra_nats other_nats unread_nats", _REAL),
    *_fields("null_quantile trust cv_cer cv_recording_cer", _REAL),
    *_fields("chars_per_sec_z snr_db clipped_share silence_share music", _REAL),
    _field("repeated_share", _REAL),
    _field("script", _TEXT),
    _field("script_share", _REAL),
    _field("source", _TEXT),
    _field("speech_share", _REAL),
    _field("lid_language", _TEXT),
    _field("lid_score", _REAL),
    _field("reader", _TEXT),
    _field("drama", pa.bool_()),
    *_fields("licence model_licence", _TEXT),
)

REJECTS = _schema("rejects", *_fields("stage key reason message language", _TEXT))

LEDGER = _schema(
    "ledger",
    *_fields("recording language", _TEXT),
    *_fields("start_sec end_sec", _REAL),
    *_fields("fate reason", _TEXT),
)

SELECTION = _schema(
    "selection",
    _field("key", _TEXT),
    _field("keep", pa.bool_()),
    _field("reasons", pa.list_(_field("item", _TEXT))),
)

INDEX = _schema(
    "index", *_fields("key shard", _TEXT), *_fields("offset length", _COUNT)
)


def segment_row(segment: Segment) -> dict[str, Any]:
    """Return a segment as a row of SEGMENTS."""
    return {**vars(segment), "words": rows_of_spans(segment.words)}


def sample_row(segment: Segment) -> dict[str, Any]:
    """Return a segment's row as a shard has it, without ``TABLE_ONLY``."""
    row = segment_row(segment)
    for name in TABLE_ONLY:
        del row[name]
    return row


def segment_from_row(row: Mapping[str, Any]) -> Segment:
    """Return the segment that a row of SEGMENTS stands for."""
    words = tuple(WordSpan(**word) for word in row["words"])
    return Segment(**{**row, "words": words})


def _ledger_from_row(row: Mapping[str, Any]) -> LedgerEntry:
    return LedgerEntry(**{**row, "fate": Fate(row["fate"])})


def _verdict_row(verdict: Verdict) -> dict[str, Any]:
    return {**vars(verdict), "reasons": list(verdict.reasons)}


def _verdict_from_row(row: Mapping[str, Any]) -> Verdict:
    return Verdict(row["key"], row["keep"], tuple(row["reasons"]))


Record = TypeVar("Record")


@dataclass(frozen=True)
class TableKind(Generic[Record]):
    """A schema with its two conversions."""

    schema: pa.Schema
    to_row: Callable[[Record], dict[str, Any]]
    from_row: Callable[[Mapping[str, Any]], Record]

    @property
    def name(self) -> str:
        """Name of the table, also the name of its folder."""
        return self.schema.metadata[TABLE_KEY].decode()

    def table(self, records: Iterable[Record]) -> pa.Table:
        """Return records as an Arrow table, in the given order."""
        rows = [self.to_row(record) for record in records]
        return pa.Table.from_pylist(rows, schema=self.schema)

    def records(
        self, table: pa.Table | pa.RecordBatch, where: str = "table"
    ) -> Iterator[Record]:
        """Yield the records of a table; columns may come in any order.

        Raises:
          ArtifactError: the table, which is named ``where``, is of another kind or
            version.
        """
        check_schema(table.schema, self.schema, where)
        names = self.schema.names
        for row in table.select(names).to_pylist():
            yield self.from_row(row)


def _plain_row(record: Any) -> dict[str, Any]:
    return dict(vars(record))


SEGMENT_TABLE = TableKind(SEGMENTS, segment_row, segment_from_row)
ALIGNMENT_TABLE = TableKind(ALIGNMENTS, alignment_row, alignment_from_row)
REJECT_TABLE = TableKind(REJECTS, _plain_row, lambda row: Reject(**row))
LEDGER_TABLE = TableKind(LEDGER, _plain_row, _ledger_from_row)
SELECTION_TABLE = TableKind(SELECTION, _verdict_row, _verdict_from_row)
INDEX_TABLE = TableKind(INDEX, _plain_row, lambda row: IndexEntry(**row))


def check_schema(found: pa.Schema, wanted: pa.Schema, where: str = "table") -> None:
    """Refuse a file of another kind or version, or with other columns.

    Raises:
      ArtifactError: it says what was found, what is expected, and what to do.
    """
    expected, got = _identity(wanted), _identity(found)
    for field in wanted:
        if expected == got and _type_of(field.name, found) != field.type:
            expected = f"column {field.name!r} of type {field.type}"
            got = f"{_type_of(field.name, found) or 'none'}"
    if expected != got:
        raise ArtifactError(
            f"{where}: expected {expected}, got {got}; another version of pericope "
            "wrote it: say `pericope run` again with this one, which writes all tables "
            "anew and repeats only what has changed"
        )


def _identity(schema: pa.Schema) -> str:
    metadata = schema.metadata or {}
    if TABLE_KEY not in metadata:
        return "no table of pericope"
    name, version = metadata[TABLE_KEY], metadata.get(VERSION_KEY, b"unknown")
    return f"table {name.decode()!r} of version {version.decode()}"


def _type_of(name: str, schema: pa.Schema) -> pa.DataType | None:
    return schema.field(name).type if name in schema.names else None
