"""Selections: a named verdict on every segment, made without touching audio.

``selections/<name>.parquet`` has a row for each segment; ``<name>.json`` beside it says
by which rules, and what was kept and lost in each language.
"""

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.store import local_copy, write_atomic
from pipelines.tables import damaged, parquet_bytes
from schemas.errors import ArtifactError, ConfigError
from schemas.segment import Segment
from schemas.tables import SELECTION_TABLE, Verdict
from schemas.units import msec_from_sec

BELOW_THRESHOLD, NO_SCORE = "score_below_threshold", "no_score"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")
_MSEC_PER_HOUR = 3_600_000


def select_by_score(segments: Iterable[Segment], threshold: float) -> Iterator[Verdict]:
    """Yield a verdict on each segment: kept with a score at or above the threshold.

    A segment without a score (NaN: nothing but numbers was aligned) is not kept.
    """
    for segment in segments:
        if math.isnan(segment.score):
            yield Verdict(segment.key, False, (NO_SCORE,))
        elif segment.score < threshold:
            yield Verdict(segment.key, False, (BELOW_THRESHOLD,))
        else:
            yield Verdict(segment.key, True)


@dataclass
class SelectionTotals:
    """What a selection keeps and loses in one language; lengths in milliseconds."""

    kept_msec: int = 0
    lost_msec: int = 0
    kept_segments: int = 0
    lost_segments: int = 0
    lost_msec_by_reason: dict[str, int] = field(default_factory=dict)

    def add(self, segment: Segment, verdict: Verdict) -> None:
        """Count one segment; a reason counts whether or not it is the only one."""
        self.add_many(1, msec_from_sec(segment.duration_sec), verdict.reasons)

    def add_many(self, segments: int, msec: int, reasons: Sequence[str]) -> None:
        """Count segments that have the same reasons; without any they are kept."""
        if segments and not reasons:
            self.kept_msec += msec
            self.kept_segments += segments
        elif segments:
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


def write_selection(
    root: str,
    name: str,
    judged: Iterable[tuple[Segment, Verdict]],
    rules: Mapping[str, Any],
) -> dict[str, SelectionTotals]:
    """Write a selection and its summary; return the totals of each language.

    Args:
      root: the corpus.
      name: the selection's name.
      judged: every segment with its verdict, in any order.
      rules: what decided, as JSON can hold it; kept in the summary.

    Raises:
      ConfigError: the name is not fit for a file.
    """
    stem = selection_stem(root, name)
    verdicts = []
    languages: dict[str, SelectionTotals] = {}
    for segment, verdict in judged:
        verdicts.append(verdict)
        languages.setdefault(segment.language, SelectionTotals()).add(segment, verdict)
    verdicts.sort(key=lambda verdict: verdict.key)
    write_atomic(f"{stem}.parquet", parquet_bytes(SELECTION_TABLE.table(verdicts)))
    summary = {
        "name": name,
        "rules": dict(rules),
        "languages": {code: totals.summary() for code, totals in languages.items()},
    }
    text = json.dumps(summary, sort_keys=True, ensure_ascii=False, indent=2)
    write_atomic(f"{stem}.json", f"{text}\n".encode())
    return languages


def read_selection(root: str, name: str) -> dict[str, Verdict]:
    """Return the verdicts of a selection by key.

    Raises:
      ConfigError: there can be no selection of that name.
      ArtifactError: there is none, or it is damaged or of another version.
    """
    uri = f"{selection_stem(root, name)}.parquet"
    try:
        with local_copy(uri) as path:
            table = pq.read_table(path, partitioning=None)
    except FileNotFoundError as error:
        raise ArtifactError(
            f"{uri}: expected the selection {name!r}, found none; make it first"
        ) from error
    except pa.ArrowInvalid as error:
        raise damaged(uri, error) from error
    return {verdict.key: verdict for verdict in SELECTION_TABLE.records(table, uri)}


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
