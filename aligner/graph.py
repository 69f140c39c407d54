"""Ways through a text besides its line: left out, read again, or said otherwise.

Shapes: T frames, L tokens, J jumps.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from aligner.path import FloatArray, IntArray, as_array, as_reals


@dataclass(frozen=True, eq=False)
class Jumps:
    """Arcs between positions of the line of tokens; position p lies before token p.

    A jump leaves position p from the blank there or from token p - 1, and the next
    frame is the blank at position q or token q: it takes no frame itself. Between two
    jumps, and between two equal tokens, lies at least one frame of blank. A jump
    forward leaves out tokens p to q - 1; one backward reads tokens q to p - 1 again.
    """

    sources: IntArray
    """Position p of each jump (J,), 0 to L."""
    targets: IntArray
    """Position q of each jump (J,), 0 to L, another than p."""
    costs: FloatArray
    """What each costs (J,), nats, 0 or more."""


def checked_jumps(
    sources: npt.ArrayLike, targets: npt.ArrayLike, costs: npt.ArrayLike, length: int
) -> Jumps:
    """Return the jumps of a line of ``length`` tokens.

    Raises:
      ValueError: shapes differ, a position is no integer or outside 0 to L, a jump
        leads nowhere, or a cost is negative or not finite.
    """
    places = {
        "sources": as_array("jumps.sources", sources),
        "targets": as_array("jumps.targets", targets),
    }
    dear = as_reals("jumps.costs", costs)
    shapes = [column.shape for column in (*places.values(), dear)]
    if len(set(shapes)) != 1 or len(shapes[0]) != 1:
        raise ValueError(f"jumps: expected three vectors of one length, got {shapes}")
    for name, column in places.items():
        if column.size and column.dtype.kind not in "iu":
            raise ValueError(f"jumps.{name}: expected integers, got {column.dtype}")
        wrong = np.flatnonzero((column < 0) | (column > length))
        if wrong.size:
            raise ValueError(
                f"jumps.{name}[{wrong[0]}]: expected a position from 0 to {length}, "
                f"the number of tokens, got {column[wrong[0]]}"
            )
    first, second = (column.astype(np.int32) for column in places.values())
    still = np.flatnonzero(first == second)
    if still.size:
        raise ValueError(
            f"jumps[{still[0]}]: expected two positions, got {first[still[0]]} twice"
        )
    wrong = np.flatnonzero(~((dear >= 0) & (dear < np.inf)))
    if wrong.size:
        raise ValueError(
            f"jumps.costs[{wrong[0]}]: expected 0 or more, got {dear[wrong[0]]}"
        )
    return Jumps(first, second, dear)


def jumps_of_line(jumps: Jumps | None, length: int) -> Jumps | None:
    """Return the jumps, if they fit a line of ``length`` tokens: checked anew.

    Raises:
      ValueError: these are no ``Jumps``, or ``checked_jumps`` would not make them.
    """
    if jumps is None:
        return None
    if not isinstance(jumps, Jumps):
        raise ValueError(
            f"jumps: expected aligner.graph.Jumps or None, got {type(jumps).__name__}"
        )
    return checked_jumps(jumps.sources, jumps.targets, jumps.costs, length)
