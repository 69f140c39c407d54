"""The inner loops of the alignment, compiled by numba; ``aligner.viterbi`` explains.

Shapes: T frames, K frames of a block, C labels, n positions of a tile, S sources and
V targets of jumps in the whole text.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from aligner.path import FloatArray, IntArray

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
    flags: FloatArray
    """1 where entering the token has the cost of the frame (n,)."""
    tolls: FloatArray
    """What entering the token costs at any frame (n,)."""


class TileJumps(NamedTuple):
    """The jumps that leave and enter a tile; positions count from its first one."""

    leave_at: IntArray
    """Positions that jumps leave."""
    leave_column: IntArray
    """Their columns in ``leaving``."""
    enter_at: IntArray
    """The position that each jump into the tile enters."""
    enter_column: IntArray
    """The column of its source in ``leaving``."""
    enter_row: IntArray
    """The column of its target in ``taken``."""
    number: IntArray
    """Which jump of the text it is."""
    cost: ScoreArray
    """What it costs."""
    same: npt.NDArray[np.bool_]
    """Whether it leads from a token to an equal one."""


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile without the GIL, and keep the machine code on disk where possible."""
    try:
        return numba.njit(nogil=True, cache=True)(function)
    except RuntimeError:  # neither the package nor the home directory can be written
        return numba.njit(nogil=True)(function)


@compiled
def step(
    row: FloatArray, blank_score: float, cost: float, tile: Tile, first: int, stop: int,
    left: float, near: FloatArray, blanks: ScoreArray, letters: ScoreArray,
    ways: ChoiceArray | None,
) -> None:  # fmt: skip
    """Move positions ``first`` to ``stop`` through one frame, in place.

    ``left`` is the score of the token before ``first``; ``near`` (n,) takes the
    emission of each token, ``ways`` (stop - first,) how each state was entered.
    """
    # Slices from zero, and a loop of its own for the gathering: only so does the
    # compiler use vectors for the second loop (0.4 instead of 1.5 ns a cell).
    close, ids = near[first:stop], tile.labels[first:stop]
    for j in range(ids.shape[0]):
        close[j] = row[ids[j]]
    gaps, marks = tile.bridge[first:stop], tile.flags[first:stop]
    tolls = tile.tolls[first:stop]
    rests, owns = blanks[first:stop], letters[first:stop]
    for j in range(close.shape[0]):
        rest, own = rests[j], owns[j]
        over = left + gaps[j]
        enter = (over if over > rest else rest) - cost * marks[j] - tolls[j]
        rests[j] = (left if left > rest else rest) + blank_score
        owns[j] = (enter if enter > own else own) + close[j]
        if ways is not None:
            way = FROM_TOKEN if over > rest else FROM_BLANK
            way = way if enter > own else 0
            way += BLANK_FROM_TOKEN if left > rest else 0
            ways[j] = np.uint8(way)
        left = own


@compiled
def advance(
    emissions: FloatArray, blank: int, entry_cost: FloatArray, tile: Tile,
    blanks: ScoreArray, letters: ScoreArray, edge: ScoreArray, low: int, high: int,
    choices: ChoiceArray | None,
) -> None:  # fmt: skip
    """Move one tile of n positions through the K frames of a block, in place.

    Args:
      emissions: the block's frames (K, C).
      blank: column of the blank.
      entry_cost: cost of entering a flagged token at each frame (K,).
      tile: the positions.
      blanks: score of the blank before each token (n,).
      letters: score of each token (n,).
      edge: score of the token left of the tile before each frame (K,); on return that
        of the tile's own last token, for the tile to the right.
      low: first position that can still reach the end, at the block's first frame.
        Both limits move by one a frame, as a path gains at most one token a frame.
      high: position after the last one that can be reached in that frame.
      choices: uint8 (K, n), to be filled with how each state was entered, or None.
    """
    size = tile.labels.shape[0]
    near = np.empty(size, np.float32)
    for t in range(emissions.shape[0]):
        first, stop = max(0, low + t), min(size, high + t)
        left = edge[t]
        edge[t] = letters[size - 1]
        if first < stop:
            step(
                emissions[t], np.float64(emissions[t, blank]),
                np.float64(entry_cost[t]), tile, first, stop,
                letters[first - 1] if first > 0 else left, near, blanks, letters,
                None if choices is None else choices[t, first:stop],
            )  # fmt: skip


