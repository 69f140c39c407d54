"""Histograms over round numbers, so that a threshold can be written as a rule.

Edges are the same for all languages of a corpus, so that their charts can be compared
and one threshold means the same in each.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipelines.report.columns import Better

_TARGET_BINS = 40
# The ends of a long tail would squeeze everything else; they go to the outer bins.
_TAIL = 0.002
_STEPS = (1, 2, 2.5, 5, 10)

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Histogram:
    """How many values, and how many milliseconds, lie between which edges.

    ``counts`` and ``msec`` have one entry more than there are edges: the first is below
    the first edge, the last above the last. A value on an edge belongs to the side that
    a rule with this edge as its threshold keeps.
    """

    edges: tuple[float, ...]
    counts: tuple[int, ...]
    msec: tuple[int, ...]
    missing: int
    missing_msec: int
    median: float
    """NaN where there is no value."""

    @property
    def total(self) -> int:
        """How many values there are."""
        return sum(self.counts)

    @property
    def inner(self) -> tuple[int, ...]:
        """Counts between the edges, with what lies beyond in the outer bins."""
        first, *middle, last = self.counts
        middle[0] += first
        middle[-1] += last
        return tuple(middle)


def round_edges(values: Floats) -> tuple[float, ...]:
    """Return about 40 to 100 evenly spaced edges of few digits around the values.

    Raises:
      ValueError: there is no finite value.
    """
    finite = values[np.isfinite(values)]
    if not len(finite):
        raise ValueError("edges: expected one or more finite values")
    low, high = np.quantile(finite, (_TAIL, 1 - _TAIL))
    if high <= low:  # all are alike: room below, as most of them are the best there is
        room = abs(low) / 10 or 0.1
        low, high = (low - room, high) if low > 0 else (low, high + room)
    step, digits = _round_step((high - low) / _TARGET_BINS)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    # Rounded to the digits that are shown: what is written is what is compared.
    return tuple(round(k * step, digits) + 0.0 for k in range(first, last + 1))


def _round_step(about: float) -> tuple[float, int]:
    """Return the next smaller round step, and how many decimals it has."""
    power = math.floor(math.log10(about))
    factor = max(f for f in _STEPS if f * 10.0**power <= about * (1 + 1e-9))
    digits = max(0, -power + (factor == 2.5))
    return round(factor * 10.0**power, digits), digits


def fill(
    values: Floats, lengths_msec: Counts, edges: tuple[float, ...], better: Better
) -> Histogram:
    """Return the histogram of values; NaN is counted as missing.

    Args:
      values: shape (N,).
      lengths_msec: of the segments that the values belong to, shape (N,).
      edges: ascending.
      better: decides on which side of an edge a value on it lies.
    """
    there = ~np.isnan(values)
    is_low = better is Better.LOW
    borders = np.array(edges)
    places = np.searchsorted(borders, values[there], "left" if is_low else "right")
    size = len(edges) + 1
    # Sums of whole milliseconds are exact in float64 up to 285,000 years.
    msec = np.bincount(places, lengths_msec[there], size).astype(np.int64)
    return Histogram(
        edges,
        tuple(np.bincount(places, minlength=size).tolist()),
        tuple(msec.tolist()),
        int((~there).sum()),
        int(lengths_msec[~there].sum()),
        float(np.median(values[there])) if there.any() else math.nan,
    )
