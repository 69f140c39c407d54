"""Exact forced alignment: the best CTC path of a text through the emissions.

Shapes: T frames, C labels, L tokens. A path is in one state at every frame. Position j,
0 <= j <= L, has two states: the blank before token j (j = L: the blank after the last
token), and token j itself. They are kept in two rows, so that the inner loop runs over
contiguous memory without a branch.

Memory is bounded by checkpoints: the forward pass keeps the two rows at every K-th
frame and no choices. The trace-back computes the choices again, one block of K frames
at a time, and only for the K positions from which the path can have come.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numba
import numpy as np
import numpy.typing as npt

from aligner.path import (
    AlignmentPath,
    EntryCosts,
    FloatArray,
    IntArray,
    checked_emissions,
    checked_entries,
    checked_tokens,
    impossible,
    path_from_spans,
)

if TYPE_CHECKING:
    import torch

ScoreArray = npt.NDArray[np.float64]
ChoiceArray = npt.NDArray[np.uint8]

# Up to this many choices (bytes) the whole trace-back fits the cache: no checkpoints.
_PLAIN_CELLS = 1 << 22
# Two float64 rows of this many positions fit a level 1 cache of 32 kB.
_TILE_POSITIONS = 1024

# How a state was entered: two bits for the token, one for the blank before it.
_FROM_BLANK = 1
_FROM_TOKEN = 2
_BLANK_FROM_TOKEN = 4


@dataclass(frozen=True, eq=False)
class _Lattice:
    """What the kernel reads; the arrays over positions end with a dummy token L."""

    emissions: FloatArray  # (T, C)
    blank: int
    labels: npt.NDArray[np.uint32]  # unsigned: no test for negative indices in the loop
    bridge: FloatArray  # 0, or -inf where the token repeats the one before it
    flags: FloatArray  # 1 where entering the token has a cost, else 0
    entry_cost: FloatArray  # (T,)


def forced_align(
    emissions_TC: "npt.ArrayLike | torch.Tensor",
    tokens_L: "npt.ArrayLike | torch.Tensor",
    blank: int = 0,
    *,
    entry_cost_T: npt.ArrayLike | None = None,
    entry_tokens: npt.ArrayLike | None = None,
    block_frames: int | None = None,
) -> AlignmentPath:
    """Return the most probable CTC path of the tokens through the emissions.

    Every token takes one frame or more, in order. Blanks between tokens are optional,
    but two equal neighbours (also two stars) need at least one between them. The path
    may begin and end in blank or in a token. A star is a column like any other, which
    the caller appends.

    Where paths are equally probable, the choice is made from the last frame backwards:
    the path ends in blank rather than in the last token; before each state, it stayed
    there rather than came from the state before, and came from the blank rather than
    from the token before that.

    Scores are summed in float64: over an hour float32 would lose the third decimal, and
    with it the better of two near paths.

    Args:
      emissions_TC: log-probabilities (natural log), shape (T, C), numpy or torch; used
        as float32. A CUDA tensor is copied to the CPU. -inf is allowed.
      tokens_L: label ids without blanks, shape (L,).
      blank: column of the blank.
      entry_cost_T: cost (nats) of entering a flagged token at frame t, shape (T,); paid
        once, in the token's first frame, also when that is frame 0.
      entry_tokens: bool, shape (L,): the flagged tokens.
      block_frames: frames between checkpoints; None chooses by the size.

    Raises:
      AlignmentInfeasible: there are fewer frames than tokens and repeats, or every path
        has probability 0.
      ValueError: shapes do not fit, a token is blank or no column, a value is NaN or
        +inf.
    """
    emissions = checked_emissions(emissions_TC)
    tokens = checked_tokens(tokens_L, emissions, blank)
    shape = (len(emissions), len(tokens))
    entries = checked_entries(entry_cost_T, entry_tokens, shape)
    block = _block_frames(*shape) if block_frames is None else block_frames
    if block < 1:
        raise ValueError(f"block_frames: expected 1 or more, got {block}")
    states = _best_states(_lattice(emissions, tokens, blank, entries), block)
    # A path never goes back, so the frames of token j (state 2j + 1) are found by
    # bisection.
    own = 2 * np.arange(len(tokens)) + 1
    starts = np.searchsorted(states, own, side="left").astype(np.int32)
    ends = np.searchsorted(states, own, side="right").astype(np.int32)
    return path_from_spans(emissions, tokens, blank, (starts, ends), entries)


def _lattice(
    emissions: FloatArray, tokens: IntArray, blank: int, entries: EntryCosts | None
) -> _Lattice:
    bridge = np.zeros(len(tokens) + 1, np.float32)
    bridge[1:-1][tokens[1:] == tokens[:-1]] = -np.inf
    flags = np.zeros(len(tokens) + 1, np.float32)
    cost = np.zeros(len(emissions), np.float32)
    if entries is not None:
        flags[:-1] = entries.tokens
        cost = entries.cost
    labels = np.append(tokens, blank).astype(np.uint32)
    return _Lattice(emissions, blank, labels, bridge, flags, cost)


def _block_frames(frames: int, length: int) -> int:
    """Return the frames between checkpoints that need the least memory.

    T / K checkpoints of 16 (L + 1) bytes and K * K choices: least at the cube root.
    """
    if frames * (length + 2) <= _PLAIN_CELLS:
        return max(frames, 1)
    return math.ceil((8 * frames * (length + 1)) ** (1 / 3))


def _best_states(lattice: _Lattice, block: int) -> IntArray:
    """Return the state of the best path at each frame: 2j (blank) or 2j + 1 (token j).

    Raises:
      AlignmentInfeasible: every path has probability 0.
    """
    frames, positions = len(lattice.emissions), len(lattice.labels)
    checkpoints = _forward(lattice, block)
    states = np.empty(frames, np.int32)
    top, in_token = positions - 1, False
    for index in range(len(checkpoints) - 1, -1, -1):
        first, stop = index * block, min((index + 1) * block, frames)
        # One position a frame: no lower one can lead to the path's position after it.
        low = max(0, top - 1 - (stop - first))
        window = slice(low, top + 1)
        blanks, letters = (row[window].copy() for row in checkpoints[index])
        choices = np.empty((stop - first, top + 1 - low), np.uint8)
        edge = np.full(stop - first, -np.inf)
        _advance(
            lattice.emissions[first:stop], lattice.blank, lattice.labels[window],
            lattice.bridge[window], lattice.flags[window],
            lattice.entry_cost[first:stop], blanks, letters, edge,
            top - (stop - first) - low, first + 1 - low, choices,
        )  # fmt: skip
        if stop == frames:
            if top > 0 and letters[-2] > blanks[-1]:
                top, in_token = top - 1, True
            elif blanks[-1] == -np.inf:
                raise impossible(frames, positions - 1)
        top, in_token = _trace(choices, low, top, in_token, states[first:stop])
    return states


def _forward(lattice: _Lattice, block: int) -> ScoreArray:
    """Return the two rows before each block: float64, shape (blocks, 2, positions)."""
    frames, positions = len(lattice.emissions), len(lattice.labels)
    checkpoints = np.empty((-(-frames // block), 2, positions))
    rows = np.full((2, positions), -np.inf)
    rows[0, 0] = 0.0  # before the first frame: in the first blank, for nothing
    checkpoints[:1] = rows
    for index in range(1, len(checkpoints)):
        first, stop = (index - 1) * block, index * block
        edge = np.full(block, -np.inf)
        for low in range(0, positions, _TILE_POSITIONS):
            tile = slice(low, low + _TILE_POSITIONS)
            _advance(
                lattice.emissions[first:stop], lattice.blank, lattice.labels[tile],
                lattice.bridge[tile], lattice.flags[tile],
                lattice.entry_cost[first:stop], rows[0, tile], rows[1, tile], edge,
                positions - 1 - (frames - first) - low, first + 1 - low, None,
            )  # fmt: skip
        checkpoints[index] = rows
    return checkpoints


def _compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile without the GIL, and keep the machine code on disk where possible."""
    try:
        return numba.njit(nogil=True, cache=True)(function)
    except RuntimeError:  # neither the package nor the home directory can be written
        return numba.njit(nogil=True)(function)


