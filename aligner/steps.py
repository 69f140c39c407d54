"""One frame of the lattice, or two at once: the innermost loops, compiled by numba.

Shapes: K frames, C labels, n positions of a tile.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from aligner.path import FloatArray

ScoreArray = npt.NDArray[np.float64]
ChoiceArray = npt.NDArray[np.uint8]

# How a state was entered: two bits for the token and one for the blank before it. With
# one of the last two the state was entered by a jump, and the others say nothing.
FROM_BLANK = 1
FROM_TOKEN = 2
BLANK_FROM_TOKEN = 4
TOKEN_BY_JUMP = 8
BLANK_BY_JUMP = 16


class Tile(NamedTuple):
    """Some neighbouring positions and what entering them costs."""

    start: int
    """The tile's first position in the text."""
    labels: npt.NDArray[np.uint32]  # unsigned: no test for negative indices in the loop
    """Label of each token (n,)."""
    bridge: FloatArray
    """0, or -inf where the token repeats the one before it (n,)."""
    flags: Any  # FloatArray or None: compiled code is for one of them
    """1 where entering the token has the cost of the frame (n,)."""
    tolls: Any
    """What entering the token costs at any frame (n,); both None if nothing ever."""


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile without the GIL, and keep the machine code on disk where possible."""
    try:
        return numba.njit(nogil=True, cache=True)(function)
    except RuntimeError:  # neither the package nor the home directory can be written
        return numba.njit(nogil=True)(function)


@compiled
def step(
    row: FloatArray, blank: int, cost: float, tile: Tile, flags: Any,
    tolls: Any, first: int, stop: int, left: float, near: FloatArray,
    blanks: ScoreArray, letters: ScoreArray, ways: ChoiceArray | None,
) -> None:  # fmt: skip
    """Move positions ``first`` to ``stop`` through one frame, in place.

    Args:
      row: the frame's log-probabilities (C,).
      blank: column of the blank.
      cost: of entering a flagged token.
      tile: the positions.
      flags: the tile's; as an argument of its own the compiler knows whether it is
        None, and free entries cost no time.
      tolls: likewise.
      first: first position that is moved, 0 or more.
      stop: position after the last one, not before ``first``.
      left: score of the token before ``first``.
      near: takes the log-probability of each token (n or more,).
      blanks: score of the blank before each token (n,).
      letters: score of each token (n,).
      ways: takes how each state was entered (n,), or None.
    """
    # Unsigned indices: without a test for negative ones the compiler uses vectors (0.24
    # instead of 0.80 ns a cell), and slices, which would do too, take 20 ns each.
    begin, end = np.uint64(first), np.uint64(stop)
    blank_score, labels, gaps = np.float64(row[blank]), tile.labels, tile.bridge
    for j in range(begin, end):
        near[j] = row[labels[j]]
    for j in range(begin, end):
        rest, own = blanks[j], letters[j]
        over = left + gaps[j]
        enter = over if over > rest else rest
        if flags is not None:
            enter = enter - cost * flags[j] - tolls[j]
        blanks[j] = (left if left > rest else rest) + blank_score
        letters[j] = (enter if enter > own else own) + near[j]
        if ways is not None:
            way = FROM_TOKEN if over > rest else FROM_BLANK
            way = way if enter > own else 0
            way += BLANK_FROM_TOKEN if left > rest else 0
            ways[j] = np.uint8(way)
        left = own


class Scratch(NamedTuple):
    """Memory for ``step_twice``: pairs of numbers, and the same seen as one number."""

    near: FloatArray
    """Both log-probabilities of each token (2 n,)."""
    near_pairs: npt.NDArray[np.int64]
    """(n,)."""
    labels: FloatArray
    """Both log-probabilities of each label (2 C,)."""
    label_pairs: npt.NDArray[np.int64]
    """(C,)."""


@compiled
def new_scratch(positions: int, labels: int) -> Scratch:
    """Return the memory for some positions and labels."""
    near = np.empty(2 * positions, np.float32)
    of_label = np.empty(2 * labels, np.float32)
    return Scratch(near, near.view(np.int64), of_label, of_label.view(np.int64))


@compiled
def step_twice(
    emissions: FloatArray, t: int, blank: int, entry_cost: FloatArray, tile: Tile,
    flags: Any, tolls: Any, first: int, stop: int,
    left: float, next_left: float, scratch: Scratch, blanks: ScoreArray,
    letters: ScoreArray,
) -> float:  # fmt: skip
    """Move positions through two frames in one pass, a third faster than in two.

    Args:
      emissions: log-probabilities (K, C).
      t: the first of both frames.
      blank: as in ``step``, like all that are not named here.
      entry_cost: cost of entering a flagged token at each frame (K,).
      tile: likewise.
      flags: likewise.
      tolls: likewise.
      first: likewise.
      stop: likewise.
      left: likewise.
      next_left: that score before the second frame.
      scratch: memory for the tile's positions.
      blanks: likewise.
      letters: likewise.

    Returns:
      The score of the last token before the second frame.
    """
    begin, end, two, one = np.uint64(first), np.uint64(stop), np.uint64(2), np.uint64(1)
    near, both, of_label = scratch.near, scratch.near_pairs, scratch.label_pairs
    labels, gaps = tile.labels, tile.bridge
    # Both frames' values of a label lie together and are fetched as one number.
    if 2 * emissions.shape[1] < stop - first:
        for c in range(emissions.shape[1]):
            scratch.labels[2 * c] = emissions[t, c]
            scratch.labels[2 * c + 1] = emissions[t + 1, c]
        for j in range(begin, end):
            both[j] = of_label[labels[j]]
    else:
        for j in range(begin, end):
            near[two * j] = emissions[t, labels[j]]
            near[two * j + one] = emissions[t + 1, labels[j]]
    blank_score = np.float64(emissions[t, blank])
    next_blank_score = np.float64(emissions[t + 1, blank])
    cost, next_cost = np.float64(entry_cost[t]), np.float64(entry_cost[t + 1])
    for j in range(begin, end):
        rest, own = blanks[j], letters[j]
        over = left + gaps[j]
        enter = over if over > rest else rest
        if flags is not None:
            enter = enter - cost * flags[j] - tolls[j]
        next_rest = (left if left > rest else rest) + blank_score
        next_own = (enter if enter > own else own) + near[two * j]
        over = next_left + gaps[j]
        enter = over if over > next_rest else next_rest
        if flags is not None:
            enter = enter - next_cost * flags[j] - tolls[j]
        best_rest = next_left if next_left > next_rest else next_rest
        blanks[j] = best_rest + next_blank_score
        letters[j] = (enter if enter > next_own else next_own) + near[two * j + one]
        left, next_left = own, next_own
    return next_left
