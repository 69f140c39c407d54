"""What a threshold on one column keeps, for every language at once."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from pipelines.report.bins import Histogram
from pipelines.report.columns import COLUMNS, Better, Column
from pipelines.report.measures import LanguageMeasures
from pipelines.report.numbers import digits_of

# A rule that a slider can stand for.
_THRESHOLD = re.compile(r"(?P<column>\w+) [<>]=? (?P<value>-?[0-9.]+(e-?[0-9]+)?)")


def columns_with_values(
    measures: Mapping[str, LanguageMeasures],
) -> tuple[Column, ...]:
    """Return the columns on which a threshold makes sense and has something to keep."""
    return tuple(
        column
        for column in COLUMNS
        if column.better is not Better.NEITHER
        and any(
            own.is_labeled and column.name in own.histograms
            for own in measures.values()
        )
    )


def threshold_data(
    column: Column,
    measures: Mapping[str, LanguageMeasures],
    summaries: Mapping[str, Mapping[str, Any]],
) -> dict[str, Any]:
    """Return what the page needs to follow the slider.

    ``kept[language]`` has two lists, segments and milliseconds that each edge keeps.
    """
    drawn = {
        code: own.histograms[column.name]
        for code, own in measures.items()
        if own.is_labeled and column.name in own.histograms
    }
    edges = next(iter(drawn.values())).edges
    kept = {code: _kept(own, column.better) for code, own in sorted(drawn.items())}
    return {
        "name": column.name,
        "better": column.better.value,
        "edges": list(edges),
        "digits": digits_of(edges[1] - edges[0]),
        "start": _start(column, edges, summaries),
        "kept": kept,
    }


def _kept(histogram: Histogram, better: Better) -> list[list[int]]:
    """Return counts and milliseconds at or beyond each edge, on its better side."""
    sums = []
    for values in (histogram.counts, histogram.msec):
        below = _running(values)[: len(histogram.edges)]
        whole = sum(values)
        is_low = better is Better.LOW
        sums.append(below if is_low else [whole - part for part in below])
    return sums


def _running(values: Sequence[int]) -> list[int]:
    sums, total = [], 0
    for value in values:
        total += value
        sums.append(total)
    return sums


def _start(
    column: Column,
    edges: Sequence[float],
    summaries: Mapping[str, Mapping[str, Any]],
) -> int:
    """Return the edge at which the slider begins.

    That is the one nearest to the default selection's threshold, else the one that
    keeps most.
    """
    rules = summaries.get("default", {}).get("rules", {}).get("where", ())
    least = (_THRESHOLD.fullmatch(rule["where"]) for rule in rules)
    for found in filter(None, least):
        if found["column"] == column.name:
            wanted = float(found["value"])
            return min(range(len(edges)), key=lambda k: abs(edges[k] - wanted))
    return len(edges) - 1 if column.better is Better.LOW else 0
