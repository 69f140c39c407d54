"""Selections as the report tells them: hours by name, and verdicts on rows."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.report.examples import Verdicts
from pipelines.report.measures import LanguageMeasures
from pipelines.selections import stored_selection
from pipelines.store import filesystem_of
from pipelines.tables import table_dataset
from schemas.errors import ArtifactError
from schemas.tables import SEGMENT_TABLE

DEFAULT = "default"
_UNKNOWN = -1


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
    # As people write numbers: the model's threshold is kept as -0.2e0.
    conditions = [re.sub(r"(?<=\d)e0\b", "", rule["where"]) for rule in rules["where"]]
    if len(conditions) > 1:
        conditions = [f"({condition})" for condition in conditions]
    if "lane" in rules:
        conditions.append(f"{rules['lane']} lane")
    return " and ".join(conditions)


class VerdictTable:
    """A selection's verdicts on the rows of the segments table."""

    def __init__(self, root: str, name: str) -> None:
        self.name = name
        self._table = stored_selection(root, name).table
        # One look-up for all languages: a table of keys is not made for each.
        keys = table_dataset(root, SEGMENT_TABLE).to_table(columns=["key"])["key"]
        places = pc.index_in(keys, self._table["key"].combine_chunks())
        self._places = pc.fill_null(places, _UNKNOWN).to_numpy()

    def of(self, measures: LanguageMeasures) -> Verdicts:
        """Return the verdicts on the rows that are drawn of a language.

        A segment that the selection does not know is not kept.
        """
        places = self._places[measures.first + measures.subject]
        keep = np.zeros(len(places), bool)
        known = places != _UNKNOWN
        keep[known] = self._table["keep"].take(pa.array(places[known])).to_numpy()
        return Verdicts(self.name, keep)

    def told(self, measures: LanguageMeasures, row: int) -> tuple[str, bool]:
        """Return what the selection says of a row, and whether it keeps it."""
        place = int(self._places[measures.first + row])
        if place == _UNKNOWN:
            return f"not known to {self.name}", False
        if self._table["keep"][place].as_py():
            return f"kept by {self.name}", True
        reasons = ", ".join(self._table["reasons"][place].as_py())
        return f"rejected by {self.name}: {reasons}", False
