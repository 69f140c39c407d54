"""Verse times that a source knows, held against those of a finished corpus.

``pericope fetch --timestamps`` writes ``<recording_id>.json`` with the start of each
verse in seconds. Nobody trains or aligns with them: they are another's opinion.
"""

import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from schemas.alignment_row import AlignmentRow
from schemas.errors import ArtifactError, ConfigError

GROSS_SEC = 1.0
"""Beyond this two starts are of different places."""


@dataclass(frozen=True)
class StartDifference:
    """A verse with a start in the corpus and one that the source says."""

    recording_id: str
    language: str
    verse: str
    start_sec: float
    said_sec: float

    @property
    def difference_sec(self) -> float:
        """How much later the corpus has it."""
        return self.start_sec - self.said_sec


@dataclass(frozen=True)
class StartAgreement:
    """How far the starts of a language's verses lie apart.

    ``median_sec`` and ``p90_sec`` are of absolute differences, ``shift_sec`` is the
    median with its sign; ``gross_share`` is the share beyond ``GROSS_SEC``.
    """

    language: str
    recordings: int
    verses: int
    median_sec: float
    p90_sec: float
    shift_sec: float
    gross_share: float


def start_differences(
    rows: Iterable[AlignmentRow], folder: Path
) -> Iterator[StartDifference]:
    """Yield the verses of which both sides know the start.

    Verses that were not read have none in the corpus; a bridge such as 3-4 is compared
    by its first verse. Recordings without a file in the folder are passed over.

    Raises:
      ConfigError: there is no such folder.
      ArtifactError: a file in it is not what ``pericope fetch`` writes.
    """
    if not folder.is_dir():
        raise ConfigError(
            f"{folder}: expected a folder written by pericope fetch --timestamps"
        )
    said: dict[str, float] = {}
    recording_id = ""
    for row in rows:
        if row.recording_id != recording_id:
            recording_id = row.recording_id
            said = _said(folder / f"{recording_id}.json")
        number = row.verse.verse.partition("-")[0]
        if number in said and not math.isnan(row.verse.start_sec):
            yield StartDifference(
                recording_id,
                row.language,
                row.verse.verse,
                row.verse.start_sec,
                said[number],
            )


def agreement(differences: Iterable[StartDifference]) -> list[StartAgreement]:
    """Return how well the starts agree, by language."""
    by_language: dict[str, list[StartDifference]] = {}
    for difference in differences:
        by_language.setdefault(difference.language, []).append(difference)
    return [_agreement(code, by_language[code]) for code in sorted(by_language)]


def _agreement(language: str, found: list[StartDifference]) -> StartAgreement:
    signed_sec = np.array([difference.difference_sec for difference in found])
    absolute_sec = np.abs(signed_sec)
    return StartAgreement(
        language=language,
        recordings=len({difference.recording_id for difference in found}),
        verses=len(found),
        median_sec=float(np.median(absolute_sec)),
        p90_sec=float(np.quantile(absolute_sec, 0.9)),
        shift_sec=float(np.median(signed_sec)),
        gross_share=float(np.mean(absolute_sec > GROSS_SEC)),
    )


def _said(path: Path) -> dict[str, float]:
    if not path.exists():
        return {}
    try:
        document: Any = json.loads(path.read_bytes())
        return {
            str(item["verse"]): float(item["start_sec"]) for item in document["verses"]
        }
    except (ValueError, KeyError, TypeError) as error:
        raise ArtifactError(
            f"{path}: expected verse times as pericope fetch writes them; delete it "
            "and fetch again"
        ) from error
