"""Histograms of the segments table, read one column at a time.

A column of the largest corpora has a hundred megabytes; words and texts are not read.
"""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc
import pyarrow.dataset as pads

from pipelines.report.bins import Floats, Histogram, fill, round_edges
from pipelines.report.columns import COLUMNS, SCORE, TRUST
from pipelines.tables import has_table, table_dataset
from schemas.tables import SEGMENT_TABLE


@dataclass(frozen=True)
class LanguageMeasures:
    """What the segments of one language measure.

    ``subject`` is where the rows lie, in the language's part of the table, that the
    histograms are of: those with text or, where there is none, all of them. ``rank``
    is the column by which segments are called good or bad, shape of ``subject``.
    """

    first: int
    """Where the language begins in the whole table."""
    labeled: int
    labeled_msec: int
    unlabeled: int
    subject: npt.NDArray[np.int64]
    unlabeled_rows: npt.NDArray[np.int64]
    rank_name: str
    rank: Floats
    histograms: Mapping[str, Histogram]

    @property
    def is_labeled(self) -> bool:
        """Whether the histograms are of segments with text."""
        return self.labeled > 0


@dataclass(frozen=True)
class _Rows:
    """The rows of one language: those that are drawn, and how long they are."""

    first: int
    labeled: npt.NDArray[np.bool_]
    lengths_msec: npt.NDArray[np.int64]

    @property
    def subject(self) -> npt.NDArray[np.int64]:
        """Rows of the language that are drawn."""
        return np.flatnonzero(self.labeled | (not self.labeled.any()))


def measure_segments(root: str) -> dict[str, LanguageMeasures]:
    """Return the measures of each language that has segments.

    Raises:
      ArtifactError: the table is damaged or of another version.
    """
    if not has_table(root, SEGMENT_TABLE):
        return {}
    dataset = table_dataset(root, SEGMENT_TABLE)
    rows = _rows_by_language(dataset)
    histograms: dict[str, dict[str, Histogram]] = {code: {} for code in rows}
    ranks: dict[str, tuple[str, Floats]] = {}
    for column in COLUMNS:
        values = _column(dataset, column.name)
        drawn = {code: values[own.first + own.subject] for code, own in rows.items()}
        finite = [part[np.isfinite(part)] for part in drawn.values()]
        if not sum(map(len, finite)):
            continue
        edges = round_edges(np.concatenate(finite))
        for code, part in drawn.items():
            own = rows[code]
            histogram = fill(part, own.lengths_msec[own.subject], edges, column.better)
            if histogram.total:
                histograms[code][column.name] = histogram
                if column.name in (SCORE, TRUST):  # trust comes later and tells more
                    ranks[code] = column.name, part
    return {
        code: _measures(own, histograms[code], ranks.get(code))
        for code, own in rows.items()
    }


def _measures(
    rows: _Rows, histograms: dict[str, Histogram], rank: tuple[str, Floats] | None
) -> LanguageMeasures:
    name, values = rank or ("", np.full(len(rows.subject), np.nan))
    return LanguageMeasures(
        first=rows.first,
        labeled=int(rows.labeled.sum()),
        labeled_msec=int(rows.lengths_msec[rows.labeled].sum()),
        unlabeled=int((~rows.labeled).sum()),
        subject=rows.subject,
        unlabeled_rows=np.flatnonzero(~rows.labeled),
        rank_name=name,
        rank=values,
        histograms=histograms,
    )


def _rows_by_language(dataset: pads.Dataset) -> dict[str, _Rows]:
    """Return the rows of each language, which lie side by side in the table."""
    table = dataset.to_table(columns=["language", "source"]).combine_chunks()
    languages = table["language"].combine_chunks().dictionary_encode()
    codes = np.asarray(languages.indices)
    # Only segments without text have a source, and it is quicker to read.
    labeled = pc.equal(table["source"], "").to_numpy()
    lengths_msec = np.rint(_column(dataset, "duration_sec") * 1000).astype(np.int64)
    borders = np.flatnonzero(np.diff(codes, prepend=-1, append=-1))
    names = languages.dictionary.to_pylist()
    return {
        names[codes[start]]: _Rows(
            int(start), labeled[start:end], lengths_msec[start:end]
        )
        for start, end in itertools.pairwise(borders)
    }


def _column(dataset: pads.Dataset, name: str) -> Floats:
    return dataset.to_table(columns=[name])[name].to_numpy()
