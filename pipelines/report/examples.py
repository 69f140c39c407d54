"""Which segments are shown: the worst, those on the border, and some at random."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipelines.report.measures import LanguageMeasures
from pipelines.tables import table_dataset
from schemas.segment import Segment
from schemas.tables import SEGMENT_TABLE

_SEED = 20_261
# Without a selection there is no border: this share of the segments is put below it.
_BORDER = 0.1

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Verdicts:
    """What a selection says of the segments of one language."""

    name: str
    keep: npt.NDArray[np.bool_]
    """In the order of ``LanguageMeasures.subject``."""


@dataclass(frozen=True)
class ExampleRows:
    """Rows of a language's table that are shown together."""

    title: str
    told: str
    rows: tuple[int, ...]


def choose_examples(
    measures: LanguageMeasures, verdicts: Verdicts | None, number: int
) -> tuple[ExampleRows, ...]:
    """Return the rows to show, at most ``number`` of each kind; the same every time."""
    groups = []
    if measures.is_labeled:
        groups = [
            ExampleRows(
                "Worst", f"Lowest {measures.rank_name} first.", _worst(measures, number)
            ),
            _border(measures, verdicts, number),
            ExampleRows(
                "Random",
                "Drawn from all segments with text.",
                _drawn(measures.subject, number),
            ),
        ]
    unlabeled = _drawn(measures.unlabeled_rows, number)
    groups.append(ExampleRows("Unlabeled", "Drawn from those without text.", unlabeled))
    if len(groups) > 1 and set(groups[1].rows) == set(groups[0].rows):
        del groups[1]  # nothing was rejected: the border is the bottom
    return tuple(group for group in groups if group.rows)


def rows_at(root: str, language: str, rows: Iterable[int]) -> dict[int, Segment]:
    """Return segments of a language by their places in its table.

    Only the groups of rows that hold them are read.
    """
    wanted = np.unique(np.fromiter(rows, np.int64))
    found: dict[int, Segment] = {}
    first = 0
    for file in table_dataset(root, SEGMENT_TABLE, language).get_fragments():
        for group in file.split_by_row_group():
            end = first + group.row_groups[0].num_rows
            inside = wanted[(wanted >= first) & (wanted < end)]
            if len(inside):
                table = group.to_table(schema=SEGMENT_TABLE.schema)
                records = SEGMENT_TABLE.records(table.take(inside - first))
                found.update(zip(inside.tolist(), records, strict=True))
            first = end
    return found


def _worst(measures: LanguageMeasures, number: int) -> tuple[int, ...]:
    order = np.argsort(measures.rank, kind="stable")  # NaN goes last
    ranked = order[: int((~np.isnan(measures.rank)).sum())]
    return tuple(measures.subject[ranked[:number]].tolist())


def _border(
    measures: LanguageMeasures, verdicts: Verdicts | None, number: int
) -> ExampleRows:
    """Return what was kept or rejected most narrowly, best first."""
    order = np.argsort(measures.rank, kind="stable")
    ranked = order[: int((~np.isnan(measures.rank)).sum())]
    by = measures.rank_name
    if verdicts is None:
        middle = int(len(ranked) * _BORDER)
        start = max(0, min(middle - number // 2, len(ranked) - number))
        near = ranked[start : start + number]
        told = f"No selection was made: around the lowest tenth by {by}."
    else:
        is_kept = verdicts.keep[ranked]
        kept, rejected = ranked[is_kept], ranked[~is_kept]
        below = rejected[len(rejected) - min(number // 2, len(rejected)) :]
        near = np.concatenate([below, kept[: number - len(below)]])
        told = f"The best rejected and the worst kept by {verdicts.name!r}, by {by}."
    return ExampleRows("Borderline", told, tuple(measures.subject[near[::-1]].tolist()))


def _drawn(rows: Rows, number: int) -> tuple[int, ...]:
    """Draw without replacement, in the order of the table."""
    generator = np.random.default_rng(_SEED)
    drawn = generator.choice(rows, min(number, len(rows)), replace=False)
    return tuple(sorted(drawn.tolist()))
