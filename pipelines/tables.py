"""The corpus's tables: Parquet parts, of the same bytes for the same rows.

``alignments`` and ``segments`` have a folder for each language, ``ledger`` has parts
for each language in one folder, ``rejects`` is one table. Rows are sorted, parts are
bounded, and parts of an earlier run that are no longer wanted are deleted.
"""

import io
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from types import MappingProxyType
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.dataset as pads
import pyarrow.parquet as pq

from pipelines.store import filesystem_of, write_atomic
from schemas.errors import ArtifactError
from schemas.segment import LedgerEntry, Reject, Segment
from schemas.tables import (
    ALIGNMENT_TABLE,
    LEDGER_TABLE,
    REJECT_TABLE,
    SEGMENT_TABLE,
    AlignmentRow,
    TableKind,
    check_schema,
)

Record = TypeVar("Record")

# About 50 MB of segments with their words.
ROWS_PER_PART = 100_000
_ROWS_PER_GROUP = 10_000
_ALL = ""
_PART = re.compile(r"(?P<stem>.+/part-(?:[^/]+-)?)\d{5}\.parquet")

_ORDERS: MappingProxyType[str, Callable[[Any], Any]] = MappingProxyType(
    {
        SEGMENT_TABLE.name: lambda segment: segment.key,
        # Verses of a recording stay in their order: sorting is stable.
        ALIGNMENT_TABLE.name: lambda row: row.recording_id,
        LEDGER_TABLE.name: lambda entry: (entry.recording, entry.start_sec),
        REJECT_TABLE.name: lambda reject: reject,
    }
)


def parquet_bytes(table: pa.Table) -> bytes:
    """Return a table as a Parquet file; equal tables give equal bytes."""
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd", row_group_size=_ROWS_PER_GROUP)
    return buffer.getvalue()


def write_rows(
    root: str,
    kind: TableKind[Record],
    records: Iterable[Record],
    language: str = _ALL,
    rows_per_part: int = ROWS_PER_PART,
) -> int:
    """Write all rows of one language (of rejects: all rows); return their number.

    Each part is replaced as a whole. Without rows an empty part is written, so that the
    table can be read.

    Args:
      root: the corpus.
      kind: which table.
      records: rows in any order, but the verses of one recording in theirs.
      language: the language of the rows, "" for rejects.
      rows_per_part: how many rows a file holds at most.
    """
    ordered = sorted(records, key=_ORDERS[kind.name])
    stem = _stem(kind, language)
    wanted = set()
    for number, first in enumerate(range(0, max(1, len(ordered)), rows_per_part)):
        part = kind.table(ordered[first : first + rows_per_part])
        wanted.add(f"{stem}{number:05d}.parquet")
        write_atomic(f"{root}/{stem}{number:05d}.parquet", parquet_bytes(part))
    for path in _parts(root, kind):
        if _stem_of(path) == stem and path not in wanted:
            _delete(root, path)
    return len(ordered)


def prune_languages(
    root: str, kind: TableKind[Any], languages: Collection[str]
) -> None:
    """Delete the parts of languages that are no longer in the corpus."""
    stems = {_stem(kind, language) for language in languages}
    for path in _parts(root, kind):
        if _stem_of(path) not in stems:
            _delete(root, path)


def read_segments(root: str, language: str = _ALL) -> Iterator[Segment]:
    """Yield the segments of a corpus or of one language, ordered by language and key.

    Raises:
      ArtifactError: there are none, or they are of another version.
    """
    return _read(root, SEGMENT_TABLE, language)


def segments_dataset(root: str, language: str = _ALL) -> pads.Dataset:
    """Return the table of segments, ordered by language and key, not yet read.

    Raises:
      ArtifactError: there are none, or they are of another version.
    """
    return table_dataset(root, SEGMENT_TABLE, language)


def table_dataset(
    root: str, kind: TableKind[Any], language: str = _ALL
) -> pads.Dataset:
    """Return a table, or one language of it, not yet read; rows in their order.

    Raises:
      ArtifactError: there is none, or it is of another version.
    """
    dataset = _dataset(root, kind, _paths(root, kind, language))
    for fragment in dataset.get_fragments():
        check_schema(_schema_of(fragment), kind.schema, fragment.path)
    return dataset


