"""Exact alignment of a line without the states that cannot lie on its best path.

A narrow beam finds some path; its score is a lower bound of the best one's. From a
state at frame t no path can gain more than the likeliest label of every later frame. A
state whose score and that gain together stay below the lower bound lies on no best path
and is left out. What is left out is strictly worse, so that the path is the same as
that of the full lattice, ties included.
"""

import numpy as np
import numpy.typing as npt

from aligner.kernel import ScoreArray, advance_in_beam, trace
from aligner.lattice import Lattice
from aligner.path import IntArray

# All choices (bytes) are kept at once up to here; more of them need too much memory.
PLAIN_CELLS_AT_ONCE = 1 << 27
# Nats under the best state of a frame; the true path of clean speech stays above.
_BEAM_NATS = 100.0
# Scores are sums of T float64: they are good to 1e-12 of themselves.
_ROUNDING = 1e-9


def best_states_in_beam(lattice: Lattice) -> tuple[IntArray, float] | None:
    """Return the best path's states (T,) and the share of the lattice computed.

    None where there is no bound: the beam finds no path, or an entry is rewarded.
    """
    frames, positions = lattice.frames, lattice.positions
    if min(lattice.entry_cost.min(initial=0), lattice.text.tolls.min(initial=0)) < 0:
        return None
    nowhere = np.full(frames, -np.inf)
    row = np.empty((1, positions), np.uint8)
    rows, first_count = _run(lattice, nowhere, _BEAM_NATS, row)
    bound = _end_score(rows)
    if bound == -np.inf:
        return None
    likeliest = lattice.emissions.max(axis=1).astype(np.float64)
    # What every path still gains at most after each frame.
    gain = np.append(np.cumsum(likeliest[:0:-1])[::-1], 0.0)
    floor = bound - abs(bound) * _ROUNDING - gain
    choices = np.empty((frames, positions), np.uint8)
    rows, count = _run(lattice, floor, np.inf, choices)
    top, in_token = positions - 1, False
    if positions > 1 and rows[1, -2] > rows[0, -1]:
        top, in_token = top - 1, True
    states, jumped = np.empty(frames, np.int32), np.empty(frames, np.int32)
    none = np.empty((0, 0, 2), np.int32)
    empty = np.empty(0, np.int32)
    trace(choices, 0, top, in_token, none, empty, empty, states, jumped)
    return states, (first_count + count) / (2 * frames * positions)


def first_rows(positions: int) -> ScoreArray:
    """Return the rows before the first frame: in the first blank, for nothing."""
    rows = np.full((2, positions), -np.inf)
    rows[0, 0] = 0.0
    return rows


def _run(
    lattice: Lattice, floor: ScoreArray, width: float, choices: npt.NDArray[np.uint8]
) -> tuple[ScoreArray, int]:
    rows = first_rows(lattice.positions)
    count = advance_in_beam(
        lattice.emissions, lattice.blank, lattice.entry_cost, lattice.text,
        rows[0], rows[1], floor, width, choices,
    )  # fmt: skip
    return rows, count


def _end_score(rows: ScoreArray) -> float:
    """Return the score of ending in the last token or the blank after it."""
    return float(max(rows[0, -1], rows[1, -2] if rows.shape[1] > 1 else -np.inf))
