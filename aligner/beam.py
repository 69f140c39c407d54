"""Exact alignment of a line without the states that cannot lie on its best path.

A narrow beam finds some path; its score is a lower bound of the best one's. From a
state at frame t no path can gain more than the likeliest label of every later frame. A
state whose score and that gain together stay below the lower bound lies on no best path
and is left out. What is left out is strictly worse, so that the path is the same as
that of the full lattice, ties included.
"""

import numpy as np

from aligner.kernel import Kept, advance_in_beam, gain_after
from aligner.lattice import Lattice, first_rows, new_kept
from aligner.path import IntArray
from aligner.steps import ScoreArray
from aligner.trace import trace_line

# Frames between the rows that are kept: half as many positions are computed again at
# each frame, beside 10 to 400 in the beam.
_BLOCK_FRAMES = 32
# Positions of all rows kept, 16 bytes each. Clear speech keeps 1 to 6 a frame.
_MOST_KEPT = 1 << 24
# A wider beam saves too little (synthetic chapters: 3 to 10 % of the lattice); the
# first one has to be narrow, or its path is no good. Small lattices cost nothing.
_MOST_SHARE, _FIRST_SHARE = 0.25, 0.05
_SMALL = 1 << 16
# Nats under the best state of a frame; the true path of clean speech stays above.
_BEAM_NATS = 100.0
# Scores are sums of T float64: they are good to 1e-12 of themselves.
_ROUNDING = 1e-9


def best_states_in_beam(
    lattice: Lattice, most_kept: int = _MOST_KEPT
) -> tuple[IntArray, float] | None:
    """Return the best path's states (T,) and the share of the lattice computed.

    None where it does not pay: the beam finds no path, an entry is rewarded, or what is
    left in is more than a quarter of all, or more than ``most_kept`` positions of the
    rows kept.
    """
    frames, positions = lattice.frames, lattice.positions
    if min(lattice.entry_cost.min(initial=0), lattice.text.tolls.min(initial=0)) < 0:
        return None
    room, first_room = (
        max(_SMALL, int(share * frames * positions))
        for share in (_MOST_SHARE, _FIRST_SHARE)
    )
    nowhere = np.full(frames, -np.inf)
    start = new_kept(1, 1)
    rows, first_count = _run(
        lattice, nowhere, _BEAM_NATS, first_room, frames + 1, start
    )
    bound = _end_score(rows)
    if first_count < 0 or bound == -np.inf:
        return None
    floor = bound - abs(bound) * _ROUNDING - gain_after(lattice.emissions)
    # Takes memory only as far as it is written.
    kept = new_kept(-(-frames // _BLOCK_FRAMES), min(room, most_kept))
    rows, count = _run(lattice, floor, np.inf, room, _BLOCK_FRAMES, kept)
    if count < 0:
        return None
    states = np.empty(frames, np.int32)
    trace_line(
        lattice.emissions, lattice.blank, lattice.entry_cost, lattice.whole,
        _BLOCK_FRAMES, kept, states,
    )  # fmt: skip
    return states, (first_count + count) / (frames * positions)


def _run(
    lattice: Lattice,
    floor: ScoreArray,
    width: float,
    room: int,
    block: int,
    kept: Kept,
) -> tuple[ScoreArray, int]:
    rows = first_rows(lattice.positions)
    count = advance_in_beam(
        lattice.emissions, lattice.blank, lattice.entry_cost, lattice.whole,
        rows[0], rows[1], floor, width, room, block, kept,
    )  # fmt: skip
    return rows, count


def _end_score(rows: ScoreArray) -> float:
    """Return the score of ending in the last token or the blank after it."""
    return float(max(rows[0, -1], rows[1, -2] if rows.shape[1] > 1 else -np.inf))
