"""A selection by rules: verdicts on all segments, and what changed since the last.

Nothing but tables is read. The files are replaced whole, and only when the verdicts or
the rules are others than before; the order is that of the segments table.
"""

import json
from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.dataset as pads
import pyarrow.parquet as pq

from pipelines.conditions import Condition, RuleCondition
from pipelines.criteria import Criteria
from pipelines.judge import conditions_of, judge, observed, sealed_connection
from pipelines.judged import JudgedTable, judged_table
from pipelines.label_store import labels_dataset, read_summary
from pipelines.previous_selection import PreviousSelection
from pipelines.selections import hours_from_msec, selection_stem, stored_selection
from pipelines.store import write_atomic, writing
from pipelines.tables import segments_dataset
from pipelines.tally import Tally
from schemas.errors import ArtifactError, ConfigError
from schemas.keys import digest_of
from schemas.selection import LANGUAGES_KEY, SUMMARY_KEY, StoredSelection
from schemas.tables import SELECTION


@dataclass(frozen=True)
class Selected:
    """What ``select_segments`` made."""

    summary: dict[str, Any]
    """The selection's JSON."""
    warnings: tuple[str, ...]
    is_new: bool
    """False where rules and verdicts are those that were there."""

    @property
    def keeps_nothing(self) -> bool:
        """Tell whether no segment is kept."""
        languages = self.summary["languages"].values()
        return not any(language["kept_segments"] for language in languages)


def select_segments(
    root: str,
    name: str,
    criteria: Criteria,
    *,
    allow_empty: bool = False,
    compare: bool = True,
    segments: pads.Dataset | pa.Table | None = None,
) -> Selected:
    """Judge every segment with text, or every label; write what is kept and why not.

    Args:
      root: the corpus.
      name: the selection's name.
      criteria: what decides.
      allow_empty: write it even if nothing is kept.
      compare: say what changed since the version before; else it is written as for the
        first time, whatever was there.
      segments: the table of segments, if it is not to be that of the corpus.

    Raises:
      ConfigError: a rule cannot be used, can never hold here, or all of them together
        keep nothing (unless ``allow_empty``); what was there stays as it is.
      ArtifactError: there is no table of segments, or a file is damaged.
    """
    stem = selection_stem(root, name)
    if segments is None:
        segments = segments_dataset(root)
    old, told = _previous(root, name) if compare else (None, ())
    table = judged_table(criteria)
    labels = labels_dataset(root, criteria.labels) if criteria.labels else None
    with (
        sealed_connection(segments, labels) as connection,
        writing(f"{stem}.parquet") as file,
        _writer(file) as writer,
    ):
        conditions = conditions_of(criteria, connection)
        tally = Tally(conditions, PreviousSelection(old))
        judged = (tally.add(batch) for batch in judge(conditions, connection, table))
        _write_behind(writer, judged)
        if labels is not None:
            _check_same_segments(criteria.labels, labels.count_rows(), tally)
        warnings = _checked(conditions, tally, connection, table, allow_empty)
        summary, is_new = _summary(name, _rules(root, criteria), tally, old)
        text = json.dumps(summary, sort_keys=True, ensure_ascii=False, indent=2)
        rows = [(code, part.totals.segments) for code, part in tally.languages.items()]
        notes = {SUMMARY_KEY: text, LANGUAGES_KEY: json.dumps(rows)}
        writer.add_key_value_metadata(notes)
    write_atomic(f"{stem}.json", f"{text}\n".encode())
    return Selected(summary, (*told, *warnings), is_new)


def _previous(root: str, name: str) -> tuple[StoredSelection | None, tuple[str, ...]]:
    """Return the version before; one that cannot be read is told and replaced."""
    try:
        return stored_selection(root, name, ("key", "keep")), ()
    except ConfigError:  # there is none
        return None, ()
    except ArtifactError as error:
        return None, (f"nothing to compare with: {error}",)


