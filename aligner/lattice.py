"""The lattice of a text: what its positions are, and how they are cut into tiles.

Shapes: T frames, C labels, L tokens, J jumps.
"""

import itertools
from dataclasses import dataclass

import numpy as np

from aligner.graph import Jumps
from aligner.kernel import Kept, TileJumps
from aligner.path import EntryCosts, FloatArray, IntArray
from aligner.steps import ScoreArray, Tile

# Two float64 rows of this many positions fit a level 1 cache of 32 kB.
_TILE_POSITIONS = 1024


@dataclass(frozen=True, eq=False)
class Lattice:
    """What the kernel reads; the arrays over positions end with a dummy token L."""

    emissions: FloatArray
    """(T, C)."""
    blank: int
    text: Tile
    """All positions."""
    entry_cost: FloatArray
    """Of entering a flagged token at each frame (T,)."""
    jumps: Jumps
    left: IntArray
    """Positions that jumps leave, in order."""
    entered: IntArray
    """Positions that they enter, in order."""

    @property
    def frames(self) -> int:
        """T."""
        return len(self.emissions)

    @property
    def positions(self) -> int:
        """L + 1."""
        return len(self.text.labels)

    @property
    def is_free(self) -> bool:
        """Whether entering costs nothing anywhere."""
        return not (self.text.flags.any() or self.text.tolls.any())

    @property
    def is_line(self) -> bool:
        """Whether there are no jumps."""
        return not len(self.jumps.sources)

    def tile(self, start: int, stop: int) -> Tile:
        """Return the positions from ``start`` to ``stop``.

        Of a line on which nothing costs anything, the tile has no costs.
        """
        place = slice(start, stop)
        labels, bridge = self.text.labels[place], self.text.bridge[place]
        if self.is_line and self.is_free:
            return Tile(start, labels, bridge, None, None)
        return Tile(
            start, labels, bridge, self.text.flags[place], self.text.tolls[place]
        )

    @property
    def whole(self) -> Tile:
        """All positions."""
        return self.tile(0, self.positions)

    def jumps_of(self, tile: Tile) -> TileJumps:
        """Return the jumps that leave or enter a tile."""
        start, stop = tile.start, tile.start + len(tile.labels)
        left = np.flatnonzero((self.left >= start) & (self.left < stop))
        targets = self.jumps.targets
        into = np.flatnonzero((targets >= start) & (targets < stop))
        sources, targets = self.jumps.sources[into], targets[into]
        before = self.text.labels[np.maximum(sources - 1, 0)]
        return TileJumps(
            leave_at=(self.left[left] - start).astype(np.int32),
            leave_column=left.astype(np.int32),
            enter_at=(targets - start).astype(np.int32),
            enter_column=np.searchsorted(self.left, sources).astype(np.int32),
            enter_row=np.searchsorted(self.entered, targets).astype(np.int32),
            number=into.astype(np.int32),
            cost=self.jumps.costs[into].astype(np.float64),
            same=(sources > 0) & (before == self.text.labels[targets]),
        )

    def tiles(self) -> list[Tile]:
        """Cut all positions into tiles that no jump leads back from.

        A tile is computed for a whole block of frames before the one to its right.
        """
        edges = [0]
        back = self.jumps.sources > self.jumps.targets
        for low in range(_TILE_POSITIONS, self.positions, _TILE_POSITIONS):
            across = back & (self.jumps.targets < low) & (self.jumps.sources >= low)
            if not across.any():
                edges.append(low)
        edges.append(self.positions)
        return [self.tile(start, stop) for start, stop in itertools.pairwise(edges)]


def lattice_of(
    emissions_TC: FloatArray,
    tokens_L: IntArray,
    blank: int,
    entries: EntryCosts,
    jumps: Jumps | None = None,
) -> Lattice:
    """Return the lattice of a text and emissions that have been checked."""
    bridge = np.zeros(len(tokens_L) + 1, np.float32)
    bridge[1:-1][tokens_L[1:] == tokens_L[:-1]] = -np.inf
    if jumps is None:
        none = np.zeros(0, np.int32)
        jumps = Jumps(none, none, np.zeros(0, np.float32))
    text = Tile(
        start=0,
        labels=np.append(tokens_L, blank).astype(np.uint32),
        bridge=bridge,
        flags=np.append(entries.tokens, False).astype(np.float32),
        tolls=np.append(entries.tolls, np.float32(0)),
    )
    left, entered = np.unique(jumps.sources), np.unique(jumps.targets)
    return Lattice(emissions_TC, blank, text, entries.cost, jumps, left, entered)


def first_rows(positions: int) -> ScoreArray:
    """Return the rows before the first frame: in the first blank, for nothing."""
    rows = np.full((2, positions), -np.inf)
    rows[0, 0] = 0.0
    return rows


def new_kept(blocks: int, size: int) -> Kept:
    """Return room for the rows before some blocks, ``size`` positions altogether."""
    return Kept(
        np.empty(size),
        np.empty(size),
        np.zeros(blocks, np.int64),
        np.zeros(blocks + 1, np.int64),
    )