@compiled
def advance_with_jumps(
    emissions: FloatArray, blank: int, entry_cost: FloatArray, tile: Tile,
    jumps: TileJumps, blanks: ScoreArray, letters: ScoreArray, edge: ScoreArray,
    leaving: ScoreArray, choices: ChoiceArray | None, taken: npt.NDArray[np.int32],
) -> None:  # fmt: skip
    """Do the same with jumps, for all positions of the tile.

    Args:
      emissions: as in ``advance``, like all that are not named here.
      blank: likewise.
      entry_cost: likewise.
      tile: likewise.
      jumps: those that leave or enter the tile.
      blanks: likewise.
      letters: likewise.
      edge: likewise.
      leaving: score of leaving each source of jumps before each frame, from its blank
        and from the token before it (K, S, 2); the tile's own are filled in.
      choices: of all positions of the text (K, L + 1), or None.
      taken: the jump into each target's blank and token, twice its number and 1 if it
        came from a token (K, V, 2); read only where ``choices`` tells of a jump.
    """
    size = tile.labels.shape[0]
    near = np.empty(size, np.float32)
    for t in range(emissions.shape[0]):
        left = edge[t]
        edge[t] = letters[size - 1]
        for k in range(jumps.leave_at.shape[0]):
            at, column = jumps.leave_at[k], jumps.leave_column[k]
            leaving[t, column, 0] = blanks[at]
            leaving[t, column, 1] = letters[at - 1] if at > 0 else left
        blank_score = np.float64(emissions[t, blank])
        cost = np.float64(entry_cost[t])
        step(
            emissions[t], blank_score, cost, tile, 0, size, left, near, blanks, letters,
            None if choices is None else choices[t, tile.start : tile.start + size],
        )  # fmt: skip
        for k in range(jumps.enter_at.shape[0]):
            at, column = jumps.enter_at[k], jumps.enter_column[k]
            rest = leaving[t, column, 0] - jumps.cost[k]
            over = leaving[t, column, 1] - jumps.cost[k]
            by_token = over > rest
            found = (over if by_token else rest) + blank_score
            if found > blanks[at]:
                blanks[at] = found
                if choices is not None:
                    choices[t, tile.start + at] |= np.uint8(BLANK_BY_JUMP)
                    taken[t, jumps.enter_row[k], 0] = 2 * jumps.number[k] + by_token
            by_token = by_token and not jumps.same[k]
            found = (over if by_token else rest) - cost * tile.flags[at]
            found += near[at] - tile.tolls[at]
            if found > letters[at]:
                letters[at] = found
                if choices is not None:
                    choices[t, tile.start + at] |= np.uint8(TOKEN_BY_JUMP)
                    taken[t, jumps.enter_row[k], 1] = 2 * jumps.number[k] + by_token


@compiled
def advance_in_beam(
    emissions: FloatArray, blank: int, entry_cost: FloatArray, tile: Tile,
    blanks: ScoreArray, letters: ScoreArray, floor: ScoreArray, width: float,
    room: int, choices: ChoiceArray | None, origin: npt.NDArray[np.int64],
) -> int:  # fmt: skip
    """Move the whole text through all frames, without the states that are too low.

    Args:
      emissions: all frames (T, C).
      blank: as in ``advance``, like all that are not named here.
      entry_cost: likewise.
      tile: all positions of the text.
      blanks: likewise.
      letters: likewise.
      floor: states below it at a frame are dropped at the ends of the beam (T,).
      width: so are states that are by this lower than the best one.
      room: it stops before more positions than this would be computed.
      choices: how the states in the beam were entered, frame after frame (room,), or
        None.
      origin: where in ``choices`` position 0 of each frame would be (T,); filled in.

    Returns:
      How many positions were computed, -1 if ``room`` is too small for them.
    """
    frames, size = emissions.shape[0], tile.labels.shape[0]
    near = np.empty(size, np.float32)
    low, high = 0, 0
    computed = 0
    for t in range(frames):
        # A state that cannot reach the end any more is dropped too.
        low = max(low, size - 1 - (frames - t))
        stop = min(size, high + 1)
        if low >= stop:
            break
        first = computed - low  # where position 0 would be
        computed += stop - low
        if computed > room:
            return -1
        origin[t] = first
        left = letters[low - 1] if low > 0 else -np.inf
        step(
            emissions[t], np.float64(emissions[t, blank]), np.float64(entry_cost[t]),
            tile, low, stop, left, near, blanks, letters,
            None if choices is None else choices[first + low : computed],
        )  # fmt: skip
        if low > 0:  # left of the beam nothing may be entered from
            letters[low - 1] = -np.inf
        least = floor[t]
        if width < np.inf:
            best = -np.inf
            for j in range(low, stop):
                best = max(best, blanks[j], letters[j])
            least = max(least, best - width)
        while low < stop and blanks[low] < least and letters[low] < least:
            blanks[low] = letters[low] = -np.inf
            low += 1
        high = stop
        while high > low and blanks[high - 1] < least and letters[high - 1] < least:
            blanks[high - 1] = letters[high - 1] = -np.inf
            high -= 1
    return computed
