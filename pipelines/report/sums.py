"""What the ledger, the rejects and the events say of each language."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import duckdb

from pipelines.judge import sealed_connection
from pipelines.tables import has_table, table_dataset
from schemas.segment import Fate
from schemas.tables import ALIGNMENT_TABLE, LEDGER_TABLE, REJECT_TABLE

_MSEC_PER_HOUR = 3_600_000


@dataclass(frozen=True)
class FateSum:
    """How much of a language had one fate, for one reason."""

    fate: Fate
    reason: str
    stretches: int
    msec: int

    @property
    def hours(self) -> float:
        """Its length in hours."""
        return self.msec / _MSEC_PER_HOUR


@dataclass(frozen=True)
class RejectSum:
    """Rejected recordings of one stage and reason, and the first of them by name."""

    stage: str
    reason: str
    count: int
    shown: tuple[tuple[str, str], ...]
    """Key and message."""


@dataclass(frozen=True)
class EventPlace:
    """One place where a reader differed from the text."""

    recording_id: str
    verse: str
    start_sec: float
    end_sec: float
    text: str


@dataclass(frozen=True)
class EventSum:
    """Events of one kind, and the first of them."""

    kind: str
    count: int
    msec: int
    shown: tuple[EventPlace, ...]


@dataclass(frozen=True)
class Sums:
    """The tables of a corpus, summed by language."""

    recordings: Mapping[str, int]
    """Those that could be decoded."""
    fates: Mapping[str, tuple[FateSum, ...]]
    rejects: Mapping[str, tuple[RejectSum, ...]]
    events: Mapping[str, tuple[EventSum, ...]]

    @property
    def languages(self) -> tuple[str, ...]:
        """All that are named; "" where a reject's is not known."""
        return tuple(sorted({*self.fates, *self.rejects, *self.events}))


def sum_tables(root: str, shown: int) -> Sums:
    """Sum up ledger, rejects and events.

    Args:
      root: the corpus.
      shown: how many rejects of a reason and events of a kind are listed.

    Raises:
      ArtifactError: a table is damaged or of another version.
    """
    connection = sealed_connection()
    there = {}
    for kind in (LEDGER_TABLE, REJECT_TABLE, ALIGNMENT_TABLE):
        there[kind.name] = has_table(root, kind)
        if there[kind.name]:
            connection.register(kind.name, table_dataset(root, kind))
    rejects = _rejects(connection, shown) if there["rejects"] else {}
    events = _events(connection, shown) if there["alignments"] else {}
    if not there["ledger"]:
        return Sums({}, {}, rejects, events)
    counted = connection.sql(
        "SELECT language, count(DISTINCT recording) FROM ledger GROUP BY language"
    ).fetchall()
    return Sums(dict(counted), _fates(connection), rejects, events)


def _fates(connection: duckdb.DuckDBPyConnection) -> dict[str, tuple[FateSum, ...]]:
    query = """
        SELECT language, fate, reason, count(*),
               sum(round((end_sec - start_sec) * 1000)::BIGINT)::BIGINT AS msec
        FROM ledger GROUP BY ALL
        ORDER BY msec DESC, reason"""
    rows = connection.sql(query).fetchall()
    order = list(Fate)
    return _grouped(
        (language, FateSum(Fate(fate), *rest))
        for language, fate, *rest in sorted(rows, key=lambda row: order.index(row[1]))
    )


def _rejects(
    connection: duckdb.DuckDBPyConnection, shown: int
) -> dict[str, tuple[RejectSum, ...]]:
    query = f"""
        SELECT language, stage, reason, count(*) AS number,
               list({{key: key, message: message}} ORDER BY key, message)[:{shown:d}]
        FROM rejects GROUP BY ALL ORDER BY number DESC, stage, reason"""
    return _grouped(
        (
            language,
            RejectSum(
                stage, reason, count, tuple((r["key"], r["message"]) for r in rows)
            ),
        )
        for language, stage, reason, count, rows in connection.sql(query).fetchall()
    )


def _events(
    connection: duckdb.DuckDBPyConnection, shown: int
) -> dict[str, tuple[EventSum, ...]]:
    places = """(SELECT language, recording_id, unnest(events, recursive := true)
                 FROM alignments WHERE len(events) > 0)"""
    first = f"""
        SELECT language, kind, recording_id, verse, start_sec, end_sec, text
        FROM {places}
        QUALIFY row_number() OVER (PARTITION BY language, kind
                ORDER BY recording_id, start_sec, end_sec, verse, text) <= {shown:d}
        ORDER BY language, kind, recording_id, start_sec, end_sec, verse, text"""
    listed: defaultdict[tuple[str, str], list[EventPlace]] = defaultdict(list)
    for language, kind, *place in connection.sql(first).fetchall():
        listed[language, kind].append(EventPlace(*place))
    counted = f"""
        SELECT language, kind, count(*) AS number,
               sum(round((end_sec - start_sec) * 1000)::BIGINT)::BIGINT
        FROM {places} GROUP BY ALL ORDER BY number DESC, kind"""
    return _grouped(
        (language, EventSum(kind, count, msec, tuple(listed[language, kind])))
        for language, kind, count, msec in connection.sql(counted).fetchall()
    )


def _grouped(pairs: Iterator[tuple[str, Any]]) -> dict[str, tuple[Any, ...]]:
    found: defaultdict[str, list[Any]] = defaultdict(list)
    for language, value in pairs:
        found[language].append(value)
    return {language: tuple(values) for language, values in found.items()}
