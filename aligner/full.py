"""The best path through the full lattice, in bounded memory.

Memory is bounded by checkpoints: the forward pass keeps the two rows at every K-th
frame and no choices. The trace-back computes the choices again, one block of K frames
at a time; without jumps, only for the K positions from which the path can have come.
"""

import math

import numpy as np

from aligner.kernel import advance, advance_with_jumps
from aligner.lattice import Lattice, first_rows, new_kept
from aligner.path import IntArray, impossible
from aligner.steps import ChoiceArray, ScoreArray
from aligner.trace import trace, trace_line

# Of a line, half as many positions as a block has frames are computed again: 2 % of a
# quarter of an hour. Longer ones have longer blocks, to keep rows of this many bytes.
_LEAST_BLOCK_FRAMES = 256
_MOST_KEPT_BYTES = 1 << 26
# With jumps, up to this many choices (bytes) there is one block.
_PLAIN_CELLS_WITH_JUMPS = 1 << 27


def block_frames_of(lattice: Lattice) -> int:
    """Return the frames between checkpoints.

    T / K checkpoints of 16 (L + 1) bytes; without jumps K * K choices, so that most is
    saved at the cube root; with jumps K choices of all positions, at the square root.
    """
    frames, positions = lattice.frames, lattice.positions
    if lattice.is_line:
        block = max(_LEAST_BLOCK_FRAMES, 16 * frames * positions // _MOST_KEPT_BYTES)
        least_memory = math.ceil((8 * frames * positions) ** (1 / 3))
        return min(block, max(least_memory, _LEAST_BLOCK_FRAMES))
    if frames * (positions + 1) <= _PLAIN_CELLS_WITH_JUMPS:
        return max(frames, 1)
    return math.ceil(4 * math.sqrt(frames))


def best_states(lattice: Lattice, block: int) -> tuple[IntArray, IntArray]:
    """Return the best path's state and the jump into it at each frame.

    A state is 2j (blank) or 2j + 1 (token j), a jump -1 where none was taken.

    Raises:
      AlignmentInfeasible: every path has probability 0.
    """
    if lattice.is_line:
        states = _best_states_of_line(lattice, block)
        return states, np.full(lattice.frames, -1, np.int32)
    return _best_states_with_jumps(lattice, block)


def _best_states_of_line(lattice: Lattice, block: int) -> IntArray:
    frames, positions = lattice.frames, lattice.positions
    blocks = -(-frames // block)
    kept = new_kept(blocks, blocks * positions)
    kept.place[:] = np.arange(blocks + 1) * positions
    rows = first_rows(positions)
    for index in range(blocks):
        place = slice(kept.place[index], kept.place[index + 1])
        kept.blanks[place], kept.letters[place] = rows
        if index + 1 < blocks:
            _advance(lattice, rows, slice(index * block, (index + 1) * block))
    states = np.empty(frames, np.int32)
    if not trace_line(
        lattice.emissions, lattice.blank, lattice.entry_cost, lattice.whole, block,
        kept, states,
    ):  # fmt: skip
        raise impossible(frames, positions - 1)
    return states


def _advance(lattice: Lattice, rows: ScoreArray, span: slice) -> None:
    """Move the rows of a line through the frames of a block.

    Only the positions are computed that can be reached from the start, and from which
    the end can be reached.
    """
    edge = np.full(span.stop - span.start, -np.inf)
    low = lattice.positions - 1 - (lattice.frames - span.start)
    for tile in lattice.tiles():
        place = slice(tile.start, tile.start + len(tile.labels))
        advance(
            lattice.emissions[span], lattice.blank, lattice.entry_cost[span], tile,
            rows[0, place], rows[1, place], edge, low - tile.start,
            span.start + 1 - tile.start, None,
        )  # fmt: skip


def _best_states_with_jumps(lattice: Lattice, block: int) -> tuple[IntArray, IntArray]:
    frames, positions = lattice.frames, lattice.positions
    checkpoints = np.empty((-(-frames // block), 2, positions))
    rows = first_rows(positions)
    for index in range(len(checkpoints)):
        checkpoints[index] = rows
        if index + 1 < len(checkpoints):
            span = slice(index * block, (index + 1) * block)
            _advance_with_jumps(lattice, rows, span, None, None)
    states, jumped = np.empty(frames, np.int32), np.full(frames, -1, np.int32)
    row_of = np.full(positions, -1, np.int32)
    row_of[lattice.entered] = np.arange(len(lattice.entered))
    top, in_token = positions - 1, False
    for index in range(len(checkpoints) - 1, -1, -1):
        span = slice(index * block, min((index + 1) * block, frames))
        count = span.stop - span.start
        rows = checkpoints[index]
        choices = np.empty((count, positions), np.uint8)
        taken = np.empty((count, len(lattice.entered), 2), np.int32)
        _advance_with_jumps(lattice, rows, span, choices, taken)
        if span.stop == frames:
            if top > 0 and rows[1, -2] > rows[0, -1]:
                top, in_token = top - 1, True
            elif rows[0, -1] == -np.inf:
                raise impossible(frames, positions - 1)
        top, in_token = trace(
            choices, 0, top, in_token, taken, row_of, lattice.jumps.sources,
            states[span], jumped[span],
        )  # fmt: skip
    return states, jumped


def _advance_with_jumps(
    lattice: Lattice,
    rows: ScoreArray,
    span: slice,
    choices: ChoiceArray | None,
    taken: IntArray | None,
) -> None:
    """Move all rows through the frames of a block."""
    edge = np.full(span.stop - span.start, -np.inf)
    leaving = np.empty((len(edge), len(lattice.left), 2))
    if taken is None:
        taken = np.empty((0, 0, 2), np.int32)
    for tile in lattice.tiles():
        place = slice(tile.start, tile.start + len(tile.labels))
        advance_with_jumps(
            lattice.emissions[span], lattice.blank, lattice.entry_cost[span], tile,
            lattice.jumps_of(tile), rows[0, place], rows[1, place], edge, leaving,
            choices, taken,
        )  # fmt: skip
