"""The cheapest way to cut a row of word runs into pieces of about equal length."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

# Dearer than anything else that can be saved: a word is only left out where no piece of
# an allowed length can hold it.
_LEFT_OUT_COST = 100.0


@dataclass(frozen=True, kw_only=True)
class Row:
    """N word runs in order and the N + 1 openings around them; lengths in samples.

    ``starts`` and ``ends`` (N,) are the edges of a piece that begins or ends with a
    run, ``first_starts`` and ``last_ends`` (N,) how far they may be moved outwards to
    reach the minimum. ``cut_costs`` (N + 1,) is the cost of a piece's edge at each
    opening, ``barriers`` (N + 1,) is true where no piece may reach across. ``words``
    (N,) counts the words of each run.
    """

    starts: npt.NDArray[np.int64]
    ends: npt.NDArray[np.int64]
    first_starts: npt.NDArray[np.int64]
    last_ends: npt.NDArray[np.int64]
    cut_costs: npt.NDArray[np.float64]
    barriers: npt.NDArray[np.bool_]
    words: npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Lengths:
    """Wanted and allowed length of a piece, samples."""

    target: int
    minimum: int
    maximum: int


def _pieces_ending_at(
    last: int, low: int, row: Row, lengths: Lengths
) -> npt.NDArray[np.float64]:
    """Return the cost of the pieces from run low, low + 1, ... to run ``last``."""
    starts = row.starts[low : last + 1]
    length = row.ends[last] - starts
    room = row.last_ends[last] - row.first_starts[low : last + 1]
    deviation = np.maximum(length, lengths.minimum) / lengths.target - 1
    cost = deviation**2 + row.cut_costs[low : last + 1] + row.cut_costs[last + 1]
    cost[(length > lengths.maximum) | (room < lengths.minimum)] = np.inf
    return cost


def pack(row: Row, lengths: Lengths) -> list[tuple[int, int]]:
    """Cut a row into pieces: first and last run (inclusive) of each, in order.

    Dynamic programming over all cuts. The cost of a piece is the squared deviation from
    the target, relative to it, and the cost of its two edges. As few words as possible
    are in no piece, and none where a tiling within the limits exists.

    Time: O(N * runs in the maximum length).
    """
    count = len(row.starts)
    best = np.full(count + 1, np.inf)
    best[0] = 0.0
    came_from = np.full(count, -1, dtype=np.int64)
    low = 0
    for last in range(count):
        if row.barriers[last]:
            low = last
        while row.ends[last] - row.starts[low] > lengths.maximum and low < last:
            low += 1
        totals = best[low : last + 1] + _pieces_ending_at(last, low, row, lengths)
        cheapest = int(np.argmin(totals))
        left_out = best[last] + _LEFT_OUT_COST * row.words[last]
        if totals[cheapest] <= left_out:
            best[last + 1], came_from[last] = totals[cheapest], low + cheapest
        else:
            best[last + 1] = left_out
    return _trace(came_from)


def _trace(came_from: npt.NDArray[np.int64]) -> list[tuple[int, int]]:
    pieces = []
    last = len(came_from) - 1
    while last >= 0:
        first = int(came_from[last])
        if first < 0:
            last -= 1
            continue
        pieces.append((first, last))
        last = first - 1
    return pieces[::-1]
