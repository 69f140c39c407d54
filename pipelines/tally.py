"""What is counted while a selection's verdicts are written."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.conditions import Condition
from pipelines.judge import JudgedBatch
from pipelines.previous_selection import PreviousSelection
from pipelines.selections import SelectionTotals
from schemas.tables import SELECTION


@dataclass
class LanguageTally:
    """One language: its totals, and what changed since the version before."""

    totals: SelectionTotals = field(default_factory=SelectionTotals)
    gained_msec: int = 0
    lost_msec: int = 0


class Tally:
    """Counts verdicts in the order of the segments table."""

    def __init__(
        self, conditions: Sequence[Condition], previous: PreviousSelection
    ) -> None:
        self.languages: dict[str, LanguageTally] = {}
        """In the order of the rows."""
        self.met = [0] * len(conditions)
        """How many segments meet each condition."""
        self._conditions = conditions
        self._previous = previous
        self._reasons: dict[tuple[str, ...], int] = {}
        self._digest = hashlib.sha256(), hashlib.sha256(), hashlib.sha256()

    @property
    def segments(self) -> int:
        """How many there were."""
        return sum(tally.totals.segments for tally in self.languages.values())

    @property
    def kept_segments(self) -> int:
        """How many are kept."""
        return sum(tally.totals.kept_segments for tally in self.languages.values())

    def add(self, batch: JudgedBatch) -> pa.RecordBatch:
        """Count a batch; return its rows of SELECTION."""
        reasons = batch.reasons(self._conditions)
        counts = np.bincount(batch.codes, minlength=len(reasons))
        for number, outcomes in enumerate(batch.outcomes):
            self.met[number] += int(counts[outcomes == 0].sum())
        keep = np.array([not found for found in reasons], bool)[batch.codes]
        for language, part in _runs(batch.languages):
            self._add_language(language, batch, part, keep[part], reasons)
        self._take(batch.keys, batch.codes, reasons)
        lists = pa.array(reasons, SELECTION.field("reasons").type)
        columns = [batch.keys, pa.array(keep), lists.take(pa.array(batch.codes))]
        return pa.record_batch(columns, schema=SELECTION)

    def _add_language(
        self,
        language: str,
        batch: JudgedBatch,
        part: slice,
        keep: npt.NDArray[np.bool_],
        reasons: Sequence[tuple[str, ...]],
    ) -> None:
        tally = self.languages.setdefault(language, LanguageTally())
        codes, msec = batch.codes[part], batch.lengths_msec[part]
        counts = np.bincount(codes, minlength=len(reasons))
        # Milliseconds are exact in float64 up to 285,000 years.
        lengths = np.bincount(codes, msec, minlength=len(reasons))
        for code in np.flatnonzero(counts):
            tally.totals.add(int(counts[code]), int(lengths[code]), reasons[code])
        keys = batch.keys.slice(part.start, part.stop - part.start)
        kept_before = self._previous.keeps(language, keys)
        tally.gained_msec += int(msec[keep & ~kept_before].sum())
        tally.lost_msec += int(msec[kept_before & ~keep].sum())

    def _take(
        self,
        keys: pa.Array,
        codes: npt.NDArray[np.int64],
        reasons: Sequence[tuple[str, ...]],
    ) -> None:
        """Take rows into the digest; where batches end makes no difference."""
        texts, lengths, verdicts = self._digest
        # Reasons are numbered by first appearance, as codes are within a batch.
        numbers = [self._reasons.setdefault(r, len(self._reasons)) for r in reasons]
        texts.update(pc.binary_join(_one_list(keys), "")[0].as_buffer())
        lengths.update(np.asarray(pc.binary_length(keys)).astype("<i4").tobytes())
        verdicts.update(np.array(numbers, "<i4")[codes].tobytes())

    def digests(self) -> list[str]:
        """Name all rows so far."""
        return [
            json.dumps(list(self._reasons)),
            *(part.hexdigest() for part in self._digest),
        ]

    def changes(self) -> dict[str, dict[str, int]]:
        """Return milliseconds gained, lost and vanished since the version before.

        To be asked after the last batch. What is no segment any more is lost, too.
        """
        self._previous.close()
        vanished = self._previous.vanished_msec
        changes = {}
        for language in sorted({*self.languages, *vanished}):
            tally = self.languages.get(language, LanguageTally())
            gone = vanished.get(language, 0)
            changes[language] = {
                "gained": tally.gained_msec,
                "lost": tally.lost_msec + gone,
                "vanished": gone,
            }
        return changes


def _runs(texts: pa.Array) -> Iterator[tuple[str, slice]]:
    """Yield what stands in consecutive rows, and which they are."""
    runs = pc.run_end_encode(texts)
    ends = [0, *runs.run_ends.to_pylist()]
    for text, (start, end) in zip(runs.values.to_pylist(), pairwise(ends), strict=True):
        yield text, slice(start, end)


def _one_list(texts: pa.Array) -> pa.ListArray:
    return pa.ListArray.from_arrays(pa.array([0, len(texts)], pa.int32()), texts)