def has_table(root: str, kind: TableKind[Any]) -> bool:
    """Tell whether a run has written the table, be it empty."""
    return bool(_parts(root, kind))


def read_alignments(root: str, language: str = _ALL) -> Iterator[AlignmentRow]:
    """Yield the aligned verses, like ``read_segments``."""
    return _read(root, ALIGNMENT_TABLE, language)


def read_ledger(root: str, language: str = _ALL) -> Iterator[LedgerEntry]:
    """Yield the ledger by language, recording and time, like ``read_segments``."""
    return _read(root, LEDGER_TABLE, language)


def read_rejects(root: str) -> Iterator[Reject]:
    """Yield the rejects, like ``read_segments``."""
    return _read(root, REJECT_TABLE, _ALL)


def read_columns(
    root: str, kind: TableKind[Any], columns: list[str]
) -> Iterator[dict[str, Any]]:
    """Yield some columns of all rows, nothing where there is no such table.

    Raises:
      ArtifactError: the table is of another version.
    """
    for fragment in _fragments(root, kind, _parts(root, kind)):
        for batch in fragment.to_batches(schema=kind.schema, columns=columns):
            yield from batch.to_pylist()


def _stem(kind: TableKind[Any], language: str) -> str:
    if kind.name == REJECT_TABLE.name:
        return f"{kind.name}/part-"
    if kind.name == LEDGER_TABLE.name:
        return f"{kind.name}/part-{language}-"
    return f"{kind.name}/language={language}/part-"


def _parts(root: str, kind: TableKind[Any]) -> list[str]:
    """Return the table's files as paths below the root, in order."""
    filesystem, folder = filesystem_of(f"{root}/{kind.name}")
    start = len(folder) - len(kind.name)
    found = (path[start:] for path in filesystem.find(folder))
    return sorted(path for path in found if _PART.fullmatch(path))


def _stem_of(path: str) -> str:
    match = _PART.fullmatch(path)
    assert match is not None
    return match["stem"]


def _delete(root: str, path: str) -> None:
    filesystem, full_path = filesystem_of(f"{root}/{path}")
    filesystem.rm_file(full_path)


def _read(root: str, kind: TableKind[Record], language: str) -> Iterator[Record]:
    return _records(root, kind, _paths(root, kind, language))


def _paths(root: str, kind: TableKind[Any], language: str) -> list[str]:
    paths = _parts(root, kind)
    if language:
        stem = _stem(kind, language)
        paths = [path for path in paths if _stem_of(path) == stem]
    if not paths:
        raise ArtifactError(
            f"{root}/{kind.name}: expected the table"
            f"{' of ' + language if language else ''}, found none; run the corpus first"
        )
    return paths


def _dataset(root: str, kind: TableKind[Any], paths: list[str]) -> pads.Dataset:
    filesystem, folder = filesystem_of(root)
    files = [f"{folder}/{path}" for path in paths]
    return pads.dataset(
        files, schema=kind.schema, format="parquet", filesystem=filesystem
    )


def _records(root: str, kind: TableKind[Record], paths: list[str]) -> Iterator[Record]:
    for fragment in _fragments(root, kind, paths):
        for batch in fragment.to_batches(schema=kind.schema):
            yield from kind.records(batch)


def _fragments(
    root: str, kind: TableKind[Any], paths: list[str]
) -> Iterator[pads.ParquetFileFragment]:
    """Yield the files of a table, each checked before it is read."""
    for fragment in _dataset(root, kind, paths).get_fragments():
        check_schema(_schema_of(fragment), kind.schema, fragment.path)
        yield fragment


def _schema_of(fragment: pads.ParquetFileFragment) -> pa.Schema:
    try:
        return fragment.physical_schema
    except pa.ArrowInvalid as error:
        raise damaged(fragment.path, error) from error


def damaged(path: str, error: Exception) -> ArtifactError:
    """Return the error of a file that is no Parquet."""
    return ArtifactError(
        f"{path}: expected a Parquet file, got {error}; delete it and run again"
    )
