"""A chapter's passages, laid out one after the other: the line of its graph.

A passage is made of pieces. Where a piece can be said in several ways, these lie behind
each other with a wall between, and jumps lead to each and from each to the piece's end.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from aligner.path import IntArray

# Kinds of passages; others are those of asides.
OPENING, STAR, VERSE = "opening", "star", "verse"
# What a jump does.
SKIP, OMIT, REPEAT, TURN, PASS_OVER = "skip", "omit", "repeat", "turn", "pass over"
INSERTED = -1


@dataclass(frozen=True)
class Passage:
    """Tokens that are read or left out together."""

    kind: str
    """OPENING, STAR, VERSE, or the kind of an aside."""
    start: int
    """First of its tokens in the graph's line."""
    end: int
    verse: int
    """The verse that it is, or stands before."""
    text: str = ""


@dataclass(frozen=True)
class FormPlace:
    """Where a form of a number stands in the graph's line (half-open)."""

    number: int
    """Index in ``Variants.numbers``."""
    form: int
    start: int
    end: int


Way: TypeAlias = tuple[int, int, float, tuple[str, int]]
"""A jump: source, target, cost, and what it does to which."""


@dataclass(frozen=True)
class Piece:
    """Tokens of a passage; of several ways to say them one is read."""

    ways: tuple[IntArray, ...]
    origin: npt.NDArray[np.integer] | None = None
    """Of the first way's tokens; all others are inserted."""
    number: int = -1
    """Index in ``Variants.numbers``: the other ways are its forms."""
    at_start: bool = False
    """The first way may be read before another: the star takes a title, too."""


@dataclass(frozen=True)
class Part:
    """A passage before it has its place."""

    kind: str
    pieces: Sequence[Piece]
    verse: int
    text: str = ""


@dataclass
class Line:
    """The graph's line while it grows."""

    tokens: list[int] = field(default_factory=list)
    origin: list[int] = field(default_factory=list)
    begins: list[int] = field(default_factory=list)
    stars: list[int] = field(default_factory=list)
    walls: list[int] = field(default_factory=list)
    forms: list[FormPlace] = field(default_factory=list)
    turns: list[Way] = field(default_factory=list)
    passages: list[Passage] = field(default_factory=list)

    def lay_part(self, part: Part) -> None:
        """Append a passage."""
        start = len(self.tokens)
        for piece in part.pieces:
            begins = [entry for entry, _ in self._lay_piece(piece)]
            if piece is part.pieces[0] and part.kind not in (OPENING, STAR):
                self.begins += begins
        if part.kind == STAR:
            self.stars.append(start)
        end = len(self.tokens)
        self.passages.append(Passage(part.kind, start, end, part.verse, part.text))

    def _lay_piece(self, piece: Piece) -> list[tuple[int, int]]:
        """Append a piece; return where each of its ways begins and ends."""
        edges: list[tuple[int, int]] = []
        for k, way in enumerate(piece.ways):
            if k > 0 and not (k == 1 and piece.at_start):
                self.walls.append(len(self.tokens))
                self._append(way[:1])  # any label will do
            start = len(self.tokens)
            self._append(way, piece.origin if k == 0 else None)
            edges.append((start, len(self.tokens)))
        if piece.number >= 0:
            self.forms += (
                FormPlace(piece.number, k, *edge) for k, edge in enumerate(edges[1:])
            )
        (begin, first_end), end = edges[0], edges[-1][1]
        arcs = [(begin, start) for start, _ in edges[1:]]
        arcs += [(stop, end) for _, stop in edges[:-1]]
        if piece.at_start:
            arcs += [(first_end, start) for start, _ in edges[2:]]
        self.turns += ((*arc, 0.0, (TURN, -1)) for arc in arcs)
        return edges

    def _append(
        self, tokens: IntArray, origin: npt.NDArray[np.integer] | None = None
    ) -> None:
        if origin is None:
            origin = np.full(len(tokens), INSERTED)
        self.tokens += tokens.tolist()
        self.origin += origin.tolist()
