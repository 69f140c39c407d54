"""Chapters laid end to end in a device's memory, and how much of it they take.

Shapes: n chapters, T frames, C labels, L tokens, K frames of a block, V targets of
jumps, J jumps. "All" is the sum over the chapters.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from aligner.batch import Item
from aligner.graph import Jumps
from aligner.path import EntryCosts, IntArray, checked_entries, checked_tokens

# On the device, beside the emissions: costs, states, jumps, and while the labels' log-
# probabilities are looked up some 64-bit numbers.
_FRAME_BYTES = 80
# Two pairs of float64 rows, the token, its toll, its column among the targets.
_POSITION_BYTES = 44
_CHECKPOINT_BYTES = 16
_JUMP_BYTES = 12
_TARGET_BYTES = 12
# Two int32 say which jump led to a target's blank and token.
_TAKEN_BYTES = 8


@dataclass(frozen=True, eq=False)
class Problem:
    """One alignment that is asked for, checked."""

    name: str
    """What an error begins with: "", or "batch[3]: " in a batch."""
    emissions: Tensor
    """(T, C), float32 on the device."""
    tokens: IntArray
    entries: EntryCosts
    jumps: Jumps | None


class Place(NamedTuple):
    """Where a chapter lies in the tensors of a batch; the kernels read it as int64."""

    frames: int
    columns: int
    """C."""
    positions: int
    """L + 1."""
    targets: int
    """V; 0 where there are no jumps."""
    emission_at: int
    frame_at: int
    position_at: int
    target_at: int
    choice_at: int
    width: int
    """Choices of a frame."""
    taken_at: int


@dataclass(frozen=True, eq=False)
class Batch:
    """What the kernels read and write; all tensors are on one device."""

    places: tuple[Place, ...]
    blank: int
    block: int
    """K."""
    layout: Tensor
    """The places, int64 (n, 11)."""
    emissions: Tensor
    """float32 (all T x C,)."""
    entry_cost: Tensor
    """Of entering a flagged token, float32 (all T,)."""
    words: Tensor
    """4 x label + 2 if the token is flagged + 1 if it repeats the one before it, int32
    (all L + 1,); the last is a dummy."""
    tolls: Tensor
    """float32 (all L + 1,)."""
    row_of: Tensor
    """Which target a position is, -1 for none, int32 (all L + 1,)."""
    targets: Tensor
    """Positions that jumps enter, int32 (all V,)."""
    first: Tensor
    """The first jump into each target, int32 (all V,); they are sorted by target."""
    after: Tensor
    """The one after the last, int32 (all V,)."""
    sources: Tensor
    """The position that each jump leaves, int32 (all J,)."""
    numbers: Tensor
    """Its number in its chapter, int32 (all J,)."""
    costs: Tensor
    """float32 (all J,)."""
    rows: Tensor
    """Scores before and after a frame, of blanks and of tokens, float64 (2, 2, all
    L + 1). The rows before frame t are in the half t % 2."""
    choices: Tensor
    """How each state of a block was entered, uint8 (all K x width,)."""
    taken: Tensor
    """As in ``aligner.kernel``, int32 (all K x V x 2,); counts the sorted jumps."""
    tops: Tensor
    """Position of the path before the block last traced, and 1 if it is in the token
    there, int32 (n, 2)."""
    states: Tensor
    """State of the path at each frame, int32 (all T,)."""
    jumped: Tensor
    """Number of the jump into it, -1 for none, int32 (all T,)."""
    ends: Tensor
    """Score of the best path, -inf where there is none, float64 (n,)."""

    @property
    def frames(self) -> int:
        """T of the longest chapter."""
        return max(place.frames for place in self.places)


def problem_of(item: Item, blank: int) -> Problem:
    """Return the item as the device's code takes it; the values are not yet checked.

    Raises:
      AlignmentInfeasible: there are fewer frames than tokens and repeats.
      ValueError: shapes do not fit, a token is blank or no column, a cost is no number.
    """
    emissions = torch.as_tensor(item.emissions_TC).detach().float().contiguous()
    if emissions.ndim != 2:
        raise ValueError(
            f"emissions: expected shape (T, C), got {tuple(emissions.shape)}"
        )
    tokens = checked_tokens(item.tokens_L, emissions, blank, whole=item.jumps is None)
    shape = (len(emissions), len(tokens))
    entries = checked_entries(item.entry_cost_T, item.entry_tokens, item.tolls_L, shape)
    return Problem(item.name, emissions, tokens, entries, item.jumps)


def places_of(problems: Sequence[Problem], block: int) -> tuple[Place, ...]:
    """Lay the chapters end to end, with room for the choices of a block of frames."""
    at = np.zeros(6, np.int64)  # emissions, frames, positions, targets, choices, taken
    places = []
    for problem in problems:
        frames, columns, positions, targets, _ = _size(problem)
        kept = min(block, frames)
        # In a block a path without jumps advances by at most one position a frame.
        width = positions if targets else min(kept + 1, positions)
        a, b, c, d, e, f = at.tolist()
        places.append(
            Place(frames, columns, positions, targets, a, b, c, d, e, width, f)
        )
        at += [frames * columns, frames, positions, targets, kept * width,
               2 * kept * targets]  # fmt: skip
    return tuple(places)


def pack(problems: Sequence[Problem], blank: int, block: int) -> Batch:
    """Return the batch on the device of its emissions."""
    device = problems[0].emissions.device
    places = places_of(problems, block)
    last = places[-1]
    positions = last.position_at + last.positions
    frames = last.frame_at + last.frames
    kept = min(block, last.frames)
    rows = torch.full((2, 2, positions), -torch.inf, dtype=torch.float64, device=device)
    rows[0, 0, [place.position_at for place in places]] = 0.0

    def empty(count: int, dtype: torch.dtype) -> Tensor:
        return torch.empty(count, dtype=dtype, device=device)

    columns = _columns(problems, blank)
    return Batch(
        places=places,
        blank=blank,
        block=block,
        layout=torch.tensor(places, dtype=torch.int64, device=device),
        emissions=torch.cat([problem.emissions.reshape(-1) for problem in problems]),
        **{name: torch.from_numpy(column).to(device) for name, column in columns},
        rows=rows,
        choices=empty(last.choice_at + kept * last.width, torch.uint8),
        taken=empty(last.taken_at + 2 * kept * last.targets, torch.int32),
        tops=empty(2 * len(places), torch.int32).view(-1, 2),
        states=empty(frames, torch.int32),
        jumped=empty(frames, torch.int32),
        # A chapter without frames is not walked, and has a path without states.
        ends=torch.zeros(len(places), dtype=torch.float64, device=device),
    )


def device_bytes(sizes: npt.NDArray[np.int64], block: int) -> npt.NDArray[np.int64]:
    """Return what the first chapter takes, the first two, and so on, in bytes.

    Args:
      sizes: T, C, positions, targets and jumps of each chapter (n, 5), the longest
        chapter first.
      block: K; from T of the longest chapter on there is one block.
    """
    frames, columns, positions, targets, jumps = sizes.T
    kept = np.minimum(block, frames)
    width = np.where(targets > 0, positions, np.minimum(kept + 1, positions))
    blocks = -(-int(frames[0]) // block)
    return np.cumsum(
        frames * (4 * columns + _FRAME_BYTES)
        + positions * (_POSITION_BYTES + _CHECKPOINT_BYTES * blocks)
        + kept * (width + _TAKEN_BYTES * targets)
        + targets * _TARGET_BYTES
        + jumps * _JUMP_BYTES
    )


def sizes_of(problems: Sequence[Problem]) -> npt.NDArray[np.int64]:
    """Return the sizes as ``device_bytes`` takes them."""
    return np.array([_size(problem) for problem in problems], np.int64).reshape(-1, 5)


def _size(problem: Problem) -> tuple[int, int, int, int, int]:
    frames, columns = problem.emissions.shape
    jumps = problem.jumps
    entered = 0 if jumps is None else len(np.unique(jumps.targets))
    count = 0 if jumps is None else len(jumps.targets)
    return frames, columns, len(problem.tokens) + 1, entered, count


def _columns(
    problems: Sequence[Problem], blank: int
) -> list[tuple[str, npt.NDArray[np.generic]]]:
    """Return the tensors of a batch that tell of texts and jumps, as arrays."""
    parts: dict[str, list[npt.NDArray[np.generic]]] = {}
    jumps_before = 0
    for problem in problems:
        columns = _text(problem, blank) | _jumps(problem, jumps_before)
        for name, column in columns.items():
            parts.setdefault(name, []).append(column)
        jumps_before += len(columns["sources"])
    return [(name, np.concatenate(arrays)) for name, arrays in parts.items()]


def _text(problem: Problem, blank: int) -> dict[str, npt.NDArray[np.generic]]:
    tokens, entries = problem.tokens, problem.entries
    words = np.append(4 * tokens, np.int32(4 * blank))
    words[:-1] += 2 * entries.tokens.astype(np.int32)
    words[1:-1] += tokens[1:] == tokens[:-1]
    return {
        "entry_cost": entries.cost,
        "words": words,
        "tolls": np.append(entries.tolls, np.float32(0)),
    }


def _jumps(problem: Problem, before: int) -> dict[str, npt.NDArray[np.generic]]:
    """Return the jumps sorted by target; ``before`` counts those of other chapters."""
    none = np.zeros(0, np.int32)
    jumps = problem.jumps or Jumps(none, none, np.zeros(0, np.float32))
    order = np.argsort(jumps.targets, kind="stable")
    targets, count = np.unique(jumps.targets, return_counts=True)
    after = before + np.cumsum(count)
    row_of = np.full(len(problem.tokens) + 1, -1, np.int32)
    row_of[targets] = np.arange(len(targets))
    return {
        "row_of": row_of,
        "targets": targets.astype(np.int32),
        "first": (after - count).astype(np.int32),
        "after": after.astype(np.int32),
        "sources": jumps.sources[order],
        "numbers": order.astype(np.int32),
        "costs": jumps.costs[order],
    }
