"""What rules say of each segment, found by DuckDB over a table.

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

from pipelines.conditions import Condition, LicenceCondition, RuleCondition
from pipelines.criteria import Criteria
from pipelines.judged import WITH_TEXT, JudgedTable, judged_table
from pipelines.licences import NO_MODEL, is_commercially_clean
from pipelines.rules import parse_rule
from pipelines.tables import segments_dataset
from schemas.errors import ConfigError
from schemas.labels import LABELS
from schemas.tables import SEGMENTS, Verdict

_ROWS = 1 << 17
_MEMORY = "2GB"
_THREADS = 2


def sealed_connection(
    segments: pads.Dataset | pa.Table | None = None,
    labels: pads.Dataset | pa.Table | None = None,
) -> duckdb.DuckDBPyConnection:
    """Return a connection that sees the tables of these names and nothing else."""
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
    if labels is not None:
        connection.register("labels", labels)
    connection.execute("SET lock_configuration = true")
    return connection


@dataclass(frozen=True)
class JudgedBatch:
    """Verdicts on N segments, in the order of the table.

    ``outcomes`` (K, D) are the D different ones that the K conditions have together
    (see ``Condition.outcome_sql``), by first appearance; ``codes`` (N,) tell which of
    them a segment has.
    """

    keys: pa.Array
    languages: pa.Array
    lengths_msec: npt.NDArray[np.int64]
    codes: npt.NDArray[np.int64]
    outcomes: npt.NDArray[np.int64]

    def reasons(self, conditions: Sequence[Condition]) -> list[tuple[str, ...]]:
        """Return the reasons of each of the D outcomes; kept are those without any."""
        return [
            tuple(
                dict.fromkeys(
                    reason
                    for condition, outcome in zip(conditions, together, strict=True)
                    for reason in condition.reasons(int(outcome))
                )
            )
            for together in self.outcomes.T
        ]


def check_criteria(criteria: Criteria) -> None:
    """Find fault with rules before there is anything to judge.

    Raises:
      ConfigError: as in ``conditions_of``.
    """
    empty = SEGMENTS.empty_table(), LABELS.empty_table()
    with sealed_connection(*empty) as connection:
        conditions_of(criteria, connection)


def conditions_of(
    criteria: Criteria, connection: duckdb.DuckDBPyConnection
) -> list[Condition]:
    """Return all that a segment must meet.

    Raises:
      ConfigError: a rule cannot be read, is a number or a text, or compares what cannot
        be compared.
    """
    table = judged_table(criteria)
    rules = [
        part
        for rule in criteria.rules
        for part in parse_rule(rule, connection, table.columns)
    ]
    for condition in rules:
        _check_boolean(condition, connection, table)
    lane: list[Condition] = []
    if criteria.lane:
        lane = [
            LicenceCondition("licence", _unclean("licence", connection, table)),
            LicenceCondition(
                "model_licence", _unclean("model_licence", connection, table, NO_MODEL)
            ),
        ]
    return [*rules, *lane]


def _check_boolean(
    condition: RuleCondition,
    connection: duckdb.DuckDBPyConnection,
    table: JudgedTable,
) -> None:
    try:
        relation = connection.sql(f"SELECT {condition.sql} AS c FROM {table.source}")
    except duckdb.Error as error:
        raise _not_computed(condition.label, error) from error
    if str(relation.types[0]) != "BOOLEAN":
        raise ConfigError(
            f"rule {condition.label!r}: expected true or false, got a "
            f"{relation.types[0]}; compare it with something"
        )


def _unclean(
    column: str, connection: duckdb.DuckDBPyConnection, table: JudgedTable, *clean: str
) -> tuple[str, ...]:
    query = f'SELECT DISTINCT "{column}" FROM {table.source} ORDER BY 1'
    found = [text for (text,) in connection.execute(query).fetchall()]
    return tuple(
        text for text in found if text not in clean and not is_commercially_clean(text)
    )


def judge(
    conditions: Sequence[Condition],
    connection: duckdb.DuckDBPyConnection,
    table: JudgedTable = WITH_TEXT,
) -> Iterator[JudgedBatch]:
    """Yield what the conditions say of every segment of a table.

    Raises:
      ConfigError: a condition cannot be computed for some segment.
    """
    codes = [
        f"{condition.outcome_sql} AS c{number}"
        for number, condition in enumerate(conditions)
    ]
    columns = ["key", "language", "round(duration_sec * 1000)::BIGINT AS msec", *codes]
    query = f"SELECT {', '.join(columns)} FROM {table.source}{table.order}"
    try:
        for batch in connection.sql(query).to_arrow_reader(_ROWS):
            found = [np.asarray(batch[f"c{k}"]) for k in range(len(codes))]
            yield JudgedBatch(
                batch["key"],
                batch["language"],
                np.asarray(batch["msec"]),
                *_coded(np.array(found, np.int64).reshape(-1, len(batch))),
            )
    except (duckdb.Error, pa.ArrowException) as error:
        labels = "; ".join(condition.shown for condition in conditions)
        raise _not_computed(labels, error) from error


def judge_language(root: str, language: str, criteria: Criteria) -> dict[str, Verdict]:
    """Return the verdicts on the segments with text of one language, by key.

    Raises:
      ConfigError: as in ``conditions_of`` and ``judge``.
      ArtifactError: there is no table of that language.
    """
    verdicts = {}
    with sealed_connection(segments_dataset(root, language)) as connection:
        conditions = conditions_of(criteria, connection)
        for batch in judge(conditions, connection):
            reasons = batch.reasons(conditions)
            for key, code in zip(batch.keys.to_pylist(), batch.codes, strict=True):
                verdicts[key] = Verdict(key, not reasons[code], reasons[code])
    return verdicts


def _coded(
    outcomes_KN: npt.NDArray[np.int64],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return for each column which of the different ones it is, and these."""
    rows = outcomes_KN.shape[1]
    codes = np.zeros(rows, np.int64)
    for outcomes in outcomes_KN:
        # Numbers below the count of rows, so that the product fits.
        codes = _numbered(codes * rows + _numbered(outcomes))
    first = np.zeros(codes.max(initial=-1) + 1, np.int64)
    first[codes[::-1]] = np.arange(rows)[::-1]  # the last one to be set stays
    return codes, outcomes_KN[:, first]


def _numbered(values: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return numbers from 0 by first appearance, equal for equal values."""
    indices = pa.array(values).dictionary_encode().indices
    return np.asarray(indices).astype(np.int64)


def observed(
    column: str,
    connection: duckdb.DuckDBPyConnection,
    table: JudgedTable = WITH_TEXT,
) -> str:
    """Say what a column holds: its range, and how often it is missing."""
    query = (
        f'SELECT min("{column}")::VARCHAR, max("{column}")::VARCHAR, '
        f'count(*) - count("{column}"), count(*) FROM {table.source}'
    )
    ((least, most, missing, rows),) = connection.execute(query).fetchall()
    if missing == rows:
        return f"{column} is missing everywhere"
    without = f", missing in {missing:,} of {rows:,}" if missing else ""
    return f"{column} goes from {least} to {most}{without}"


def _not_computed(label: str, error: Exception) -> ConfigError:
    told = str(error).splitlines()[0]
    return ConfigError(f"rule {label!r}: cannot be computed: {told}")
