"""The inner loops of the alignment, compiled by numba; ``aligner.viterbi`` explains.

Shapes: T frames, K frames of a block, C labels, n positions of a tile, S sources and
V targets of jumps in the whole text.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from aligner.path import FloatArray, IntArray
from aligner.steps import (
    BLANK_BY_JUMP,
    TOKEN_BY_JUMP,
    ChoiceArray,
    ScoreArray,
    Tile,
    compiled,
    new_scratch,
    step,
    step_twice,
)


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
    frames, size = emissions.shape[0], tile.labels.shape[0]
    scratch = new_scratch(size, emissions.shape[1])
    t = 0
    while t < frames:
        count = 2 if choices is None and t + 1 < frames else 1
        first, stop = max(0, low + t), min(size, high + t + count - 1)
        left, next_left = edge[t], edge[t + count - 1]
        edge[t : t + count] = letters[size - 1]
        if first > 0:  # in the second frame the first one cannot reach the end any more
            left, next_left = letters[first - 1], -np.inf
        if first < stop and count == 2:
            last = step_twice(
                emissions, t, blank, entry_cost, tile, tile.flags, tile.tolls, first,
                stop, left, next_left, scratch, blanks, letters,
            )  # fmt: skip
            if stop == size:
                edge[t + 1] = last
        elif first < stop:
            step(
                emissions[t], blank, np.float64(entry_cost[t]), tile, tile.flags,
                tile.tolls, first, stop, left, scratch.near, blanks, letters,
                None if choices is None else choices[t],
            )  # fmt: skip
        t += count


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
            emissions[t], blank, cost, tile, tile.flags, tile.tolls, 0, size, left,
            near, blanks, letters,
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


class Kept(NamedTuple):
    """The rows before the first frame of each block, as far as they are reached.

    B blocks, N positions kept of all of them together.
    """

    blanks: ScoreArray
    """(N,)."""
    letters: ScoreArray
    """(N,)."""
    first: npt.NDArray[np.int64]
    """First position of each block's rows (B,)."""
    place: npt.NDArray[np.int64]
    """Where they begin, and where the last ones end (B + 1,)."""


@compiled
def advance_in_beam(
    emissions: FloatArray, blank: int, entry_cost: FloatArray, tile: Tile,
    blanks: ScoreArray, letters: ScoreArray, floor: ScoreArray, width: float,
    room: int, block: int, kept: Kept,
) -> int:  # fmt: skip
    """Move the whole text through all frames, without the states that are too low.

    Args:
      emissions: all frames (T, C).
      blank: as in ``advance``, like all that are not named here.
      entry_cost: likewise.
      tile: all positions of the text.
      blanks: likewise.
      letters: likewise.
      floor: states below it after a frame are dropped at the ends of the beam (T,).
      width: so are states that are by this lower than the best one.
      room: it stops before more positions than this would be computed.
      block: an even number of frames.
      kept: is filled with the rows before each block.

    Returns:
      How many positions were computed, -1 if ``room`` or ``kept`` is too small.
    """
    frames, size = emissions.shape[0], tile.labels.shape[0]
    scratch = new_scratch(size, emissions.shape[1])
    low, high = 0, 1
    computed = 0
    for t in range(0, frames, 2):
        if t % block == 0:
            index = t // block
            start = kept.place[index]
            end = start + high - low
            if end > kept.blanks.shape[0]:
                return -1
            kept.blanks[start:end] = blanks[low:high]
            kept.letters[start:end] = letters[low:high]
            kept.first[index], kept.place[index + 1] = low, end
        count = min(2, frames - t)
        # A state that cannot reach the end any more is dropped too.
        low, stop = max(low, size - 1 - (frames - t)), min(size, high + count)
        computed += count * (stop - low)
        if low >= stop or computed > room:
            return -1
        left = letters[low - 1] if low > 0 else -np.inf
        if count == 2:
            step_twice(
                emissions, t, blank, entry_cost, tile, tile.flags, tile.tolls, low,
                stop, left, -np.inf, scratch, blanks, letters,
            )  # fmt: skip
        else:
            step(
                emissions[t], blank, np.float64(entry_cost[t]), tile, tile.flags,
                tile.tolls, low, stop, left, scratch.near, blanks, letters, None,
            )  # fmt: skip
        if low > 0:  # left of the beam nothing may be entered from
            letters[low - 1] = -np.inf
        least = floor[t + count - 1]
        if width < np.inf:
            least = max(least, _highest(blanks[low:stop], letters[low:stop]) - width)
        while low < stop and blanks[low] < least and letters[low] < least:
            blanks[low] = letters[low] = -np.inf
            low += 1
        high = stop
        while high > low and blanks[high - 1] < least and letters[high - 1] < least:
            blanks[high - 1] = letters[high - 1] = -np.inf
            high -= 1
    return computed


@compiled
def _highest(blanks: ScoreArray, letters: ScoreArray) -> float:
    best = -np.inf
    for j in range(blanks.shape[0]):
        best = max(best, blanks[j], letters[j])
    return best


@compiled
def gain_after(emissions: FloatArray) -> ScoreArray:
    """Return the likeliest label's log-probability, summed over the frames after each.

    Shape (T,). No path gains more.
    """
    frames, labels = emissions.shape
    gain = np.zeros(frames)
    for t in range(frames - 1, 0, -1):
        best = emissions[t, 0]
        for c in range(1, labels):
            best = emissions[t, c] if emissions[t, c] > best else best
        gain[t - 1] = gain[t] + best
    return gain
