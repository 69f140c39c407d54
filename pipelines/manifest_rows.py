"""Rows of a manifest as text cells, whatever the file's format."""

import csv
import difflib
import json
import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from schemas.errors import ConfigError
from schemas.source import Recording

COLUMNS = tuple(column.name for column in fields(Recording))
REQUIRED_COLUMNS = ("recording_id", "language", "audio", "text")

# Control characters and lone surrogates: neither paths nor UTF-8 tables can hold them.
_UNWRITABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


@dataclass(frozen=True)
class Row:
    """One row: its filled cells, or the reason why they cannot be read.

    ``number`` counts from 1 without the header; in a jsonl file it is the line.
    """

    number: int
    cells: dict[str, str] = field(default_factory=dict)
    problem: str = ""


def read_rows(path: Path) -> tuple[Row, ...]:
    """Read all rows of a csv, jsonl or parquet file.

    White space around a cell does not count; empty cells are left out.

    Raises:
      ConfigError: the file cannot be read, has unknown or missing columns, or no rows.
    """
    readers = {".csv": _read_csv, ".jsonl": _read_jsonl, ".parquet": _read_parquet}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise ConfigError(
            f"{path}: expected a manifest ending in {', '.join(readers)}, "
            f"got {path.suffix!r}"
        )
    try:
        rows = tuple(reader(path))
    except OSError as error:
        raise ConfigError(f"{path}: the manifest cannot be read: {error}") from error
    if not rows:
        raise ConfigError(f"{path}: expected at least one row, got none")
    return rows


def _read_csv(path: Path) -> Iterator[Row]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, strict=True)
        try:
            header = [name.strip() for name in next(reader, [])]
            _check_columns(header, path)
            filled = (values for values in reader if values)
            for number, values in enumerate(filled, start=1):
                if any("\n" in value or "\r" in value for value in values):
                    # A stray quote swallows whole rows, which would be lost silently.
                    raise ConfigError(
                        f"{path} row {number}: a cell runs over several lines, up to "
                        f"line {reader.line_num}; is a quotation mark not closed?"
                    )
                yield _csv_row(number, header, values)
        except csv.Error as error:
            raise ConfigError(
                f"{path} line {reader.line_num}: {error}; is a quotation mark not "
                "closed?"
            ) from error
        except UnicodeDecodeError as error:
            raise ConfigError(
                f"{path}: expected UTF-8, got byte 0x{error.object[error.start]:02x} "
                f"after line {reader.line_num}; save it as UTF-8"
            ) from error


def _csv_row(number: int, header: list[str], values: list[str]) -> Row:
    if len(values) != len(header):
        problem = f"expected {len(header)} cells as in the header, got {len(values)}"
        # The first cells are where they should be, so that the id can be told.
        return Row(
            number, _row_of(number, zip(header, values, strict=False)).cells, problem
        )
    return _row_of(number, zip(header, values, strict=True))


def _read_jsonl(path: Path) -> Iterator[Row]:
    seen: dict[str, None] = {}
    rows = []
    lines = path.read_bytes().removeprefix(b"\xef\xbb\xbf").split(b"\n")
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            pairs = _json_pairs(line)
        except ValueError as error:
            rows.append(Row(number, problem=str(error)))
            continue
        _check_known([name for name, _ in pairs], path, f" row {number}")
        seen.update(dict.fromkeys(name for name, _ in pairs))
        rows.append(_row_of(number, pairs))
    if seen:
        _check_columns(list(seen), path)
    return iter(rows)


def _json_pairs(line: bytes) -> list[tuple[str, Any]]:
    """Return the members of one JSON object; raises ValueError with the reason."""

    def pairs_of(pairs: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
        if len({name for name, _ in pairs}) < len(pairs):
            raise ValueError("expected each key once, got one twice")
        return pairs

    try:
        text = line.decode()
    except UnicodeDecodeError as error:
        raise ValueError(f"expected UTF-8: {error}") from error
    if not text.lstrip().startswith("{"):
        raise ValueError(f"expected a JSON object, got {text[:40]!r}")
    try:
        loaded: list[tuple[str, Any]] = json.loads(text, object_pairs_hook=pairs_of)
    except RecursionError as error:
        raise ValueError(
            "expected a flat JSON object, got a deeply nested one"
        ) from error
    return loaded


def _read_parquet(path: Path) -> Iterator[Row]:
    try:
        table = pq.read_table(path)
    except pa.ArrowInvalid as error:
        raise ConfigError(f"{path}: expected a parquet file: {error}") from error
    _check_columns(table.column_names, path)
    number = 0
    for batch in table.to_batches():
        for values in batch.to_pylist():
            number += 1
            yield _row_of(number, values.items())


def _row_of(number: int, pairs: Iterable[tuple[str, Any]]) -> Row:
    cells, problems = {}, []
    for column, value in pairs:
        try:
            text = _text_of(value)
        except ValueError as error:
            problems.append(f"{column}: {error}")
            continue
        if text:
            cells[column] = text
    return Row(number, cells, "; ".join(problems))


def _text_of(value: Any) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))  # tables turn whole numbers with gaps into floats
    if isinstance(value, int):
        return str(value)
    if not isinstance(value, str):
        raise ValueError(f"expected text, got {value!r:.60}")
    text = value.strip()
    if _UNWRITABLE.search(text):
        raise ValueError(f"expected text without control characters, got {text!r:.60}")
    return text


def _check_columns(columns: list[str], path: Path) -> None:
    _check_known(columns, path)
    missing = [name for name in REQUIRED_COLUMNS if name not in columns]
    if missing:
        raise ConfigError(
            f"{path}: expected the columns {', '.join(REQUIRED_COLUMNS)}, got "
            f"{', '.join(columns) or 'none'}; add {', '.join(missing)} (a column "
            "may be empty; separators are commas)"
        )
    repeated = sorted({name for name in columns if columns.count(name) > 1})
    if repeated:
        raise ConfigError(f"{path}: expected each column once, got {repeated} again")


def _check_known(columns: list[str], path: Path, place: str = "") -> None:
    for name in columns:
        if name in COLUMNS:
            continue
        close = difflib.get_close_matches(name.lower(), COLUMNS, n=2)
        hint = f"did you mean {' or '.join(close)}? " if close else ""
        if re.search("[;\t|]", name):
            hint = "cells must be separated by commas. "
        raise ConfigError(
            f"{path}{place}: unknown column {name!r}; {hint}"
            f"Expected some of {', '.join(COLUMNS)}"
        )
