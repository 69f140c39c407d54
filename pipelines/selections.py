"""Selections: a named verdict on every segment, made without touching audio.

``selections/<name>.parquet`` has a row for each segment; ``<name>.json`` beside it says
by which rules, and what was kept and lost in each language.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pipelines.store import local_copy
from schemas.errors import ConfigError
from schemas.selection import StoredSelection, no_selection, read_stored_selection
from schemas.tables import SELECTION, SELECTION_TABLE, Verdict

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")
_MSEC_PER_HOUR = 3_600_000


@dataclass
class SelectionTotals:
    """What a selection keeps and loses in one language; lengths in milliseconds."""

    kept_msec: int = 0
    lost_msec: int = 0
    kept_segments: int = 0
    lost_segments: int = 0
    lost_msec_by_reason: dict[str, int] = field(default_factory=dict)

    @property
    def segments(self) -> int:
        """How many were judged."""
        return self.kept_segments + self.lost_segments

    def add(self, segments: int, msec: int, reasons: Sequence[str]) -> None:
        """Count segments that have the same reasons; without any they are kept.

        A reason counts whether or not it is the only one.
        """
        if not reasons:
            self.kept_msec += msec
            self.kept_segments += segments
            return
        self.lost_msec += msec
        self.lost_segments += segments
        for reason in reasons:
            lost = self.lost_msec_by_reason.get(reason, 0)
            self.lost_msec_by_reason[reason] = lost + msec

    def summary(self) -> dict[str, Any]:
        """Return the totals in hours."""
        return {
            "kept_hours": hours_from_msec(self.kept_msec),
            "lost_hours": hours_from_msec(self.lost_msec),
            "kept_segments": self.kept_segments,
            "lost_segments": self.lost_segments,
            "lost_hours_by_reason": {
                reason: hours_from_msec(lost)
                for reason, lost in self.lost_msec_by_reason.items()
            },
        }


def hours_from_msec(msec: int) -> float:
    """Return hours as they stand in summaries."""
    return round(msec / _MSEC_PER_HOUR, 6)


def read_selection(root: str, name: str) -> dict[str, Verdict]:
    """Return the verdicts of a selection by key.

    Raises:
      ConfigError: there is no selection of that name.
      ArtifactError: it is damaged or of another version.
    """
    table = stored_selection(root, name).table
    return {verdict.key: verdict for verdict in SELECTION_TABLE.records(table)}


def stored_selection(
    root: str, name: str, columns: Sequence[str] = SELECTION.names
) -> StoredSelection:
    """Return what a selection's file holds, like ``read_selection``."""
    uri = f"{selection_stem(root, name)}.parquet"
    try:
        with local_copy(uri) as path:
            return read_stored_selection(path, name, uri, columns)
    except FileNotFoundError as error:  # in a bucket
        raise no_selection(name, uri) from error


def selection_stem(root: str, name: str) -> str:
    """Return the place of a selection's files, without their endings.

    Raises:
      ConfigError: the name is not fit for a file.
    """
    if not _NAME.fullmatch(name):
        raise ConfigError(
            f"selection {name!r}: expected 1 to 100 of A-Z a-z 0-9 _ - beginning with "
            "a letter or digit"
        )
    return f"{root}/selections/{name}"
