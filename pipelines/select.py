"""A selection by rules: verdicts on all segments, and what changed since the last.

Nothing but tables is read. The files are replaced whole, and only when the verdicts or
the rules are others than before; the order is that of the segments table.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipelines.judge import (
    JudgedBatch,
    check_boolean,
    judge,
    observed,
    reasons_of,
    sealed_connection,
)
from pipelines.rules import Condition, Rule, parse_rule
from pipelines.selections import (
    SelectionTotals,
    hours_from_msec,
    selection_stem,
)
from pipelines.store import local_copy, write_atomic, writing
from pipelines.tables import damaged, segments_dataset
from schemas.errors import ArtifactError, ConfigError
from schemas.keys import digest_of
from schemas.tables import SELECTION


@dataclass(frozen=True)
class Selected:
    """What ``select_segments`` made."""

    summary: dict[str, Any]
    """The selection's JSON."""
    warnings: tuple[str, ...]
    is_new: bool
    """False where rules and verdicts are those that were there."""


@dataclass
class _Work:
    """What is counted while verdicts are written."""

    conditions: Sequence[Condition]
    before: "_Before"
    totals: dict[str, SelectionTotals] = field(default_factory=dict)
    gained_msec: dict[str, int] = field(default_factory=dict)
    lost_msec: dict[str, int] = field(default_factory=dict)
    met: list[int] = field(default_factory=list)
    """How many segments meet each condition."""
    segments: int = 0
    digests: tuple[Any, Any] = field(
        default_factory=lambda: (hashlib.sha256(), hashlib.sha256())
    )


class _Before:
    """Which segments the version before keeps."""

    def __init__(self, table: pa.Table | None) -> None:
        self._table = table
        self._row = 0

    def keeps(self, keys: pa.Array) -> npt.NDArray[np.bool_]:
        """Return for the next keys of the table whether they were kept."""
        if self._table is None:
            return np.zeros(len(keys), bool)
        part = self._table.slice(self._row, len(keys))
        self._row += len(keys)
        if part["key"].combine_chunks().equals(keys):
            return part["keep"].to_numpy()
        kept = self._kept
        return np.array([key in kept for key in keys.to_pylist()], bool)

    @cached_property
    def _kept(self) -> frozenset[str]:
        """The segments have changed since: positions tell nothing."""
        assert self._table is not None
        return frozenset(self._table.filter(self._table["keep"])["key"].to_pylist())


def select_segments(
    root: str, name: str, rules: Sequence[Rule], *, allow_empty: bool = False
) -> Selected:
    """Judge every segment with text by rules; write the selection and its summary.

    Raises:
      ConfigError: a rule cannot be used, can never hold here, or all of them together
        keep nothing (unless ``allow_empty``); what was there stays as it is.
      ArtifactError: there is no table of segments, or a file is damaged.
    """
    stem = selection_stem(root, name)
    connection = sealed_connection(segments_dataset(root))
    conditions = [part for rule in rules for part in parse_rule(rule, connection)]
    check_boolean(conditions, connection)
    old = _summary_before(f"{stem}.json")
    before = _Before(_verdicts_before(f"{stem}.parquet"))
    work = _Work(conditions, before, met=[0] * len(conditions))
    with writing(f"{stem}.parquet") as file:
        with pq.ParquetWriter(
            file, SELECTION, compression="zstd", use_dictionary=["reasons.list.element"]
        ) as writer:
            for batch in judge(conditions, connection):
                writer.write_batch(_verdicts(batch, work))
        warnings = _checked(work, connection, allow_empty)
    summary = _summary(name, rules, work, old)
    if summary["version"] == (old or {}).get("version"):
        assert old is not None
        return Selected(old, warnings, is_new=False)
    text = json.dumps(summary, sort_keys=True, ensure_ascii=False, indent=2)
    write_atomic(f"{stem}.json", f"{text}\n".encode())
    return Selected(summary, warnings, is_new=True)


