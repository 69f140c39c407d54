"""Histograms as the page draws them: bars, ticks and the outline of decoys."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from pipelines.report.bins import Histogram
from pipelines.report.columns import Better, Column
from pipelines.report.numbers import decimal, digits_of, measured, share

WIDTH, HEIGHT = 300, 120
"""Of the area in which bars are drawn."""
_MAX_BARS = 32
_MAX_TICKS = 5


@dataclass(frozen=True)
class Decoys:
    """How text that cannot be right scores; ``counts[k]`` is between two edges."""

    edges: tuple[float, ...]
    counts: tuple[float, ...]


@dataclass(frozen=True)
class Bar:
    """A bar in the chart's own units, and what it says."""

    x: float
    y: float
    width: float
    height: float
    told: str


@dataclass(frozen=True)
class Tick:
    """A place on an axis and its label."""

    at: float
    label: str


@dataclass(frozen=True)
class Chart:
    """All that is drawn for one column."""

    name: str
    title: str
    axis: str
    bars: tuple[Bar, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    decoys: str
    """An SVG path, "" without decoys."""
    told: str
    """The chart in a sentence."""
    missing: int


def draw(column: Column, histogram: Histogram, decoys: Decoys | None = None) -> Chart:
    """Return the chart of a column; heights are shares of all values."""
    low, high = histogram.edges[0], histogram.edges[-1]
    own_range = high - low
    if decoys is not None:
        low, high = min(low, decoys.edges[0]), max(high, decoys.edges[-1])
    edges, counts = _grouped(
        histogram, _MAX_BARS * own_range / (high - low), column.better
    )
    low, high = min(low, edges[0]), max(high, edges[-1])
    total = sum(counts)
    shares = [count / total for count in counts]
    outline = _scaled(decoys, edges[1] - edges[0]) if decoys is not None else []
    top = max([*shares, *outline])

    def x_of(value: float) -> float:
        return round((value - low) / (high - low) * WIDTH, 2)

    def y_of(value: float) -> float:
        return round((1 - value / top) * HEIGHT, 2)

    digits = digits_of(histogram.edges[1] - histogram.edges[0])
    bars = []
    for k, (count, height) in enumerate(zip(counts, shares, strict=True)):
        if count:
            start, end = edges[k], edges[k + 1]
            interval = f"{decimal(start, digits)} to {decimal(end, digits)}"
            told = f"{interval}: {count:,} segments ({share(height, 1)})"
            x, y = x_of(start), y_of(height)
            width = round(x_of(end) - x, 2)
            bars.append(Bar(x, y, width, round(HEIGHT - y, 2), told))
    return Chart(
        name=column.name,
        title=column.title,
        axis=column.unit,
        bars=tuple(bars),
        x_ticks=_ticks(low, high, x_of),
        y_ticks=(Tick(0.0, f"{top * 100:.{0 if top >= 0.1 else 1}f} %"),),
        decoys=_path(decoys, outline, x_of, y_of) if decoys is not None else "",
        told=f"{total:,} segments, median {measured(histogram.median)}"
        + (f", {histogram.missing:,} without a value" if histogram.missing else ""),
        missing=histogram.missing,
    )


def _grouped(
    histogram: Histogram, most_bars: float, better: Better
) -> tuple[list[float], list[int]]:
    """Return edges and counts with as many bins joined as keep the bars few.

    Empty bins fill the last bar up: where values are worse, as there is often nothing
    beyond the best (a score of 0, a share of 1, an error rate of 0).
    """
    edges, counts = list(histogram.edges), list(histogram.inner)
    step = edges[1] - edges[0]
    size = min(len(counts), math.ceil(len(counts) / most_bars))
    while len(counts) % size:
        if better is Better.HIGH:
            edges.insert(0, edges[0] - step)
            counts.insert(0, 0)
        else:
            edges.append(edges[-1] + step)
            counts.append(0)
    joined = [sum(counts[k : k + size]) for k in range(0, len(counts), size)]
    return edges[::size], joined


def _scaled(decoys: Decoys, bar_width: float) -> list[float]:
    """Return the decoys' shares as if their bins were as wide as the bars."""
    total = sum(decoys.counts)
    return [
        count / total * bar_width / (end - start)
        for start, end, count in zip(
            decoys.edges[:-1], decoys.edges[1:], decoys.counts, strict=True
        )
    ]


def _path(decoys: Decoys, outline: Sequence[float], x_of, y_of) -> str:
    parts = [f"M{x_of(decoys.edges[0])} {y_of(0)}"]
    for end, height in zip(decoys.edges[1:], outline, strict=True):
        parts.append(f"V{y_of(height)}H{x_of(end)}")
    return "".join([*parts, f"V{y_of(0)}"])


def _ticks(low: float, high: float, x_of) -> tuple[Tick, ...]:
    about = (high - low) / _MAX_TICKS
    power = math.floor(math.log10(about))
    step = next(
        step
        for factor in (1, 2, 5, 10)
        if (step := factor * 10.0**power) >= about * (1 - 1e-9)
    )
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    first = math.ceil(low / step - 1e-6)
    last = math.floor(high / step + 1e-6)
    return tuple(
        Tick(x_of(k * step), decimal(k * step, digits)) for k in range(first, last + 1)
    )