@_compiled
def _advance(  # noqa: PLR0917  numba calls compiled code by position only
    emissions: FloatArray, blank: int, labels: npt.NDArray[np.uint32],
    bridge: FloatArray, flags: FloatArray, entry_cost: FloatArray,
    blanks: ScoreArray, letters: ScoreArray, edge: ScoreArray,
    low: int, high: int, choices: ChoiceArray | None,
) -> None:  # fmt: skip
    """Move one tile of n positions through the K frames of a block, in place.

    Args:
      emissions: the block's frames (K, C).
      blank: column of the blank.
      labels: label of each token of the tile (n,).
      bridge: 0, or -inf where the token repeats the one before it (n,).
      flags: 1 where entering the token has a cost (n,).
      entry_cost: that cost at each frame (K,).
      blanks: score of the blank before each token (n,).
      letters: score of each token (n,).
      edge: score of the token left of the tile before each frame (K,); on return that
        of the tile's own last token, for the tile to the right.
      low: first position that can still reach the end, at the block's first frame.
        Both limits move by one a frame, as a path gains at most one token a frame.
      high: position after the last one that can be reached in that frame.
      choices: uint8 (K, n), to be filled with how each state was entered, or None.
    """
    size = labels.shape[0]
    scores = np.empty(size, np.float32)
    for t in range(emissions.shape[0]):
        row = emissions[t]
        blank_score = np.float64(row[blank])
        cost = np.float64(entry_cost[t])
        first, stop = max(0, low + t), min(size, high + t)
        left = edge[t]
        edge[t] = letters[size - 1]
        if first >= stop:
            continue
        if first > 0:
            left = letters[first - 1]
        # Slices from zero, and a loop of its own for the gathering: only so does the
        # compiler use vectors for the second loop (0.4 instead of 1.5 ns a cell).
        near, ids = scores[first:stop], labels[first:stop]
        for j in range(ids.shape[0]):
            near[j] = row[ids[j]]
        gaps, marks = bridge[first:stop], flags[first:stop]
        rests, owns = blanks[first:stop], letters[first:stop]
        if choices is not None:
            taken = choices[t, first:stop]
        for j in range(near.shape[0]):
            rest, own = rests[j], owns[j]
            over = left + gaps[j]
            enter = (over if over > rest else rest) - cost * marks[j]
            rests[j] = (left if left > rest else rest) + blank_score
            owns[j] = (enter if enter > own else own) + near[j]
            if choices is not None:
                source = _FROM_TOKEN if over > rest else _FROM_BLANK
                source = source if enter > own else 0
                source += _BLANK_FROM_TOKEN if left > rest else 0
                taken[j] = np.uint8(source)
            left = own


@_compiled
def _trace(
    choices: ChoiceArray, low: int, position: int, in_token: bool, states: IntArray
) -> tuple[int, bool]:
    """Follow the choices back; write ``states``, return the state before the block."""
    for t in range(choices.shape[0] - 1, -1, -1):
        states[t] = 2 * position + (1 if in_token else 0)
        choice = choices[t, position - low]
        if not in_token:
            if choice & _BLANK_FROM_TOKEN:
                in_token = True
                position -= 1
        elif choice & _FROM_TOKEN:
            position -= 1
        elif choice & _FROM_BLANK:
            in_token = False
    return position, in_token
