"""The way back along the choices of the kernel, compiled by numba.

Shapes: T frames, K frames of a block, n positions, V targets of jumps.
"""

import numpy as np
import numpy.typing as npt

from aligner.kernel import Kept, advance
from aligner.path import FloatArray, IntArray
from aligner.steps import (
    BLANK_BY_JUMP,
    BLANK_FROM_TOKEN,
    FROM_BLANK,
    FROM_TOKEN,
    TOKEN_BY_JUMP,
    ChoiceArray,
    Tile,
    compiled,
)


@compiled
def _step_back(choice: int, position: int, in_token: bool) -> tuple[int, bool]:
    """Return the state on the line from which a state was entered."""
    if not in_token:
        if choice & BLANK_FROM_TOKEN:
            return position - 1, True
    elif choice & FROM_TOKEN:
        return position - 1, True
    elif choice & FROM_BLANK:
        return position, False
    return position, in_token


@compiled
def trace(
    choices: ChoiceArray, low: int, position: int, in_token: bool,
    taken: npt.NDArray[np.int32], row_of: IntArray, sources: IntArray,
    states: IntArray, jumped: IntArray,
) -> tuple[int, bool]:  # fmt: skip
    """Follow the choices of a block back; return the state before it.

    Args:
      choices: of the positions from ``low`` on (K, n).
      low: first position of ``choices``.
      position: where the path is in the last frame.
      in_token: whether it is in the token there, else in the blank before it.
      taken: as in ``advance_with_jumps``.
      row_of: the column of each position in ``taken`` (L + 1,).
      sources: the position that each jump leaves.
      states: is filled with the path's states (K,).
      jumped: is filled with the jump that leads to each frame, -1 for none (K,).
    """
    for t in range(choices.shape[0] - 1, -1, -1):
        states[t] = 2 * position + (1 if in_token else 0)
        choice = choices[t, position - low]
        if choice & (TOKEN_BY_JUMP if in_token else BLANK_BY_JUMP):
            code = taken[t, row_of[position], 1 if in_token else 0]
            jumped[t] = code >> 1
            in_token = code & 1 == 1
            position = sources[code >> 1] - (1 if in_token else 0)
        else:
            position, in_token = _step_back(choice, position, in_token)
    return position, in_token


@compiled
def _part(values: FloatArray | None, start: int, stop: int) -> FloatArray | None:
    """Return some positions of what a tile has or has not."""
    return None if values is None else values[start:stop]


@compiled
def trace_line(
    emissions: FloatArray, blank: int, entry_cost: FloatArray, text: Tile,
    block: int, kept: Kept, states: IntArray,
) -> bool:  # fmt: skip
    """Find the best path of a line from the rows before each block of K frames.

    Only the K positions are computed again from which the path can have come, as it
    gains at most one a frame.

    Args:
      emissions: all frames (T, C).
      blank: column of the blank.
      entry_cost: cost of entering a flagged token at each frame (T,).
      text: all positions.
      block: K.
      kept: the rows.
      states: is filled with the path's states (T,).

    Returns:
      Whether there is a path.
    """
    frames, top, in_token = emissions.shape[0], text.labels.shape[0] - 1, False
    no_jumps = np.empty((0, 0, 2), np.int32), np.empty(0, np.int32)
    jumped = np.empty(block, np.int32)
    for index in range(kept.first.shape[0] - 1, -1, -1):
        begin, end = index * block, min((index + 1) * block, frames)
        count = end - begin
        low = max(0, top - 1 - count)
        tile = Tile(
            low, text.labels[low : top + 1], text.bridge[low : top + 1],
            _part(text.flags, low, top + 1), _part(text.tolls, low, top + 1),
        )  # fmt: skip
        blanks, letters = np.full((2, top + 1 - low), -np.inf)
        place, first = kept.place[index], kept.first[index]
        for j in range(
            max(low, first), min(top + 1, first + kept.place[index + 1] - place)
        ):
            blanks[j - low] = kept.blanks[place + j - first]
            letters[j - low] = kept.letters[place + j - first]
        choices = np.empty((count, top + 1 - low), np.uint8)
        advance(
            emissions[begin:end], blank, entry_cost[begin:end], tile, blanks, letters,
            np.full(count, -np.inf), top - count - low, begin + 1 - low, choices,
        )  # fmt: skip
        if end == frames:
            if top > 0 and letters[-2] > blanks[-1]:
                top, in_token = top - 1, True
            elif blanks[-1] == -np.inf:
                return False
        top, in_token = trace(
            choices, low, top, in_token, no_jumps[0], no_jumps[1], no_jumps[1],
            states[begin:end], jumped,
        )  # fmt: skip
    return True