def _writer(file: Any) -> pq.ParquetWriter:
    return pq.ParquetWriter(
        file,
        SELECTION,
        compression="zstd",
        use_dictionary=["reasons.list.element"],
        column_encoding={"key": "DELTA_BYTE_ARRAY"},  # sorted: most begin alike
    )


def _write_behind(writer: pq.ParquetWriter, batches: Iterable[pa.RecordBatch]) -> None:
    """Write each batch while the next one is judged."""
    with ThreadPoolExecutor(1) as pool:
        pending: Future[None] | None = None
        for batch in batches:
            if pending is not None:
                pending.result()
            pending = pool.submit(writer.write_batch, batch)
        if pending is not None:
            pending.result()


def _checked(
    conditions: Sequence[Condition],
    tally: Tally,
    connection: duckdb.DuckDBPyConnection,
    table: JudgedTable,
    allow_empty: bool,
) -> tuple[str, ...]:
    """Return what is odd about the rules.

    Raises:
      ConfigError: nothing is kept, and that is not allowed.
    """
    segments = tally.segments
    always, never = [], []
    for condition, met in zip(conditions, tally.met, strict=True):
        if 0 < met < segments:
            continue
        seen = "; ".join(
            observed(name, connection, table) for name in condition.columns
        )
        about = f"of {segments:,} segments ({seen})" if seen else f"of {segments:,}"
        if met == 0:
            never.append(f"rule {condition.shown!r} holds for none {about}")
        elif isinstance(condition, RuleCondition):
            always.append(f"rule {condition.shown!r} holds for each {about}")
    if tally.kept_segments:
        return tuple(always)
    if not segments:
        never = ["there are no such segments"]
    elif not never:
        counts = (
            f"{condition.shown!r} for {met:,}"
            for condition, met in zip(conditions, tally.met, strict=True)
        )
        told = ", ".join(counts)
        never = [f"no segment of {segments:,} meets all rules: {told}"]
    if not allow_empty:
        raise ConfigError(
            "\n".join([*never, "nothing was written; --allow-empty keeps nothing"])
        )
    return (*never, *always)


def _check_same_segments(name: str, labels: int, tally: Tally) -> None:
    """Refuse labels of segments that are no more."""
    if tally.segments != labels:
        raise ArtifactError(
            f"labels {name!r}: {labels - tally.segments} of {labels} are of segments "
            "that the corpus does not have, or has in another split or lane; it has "
            "changed since: say `pericope label` again"
        )


def _rules(root: str, criteria: Criteria) -> dict[str, Any]:
    """Return what decides, for JSON; labels by what is in them."""
    where = [{"name": rule.name, "where": rule.text} for rule in criteria.rules]
    rules: dict[str, Any] = {"where": where}
    if criteria.lane:
        rules["lane"] = criteria.lane
    if criteria.labels:
        digest = digest_of(read_summary(root, criteria.labels))
        rules["labels"] = {"name": criteria.labels, "digest": digest}
    return rules


def _summary(
    name: str, rules: dict[str, Any], tally: Tally, old: StoredSelection | None
) -> tuple[dict[str, Any], bool]:
    """Return the summary, and whether it is another than before."""
    digest = digest_of(rules, *tally.digests())
    last: dict[str, Any] = old.summary["version"] if old else {"number": 0}
    if old is not None and last["digest"] == digest:
        return old.summary, False
    changes = {
        language: {
            f"{kind}_hours": hours_from_msec(msec) for kind, msec in lengths.items()
        }
        for language, lengths in tally.changes().items()
    }
    totals = {
        language: tally.languages[language].totals.summary()
        for language in sorted(tally.languages)
    }
    return {
        "name": name,
        "rules": rules,
        "version": {"number": last["number"] + 1, "digest": digest},
        "change": {"from_version": last["number"], "languages": changes},
        "languages": totals,
    }, True
