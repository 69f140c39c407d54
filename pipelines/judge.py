"""What rules say of each segment, found by DuckDB over the segments table.

A value that is missing (NaN on disk) is NULL to a rule, and a rule that is NULL keeps
nothing: its reason says what is missing. A rule may say otherwise itself, as in
``cer IS NULL OR cer < 0.1``.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.dataset as pads

from pipelines.rules import Condition
from schemas.errors import ConfigError
from schemas.tables import SEGMENTS

_ROWS = 1 << 17
_MEMORY = "2GB"
_THREADS = 2
_TRUE, _FALSE, _MISSING = 0, 1, 2


def sealed_connection(
    segments: pads.Dataset | pa.Table | None = None,
) -> duckdb.DuckDBPyConnection:
    """Return a connection that sees the table ``segments`` and nothing else."""
    settings: dict[str, str | bool | int | float | list[str]] = {
        "threads": _THREADS,
        "memory_limit": _MEMORY,
        "enable_external_access": False,
        "python_enable_replacements": False,
        "ieee_floating_point_ops": False,  # a division by zero is NULL, not NaN
    }
    connection = duckdb.connect(config=settings)
    if segments is not None:
        connection.register("segments", segments)
    connection.execute("SET lock_configuration = true")
    return connection


@dataclass(frozen=True)
class JudgedBatch:
    """Verdicts on segments, in the order of the table; row i of each belongs together.

    ``outcomes`` has a row for each condition: 0 true, 1 false, 2 no value, and above it
    2 + the sum of 2**k over the condition's columns k that are missing.
    """

    keys: pa.Array
    languages: pa.Array
    lengths_msec: npt.NDArray[np.int64]
    outcomes: npt.NDArray[np.int64]


def check_boolean(
    conditions: Sequence[Condition], connection: duckdb.DuckDBPyConnection
) -> None:
    """Refuse what is no truth value.

    Raises:
      ConfigError: a condition is a number or a text, or compares what cannot be.
    """
    for condition in conditions:
        try:
            relation = connection.sql(f"SELECT {condition.sql} AS c FROM {_SOURCE}")
        except duckdb.Error as error:
            raise _not_computed(condition.label, error) from error
        if str(relation.types[0]) != "BOOLEAN":
            raise ConfigError(
                f"rule {condition.label!r}: expected true or false, got a "
                f"{relation.types[0]}; compare it with something"
            )


def judge(
    conditions: Sequence[Condition], connection: duckdb.DuckDBPyConnection
) -> Iterator[JudgedBatch]:
    """Yield what the conditions say of every segment with text.

    Raises:
      ConfigError: a condition cannot be computed for some segment.
    """
    codes = [
        f"{_outcome(condition)} AS c{number}"
        for number, condition in enumerate(conditions)
    ]
    columns = ["key", "language", "round(duration_sec * 1000)::BIGINT AS msec", *codes]
    query = f"SELECT {', '.join(columns)} FROM {_SOURCE}"
    try:
        for batch in connection.sql(query).to_arrow_reader(_ROWS):
            yield JudgedBatch(
                batch["key"],
                batch["language"],
                np.asarray(batch["msec"]),
                np.stack([np.asarray(batch[f"c{k}"]) for k in range(len(codes))]),
            )
    except (duckdb.Error, pa.ArrowException) as error:
        labels = "; ".join(condition.label for condition in conditions)
        raise _not_computed(labels, error) from error


def reasons_of(condition: Condition, outcome: int) -> tuple[str, ...]:
    """Return the reasons that an outcome of a condition stands for."""
    if outcome == _TRUE:
        return ()
    if outcome == _FALSE:
        return (condition.label,)
    missing = tuple(
        f"no_{name}"
        for k, name in enumerate(condition.columns)
        if (outcome - _MISSING) >> k & 1
    )
    return missing or (f"{condition.label}: no value",)


def observed(column: str, connection: duckdb.DuckDBPyConnection) -> str:
    """Say what a column holds: its range, and how often it is missing."""
    query = (
        f'SELECT min("{column}")::VARCHAR, max("{column}")::VARCHAR, '
        f'count(*) - count("{column}"), count(*) FROM {_SOURCE}'
    )
    ((least, most, missing, rows),) = connection.execute(query).fetchall()
    if missing == rows:
        return f"{column} is missing everywhere"
    without = f", missing in {missing:,} of {rows:,}" if missing else ""
    return f"{column} goes from {least} to {most}{without}"


def _view() -> str:
    """Return the segments with text, with NULL for NaN; in DuckDB NaN is largest."""
    columns = [
        f'nullif("{field.name}", \'nan\'::DOUBLE) AS "{field.name}"'
        if pa.types.is_floating(field.type)
        else f'"{field.name}"'
        for field in SEGMENTS
        if not pa.types.is_nested(field.type)
    ]
    # Only segments with text have a split, and it is quicker to read.
    return f"(SELECT {', '.join(columns)} FROM segments WHERE split <> '') AS judged"


_SOURCE = _view()


def _outcome(condition: Condition) -> str:
    missing = "".join(
        f' + {1 << k} * ("{name}" IS NULL)::BIGINT'
        for k, name in enumerate(condition.columns)
    )
    return (
        f"(CASE WHEN ({condition.sql}) IS NULL THEN {_MISSING}{missing} "
        f"WHEN {condition.sql} THEN {_TRUE} ELSE {_FALSE} END)::BIGINT"
    )


def _not_computed(label: str, error: Exception) -> ConfigError:
    told = str(error).splitlines()[0]
    return ConfigError(f"rule {label!r}: cannot be computed: {told}")
