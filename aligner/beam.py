"""Exact alignment of a line without the states that cannot lie on its best path.

A narrow beam finds some path; its score is a lower bound of the best one's. From a
state at frame t no path can gain more than the likeliest label of every later frame. A
state whose score and that gain together stay below the lower bound lies on no best path
and is left out. What is left out is strictly worse, so that the path is the same as
that of the full lattice, ties included.
"""

import numpy as np
import numpy.typing as npt

from aligner.kernel import ChoiceArray, ScoreArray, advance_in_beam
from aligner.lattice import Lattice
from aligner.path import IntArray
from aligner.trace import trace_in_beam

# Bytes, one a position in the beam. Clear speech needs 80 to 200 a frame: two hours.
_MOST_CHOICES = 1 << 28
# A wider beam saves too little (synthetic chapters: 3 to 10 % of the lattice); the
# first one has to be narrow, or its path is no good. Small lattices cost nothing.
_MOST_SHARE, _FIRST_SHARE = 0.25, 0.05
_SMALL = 1 << 16
# Nats under the best state of a frame; the true path of clean speech stays above.
_BEAM_NATS = 100.0
# Scores are sums of T float64: they are good to 1e-12 of themselves.
_ROUNDING = 1e-9


def best_states_in_beam(
    lattice: Lattice, most_choices: int = _MOST_CHOICES
) -> tuple[IntArray, float] | None:
    """Return the best path's states (T,) and the share of the lattice computed.

    None where it does not pay: the beam finds no path, an entry is rewarded, or what is
    left in has more than ``most_choices`` positions or a quarter of all.
    """
    frames, positions = lattice.frames, lattice.positions
    if min(lattice.entry_cost.min(initial=0), lattice.text.tolls.min(initial=0)) < 0:
        return None
    room, first_room = (
        max(_SMALL, int(share * frames * positions))
        for share in (_MOST_SHARE, _FIRST_SHARE)
    )
    room = min(room, most_choices)
    nowhere = np.full(frames, -np.inf)
    origin = np.empty(frames, np.int64)
    rows, first_count = _run(lattice, nowhere, _BEAM_NATS, first_room, None, origin)
    bound = _end_score(rows)
    if first_count < 0 or bound == -np.inf:
        return None
    likeliest = lattice.emissions.max(axis=1).astype(np.float64)
    # What every path still gains at most after each frame.
    gain = np.append(np.cumsum(likeliest[:0:-1])[::-1], 0.0)
    floor = bound - abs(bound) * _ROUNDING - gain
    choices = np.empty(room, np.uint8)  # takes memory only as far as it is written
    rows, count = _run(lattice, floor, np.inf, room, choices, origin)
    if count < 0:
        return None
    top, in_token = positions - 1, False
    if positions > 1 and rows[1, -2] > rows[0, -1]:
        top, in_token = top - 1, True
    states = np.empty(frames, np.int32)
    trace_in_beam(choices, origin, top, in_token, states)
    return states, (first_count + count) / (frames * positions)


def first_rows(positions: int) -> ScoreArray:
    """Return the rows before the first frame: in the first blank, for nothing."""
    rows = np.full((2, positions), -np.inf)
    rows[0, 0] = 0.0
    return rows


def _run(
    lattice: Lattice,
    floor: ScoreArray,
    width: float,
    room: int,
    choices: ChoiceArray | None,
    origin: npt.NDArray[np.int64],
) -> tuple[ScoreArray, int]:
    rows = first_rows(lattice.positions)
    count = advance_in_beam(
        lattice.emissions, lattice.blank, lattice.entry_cost, lattice.text,
        rows[0], rows[1], floor, width, room, choices, origin,
    )  # fmt: skip
    return rows, count


def _end_score(rows: ScoreArray) -> float:
    """Return the score of ending in the last token or the blank after it."""
    return float(max(rows[0, -1], rows[1, -2] if rows.shape[1] > 1 else -np.inf))
