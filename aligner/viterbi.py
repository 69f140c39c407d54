"""Exact forced alignment: the best CTC path of a text through the emissions.

Shapes: T frames, C labels, L tokens. A path is in one state at every frame. Position j,
0 <= j <= L, has two states: the blank before token j (j = L: the blank after the last
token), and token j itself. They are kept in two rows, so that the inner loop runs over
contiguous memory without a branch. Jumps (``aligner.graph``) are few and are added
frame by frame after that loop.
"""

import functools
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Unpack, overload

import numpy.typing as npt

from aligner.batch import BatchOptions, Item, align_items, is_batch, items_of
from aligner.beam import best_states_in_beam
from aligner.full import best_states, block_frames_of
from aligner.graph import Jumps, jumps_of_line
from aligner.lattice import lattice_of
from aligner.path import (
    AlignmentPath,
    FloatArray,
    checked_emissions,
    checked_entries,
    checked_tokens,
    path_from_states,
)

if TYPE_CHECKING:
    import torch

# Below so many cells the full lattice takes a millisecond.
_LEAST_PRUNED = 1 << 21


@overload
def forced_align(
    emissions_TC: "list[FloatArray] | list[torch.Tensor]",
    tokens_L: Sequence[Any],
    blank: int = 0,
    **options: Unpack[BatchOptions],
) -> list[AlignmentPath]: ...


@overload
def forced_align(
    emissions_TC: "npt.ArrayLike | torch.Tensor",
    tokens_L: "npt.ArrayLike | torch.Tensor",
    blank: int = 0,
    *,
    entry_cost_T: npt.ArrayLike | None = None,
    entry_tokens: npt.ArrayLike | None = None,
    tolls_L: npt.ArrayLike | None = None,
    jumps: Jumps | None = None,
    prune: bool | None = None,
    block_frames: int | None = None,
    memory_bytes: int | None = None,
) -> AlignmentPath: ...


def forced_align(
    emissions_TC: Any,
    tokens_L: Any,
    blank: int = 0,
    *,
    entry_cost_T: Any = None,
    entry_tokens: Any = None,
    tolls_L: Any = None,
    jumps: Any = None,
    prune: bool | None = None,
    block_frames: int | None = None,
    memory_bytes: int | None = None,
    threads: int = 1,
) -> AlignmentPath | list[AlignmentPath]:
    """Return the most probable CTC path of the tokens through the emissions.

    Every token takes one frame or more, in order. Blanks between tokens are optional,
    but two equal neighbours (also two stars) need at least one between them. The path
    may begin and end in blank or in a token. A star is a column like any other, which
    the caller appends.

    Where paths are equally probable, the choice is made from the last frame backwards:
    the path ends in blank rather than in the last token; before each state, it stayed
    there rather than came from the state before, and came from the blank rather than
    from the token before that, and that rather than by a jump, the first of several.

    Scores are summed in float64: over an hour float32 would lose the third decimal, and
    with it the better of two near paths.

    A CUDA tensor is aligned on its device. Lists of emissions and tokens, and of what
    else is given for each, are aligned as a batch: on a GPU side by side, on the CPU
    one after the other or in threads. The path is the same everywhere.

    Args:
      emissions_TC: log-probabilities (natural log), shape (T, C), numpy or torch; used
        as float32. -inf is allowed. Or a list of them, all on one device.
      tokens_L: label ids without blanks, shape (L,).
      blank: column of the blank.
      entry_cost_T: cost (nats) of entering a flagged token at frame t, shape (T,); paid
        once, in the token's first frame, also when that is frame 0.
      entry_tokens: bool, shape (L,): the flagged tokens.
      tolls_L: cost (nats) of entering each token at any frame, shape (L,), paid once.
      jumps: what may be left out or read again; see ``aligner.graph.checked_jumps``.
      prune: leave states out that provably lie on no best path (``aligner.beam``);
        None does so where it pays. Texts with jumps, and what lies on a GPU, are never
        pruned.
      block_frames: frames between checkpoints; None chooses by the size.
      memory_bytes: what may be used of a GPU's memory beside the emissions themselves;
        None takes most of what is free.
      threads: how many items of a batch are aligned side by side on the CPU.

    Returns:
      The path, or a list of them. A text with jumps need not be read as a whole.

    Raises:
      AlignmentInfeasible: there are fewer frames than tokens and repeats, or every path
        has probability 0.
      ValueError: shapes do not fit, a token is blank or no column, a jump leaves the
        text, a value is NaN or +inf, a GPU is too small. Both name the item of a batch.
    """
    if block_frames is not None and block_frames < 1:
        raise ValueError(f"block_frames: expected 1 or more, got {block_frames}")
    items = items_of(
        emissions_TC, tokens_L, entry_cost_T=entry_cost_T, entry_tokens=entry_tokens,
        tolls_L=tolls_L, jumps=jumps,
    )  # fmt: skip
    if any(item.is_on_gpu for item in items):
        from aligner.gpu import align_items_on_gpu

        paths = align_items_on_gpu(items, blank, block_frames, memory_bytes)
    else:
        align = functools.partial(
            _align_on_cpu, blank=blank, prune=prune, block_frames=block_frames
        )
        paths = align_items(items, align, threads)
    return paths if is_batch(emissions_TC) else paths[0]


def _align_on_cpu(
    item: Item, *, blank: int, prune: bool | None, block_frames: int | None
) -> AlignmentPath:
    emissions = checked_emissions(item.emissions_TC)
    tokens = checked_tokens(item.tokens_L, emissions, blank, whole=item.jumps is None)
    shape = (len(emissions), len(tokens))
    entries = checked_entries(item.entry_cost_T, item.entry_tokens, item.tolls_L, shape)
    jumps = jumps_of_line(item.jumps, len(tokens))
    lattice = lattice_of(emissions, tokens, blank, entries, jumps)
    if prune is None:
        prune = shape[0] * shape[1] >= _LEAST_PRUNED
    if prune and lattice.is_line and lattice.frames:
        found = best_states_in_beam(lattice)
        if found is not None:
            states, share = found
            path = path_from_states(emissions, tokens, blank, states, entries)
            return replace(path, computed_share=share)
    block = block_frames_of(lattice) if block_frames is None else block_frames
    states, jumped = best_states(lattice, block)
    return path_from_states(
        emissions, tokens, blank, states, entries, (jumped, lattice.jumps.costs)
    )
