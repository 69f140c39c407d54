"""Selections as the report tells them: hours by name, and verdicts on rows."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipelines.report.examples import Verdicts
from pipelines.report.measures import LanguageMeasures
from pipelines.store import filesystem_of, local_copy
from pipelines.tables import damaged, table_dataset
from schemas.errors import ArtifactError
from schemas.tables import SEGMENT_TABLE, SELECTION, check_schema

DEFAULT = "default"


@dataclass(frozen=True)
class SelectionHours:
    """What one selection keeps and rejects of one language."""

    name: str
    rule: str
    kept_hours: float
    lost_hours: float
    kept_segments: int
    lost_segments: int
    lost_hours_by_reason: tuple[tuple[str, float], ...]
    """Most hours first; a segment counts for each of its reasons."""


def read_selections(root: str) -> dict[str, dict[str, Any]]:
    """Return the summaries of all selections by name; none is no error.

    Raises:
      ArtifactError: a summary is damaged.
    """
    filesystem, folder = filesystem_of(f"{root}/selections")
    found = {}
    for path in sorted(filesystem.glob(f"{folder}/*.json")):
        try:
            summary = json.loads(filesystem.cat_file(path))
            found[summary["name"]] = summary
        except (ValueError, KeyError, TypeError) as error:
            raise ArtifactError(
                f"{path}: expected a selection's summary, got {error!r}; delete it and "
                "select again"
            ) from error
    return found


def selection_hours(
    summaries: Mapping[str, Mapping[str, Any]], language: str
) -> tuple[SelectionHours, ...]:
    """Return what each selection that knows the language does to it."""
    return tuple(
        _hours(summary, summary["languages"][language])
        for summary in summaries.values()
        if language in summary["languages"]
    )


def _hours(summary: Mapping[str, Any], totals: Mapping[str, Any]) -> SelectionHours:
    lost = totals["lost_hours_by_reason"].items()
    return SelectionHours(
        name=summary["name"],
        rule=rule_text(summary["rules"]),
        kept_hours=totals["kept_hours"],
        lost_hours=totals["lost_hours"],
        kept_segments=totals["kept_segments"],
        lost_segments=totals["lost_segments"],
        lost_hours_by_reason=tuple(sorted(lost, key=lambda item: (-item[1], item[0]))),
    )


def rule_text(rules: Mapping[str, Any]) -> str:
    """Return a selection's rules on one line."""
    if "where" in rules:
        return " and ".join(f"({rule['where']})" for rule in rules["where"])
    if "min" in rules.get("score", {}):
        return f"score >= {rules['score']['min']:g}"
    return json.dumps(rules, sort_keys=True, ensure_ascii=False)


class VerdictTable:
    """A selection's verdicts, looked up by key."""

    def __init__(self, root: str, name: str) -> None:
        self.root, self.name = root, name
        uri = f"{root}/selections/{name}.parquet"
        try:
            with local_copy(uri) as path:
                self._table = pq.read_table(path, partitioning=None)
        except pa.ArrowInvalid as error:
            raise damaged(uri, error) from error
        check_schema(self._table.schema, SELECTION, uri)
        self._keys = self._table["key"].combine_chunks()

    def of(self, language: str, measures: LanguageMeasures) -> Verdicts:
        """Return the verdicts on the rows that are drawn of a language.

        A segment that the selection does not know is not kept.
        """
        dataset = table_dataset(self.root, SEGMENT_TABLE, language)
        keys = dataset.to_table(columns=["key"])["key"].combine_chunks()
        places = pc.index_in(keys.take(pa.array(measures.subject)), self._keys)
        known = pc.is_valid(places).to_numpy(zero_copy_only=False)
        at = places.fill_null(0).to_numpy()
        verdicts = self._table["keep"].combine_chunks().to_numpy(zero_copy_only=False)
        keep = known & verdicts[at] if len(verdicts) else known
        rejected = np.flatnonzero(known & ~keep)
        reasons = self._table["reasons"].take(pa.array(at[rejected])).to_pylist()
        rows = measures.subject[rejected].tolist()
        named = zip(rows, map(tuple, reasons), strict=True)
        return Verdicts(self.name, keep, dict(named))
