"""The way back along the choices of the kernel, compiled by numba.

Shapes: T frames, K frames of a block, n positions, V targets of jumps.
"""

import numpy as np
import numpy.typing as npt

from aligner.kernel import (
    BLANK_BY_JUMP,
    BLANK_FROM_TOKEN,
    FROM_BLANK,
    FROM_TOKEN,
    TOKEN_BY_JUMP,
    ChoiceArray,
    compiled,
)
from aligner.path import IntArray


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
def trace_in_beam(
    choices: ChoiceArray, origin: npt.NDArray[np.int64], position: int, in_token: bool,
    states: IntArray,
) -> None:  # fmt: skip
    """Follow the choices of ``advance_in_beam`` back; fill in the states (T,)."""
    for t in range(states.shape[0] - 1, -1, -1):
        states[t] = 2 * position + (1 if in_token else 0)
        choice = choices[origin[t] + position]
        position, in_token = _step_back(choice, position, in_token)