def _verdicts(batch: JudgedBatch, work: _Work) -> pa.RecordBatch:
    """Return the verdicts of a batch, and count them."""
    codes = np.zeros(len(batch.keys), np.int64)
    distinct = np.zeros((0, len(codes)), np.int64)
    if len(codes):
        distinct, codes = np.unique(batch.outcomes, axis=1, return_inverse=True)
    reasons = [_reasons(work.conditions, outcomes) for outcomes in distinct.T]
    keep = np.array([not found for found in reasons], bool)[codes]
    work.segments += len(codes)
    for number, outcomes in enumerate(batch.outcomes):
        work.met[number] += int((outcomes == 0).sum())
    kept_before = work.before.keeps(batch.keys)
    names, languages = _coded(batch.languages)
    size = len(reasons)
    cells = languages * size + codes
    counts = np.bincount(cells, minlength=len(names) * size)
    lengths = _sums(cells, batch.lengths_msec, len(names) * size)
    gained = _sums(languages, batch.lengths_msec * (keep & ~kept_before), len(names))
    lost = _sums(languages, batch.lengths_msec * (kept_before & ~keep), len(names))
    for at, language in enumerate(names):
        totals = work.totals.setdefault(language, SelectionTotals())
        for code, found in enumerate(reasons):
            cell = at * size + code
            totals.add_many(int(counts[cell]), int(lengths[cell]), found)
        work.gained_msec[language] = work.gained_msec.get(language, 0) + gained[at]
        work.lost_msec[language] = work.lost_msec.get(language, 0) + lost[at]
    lists = pa.array(reasons, SELECTION.field("reasons").type).take(pa.array(codes))
    rows = [batch.keys, pa.array(keep), lists]
    joined = pa.array(["\x1f".join(found) for found in reasons], pa.string())
    _digest(work, batch.keys, joined.take(pa.array(codes)))
    return pa.record_batch(rows, schema=SELECTION)


def _reasons(
    conditions: Sequence[Condition], outcomes: npt.NDArray[np.int64]
) -> list[str]:
    found = (
        reason
        for condition, outcome in zip(conditions, outcomes, strict=True)
        for reason in reasons_of(condition, int(outcome))
    )
    return list(dict.fromkeys(found))


def _coded(texts: pa.Array) -> tuple[list[str], npt.NDArray[np.int64]]:
    coded = texts.dictionary_encode()
    return coded.dictionary.to_pylist(), np.asarray(coded.indices).astype(np.int64)


def _sums(
    cells: npt.NDArray[np.int64], msec: npt.NDArray[np.int64], size: int
) -> list[int]:
    """Return sums by cell; milliseconds are exact in float64 up to 285,000 years."""
    return np.bincount(cells, msec, minlength=size).astype(np.int64).tolist()


def _digest(work: _Work, keys: pa.Array, reasons: pa.Array) -> None:
    """Take rows into the digest; where batches end makes no difference."""
    for digest, texts in zip(work.digests, (keys, reasons), strict=True):
        whole = pa.ListArray.from_arrays(pa.array([0, len(texts)], pa.int32()), texts)
        digest.update(pc.binary_join(whole, "\n")[0].as_buffer())
        digest.update(b"\n")


def _checked(
    work: _Work, connection: duckdb.DuckDBPyConnection, allow_empty: bool
) -> tuple[str, ...]:
    """Return what is odd about the rules.

    Raises:
      ConfigError: nothing is kept, and that is not allowed.
    """
    warnings, never = [], []
    for condition, met in zip(work.conditions, work.met, strict=True):
        seen = "; ".join(observed(name, connection) for name in condition.columns)
        about = f"rule {condition.label!r}", f"of {work.segments:,} segments ({seen})"
        if met == 0:
            never.append(f"{about[0]} holds for none {about[1]}")
        elif met == work.segments:
            warnings.append(f"{about[0]} holds for each {about[1]}")
    if any(totals.kept_segments for totals in work.totals.values()):
        return tuple(warnings)
    if not never:
        counts = (
            f"{condition.label!r} for {met:,}"
            for condition, met in zip(work.conditions, work.met, strict=True)
        )
        told = ", ".join(counts)
        never = [f"no segment of {work.segments:,} meets all rules: {told}"]
    if not allow_empty:
        raise ConfigError(
            "\n".join([*never, "nothing was written; --allow-empty keeps nothing"])
        )
    return (*never, *warnings)


def _summary(
    name: str, rules: Sequence[Rule], work: _Work, old: dict[str, Any] | None
) -> dict[str, Any]:
    written = [{"name": rule.name, "where": rule.text} for rule in rules]
    digest = digest_of(written, *(part.hexdigest() for part in work.digests))
    last = (old or {}).get("version", {"number": 1 if old else 0, "digest": ""})
    changed = last["digest"] != digest
    changes = {
        language: {
            "gained_hours": hours_from_msec(work.gained_msec[language]),
            "lost_hours": hours_from_msec(work.lost_msec[language]),
        }
        for language in sorted(work.totals)
    }
    return {
        "name": name,
        "rules": {"where": written},
        "version": {"number": last["number"] + changed, "digest": digest},
        "change": {"from_version": last["number"], "languages": changes},
        "languages": {code: work.totals[code].summary() for code in changes},
    }


def _summary_before(uri: str) -> dict[str, Any] | None:
    try:
        with local_copy(uri) as path:
            return json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise ArtifactError(
            f"{uri}: expected JSON, got {error}; delete it and select again"
        ) from error


def _verdicts_before(uri: str) -> pa.Table | None:
    try:
        with local_copy(uri) as path:
            return pq.read_table(path, columns=["key", "keep"], partitioning=None)
    except FileNotFoundError:
        return None
    except pa.ArrowInvalid as error:
        raise damaged(uri, error) from error
