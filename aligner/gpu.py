"""Exact alignment on a GPU: many chapters at once, within the device's memory.

Each chapter is walked by one program of the kernel, so that a batch keeps as many
multiprocessors busy as it has chapters. How every state was entered (a byte a position
and frame) is kept while it fits. Else only the rows at every K-th frame are, and the
trace-back computes the choices of one block of K frames at a time again, as on the CPU:
about twice the time, and memory that grows with the text instead of text x frames.
"""

import importlib.util
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from aligner.batch import Item, naming
from aligner.gpu_batch import Batch, Problem, device_bytes, pack, problem_of, sizes_of
from aligner.graph import jumps_of_line
from aligner.path import (
    AlignmentPath,
    impossible,
    labels_of_states,
    no_log_prob,
    path_from_heard,
)
from schemas.errors import AlignmentInfeasible

# The rest is for the allocator's rounding and for whatever else uses the device.
_SHARE_OF_FREE_MEMORY = 0.8
_HOST_BYTES = 1 << 30  # tensors on the CPU, where this code serves as a check only
_LEAST_BLOCK_FRAMES = 64  # below it launching a block takes longer than computing it


class Kernels(Protocol):
    """``aligner.gpu_kernel`` or ``aligner.gpu_torch``."""

    def advance(self, batch: Batch, begin: int, end: int, *, keep: bool) -> None:
        """Move the rows through a block of frames."""

    def trace(self, batch: Batch, begin: int, end: int) -> None:
        """Follow the choices of the block back."""


@dataclass(frozen=True)
class Group:
    """Chapters that are aligned in one launch."""

    members: tuple[int, ...]
    """Which of the batch they are."""
    block_frames: int
    """Frames between checkpoints."""


def align_items_on_gpu(
    items: Sequence[Item],
    blank: int,
    block_frames: int | None,
    memory_bytes: int | None,
) -> list[AlignmentPath]:
    """Align all items on the device where their emissions are.

    Raises:
      AlignmentInfeasible: as ``forced_align`` does, with the item's name.
      ValueError: likewise; or the emissions are on several devices.
    """
    problems = []
    for item in items:
        with naming(item.name):
            problem = problem_of(item, blank)
            jumps = jumps_of_line(item.jumps, len(problem.tokens))
            problems.append(replace(problem, jumps=jumps))
            devices = [problem.emissions.device for problem in problems]
            if devices[-1] != devices[0]:
                raise ValueError(
                    f"emissions: expected all on {devices[0]}, like the first, got "
                    f"{devices[-1]}"
                )
    return align_on_device(
        problems, blank, block_frames=block_frames, memory_bytes=memory_bytes
    )


def align_on_device(
    problems: Sequence[Problem],
    blank: int,
    *,
    block_frames: int | None = None,
    memory_bytes: int | None = None,
    kernels: Kernels | None = None,
) -> list[AlignmentPath]:
    """Return the best path of each problem; all emissions are on one device.

    Args:
      problems: what is to be aligned.
      blank: column of the blank.
      block_frames: frames between checkpoints; None chooses by the memory.
      memory_bytes: what may be used of the device's memory beside the emissions that
        are there; None takes most of what is free.
      kernels: what walks the frames; None takes Triton where it is installed.

    Raises:
      AlignmentInfeasible: every path of a problem has probability 0.
      ValueError: a value is NaN or +inf, or one problem alone needs more memory.
    """
    if not problems:
        return []
    device = problems[0].emissions.device
    budget = _free_bytes(device) if memory_bytes is None else memory_bytes
    kernels = _installed(device) if kernels is None else kernels
    paths: dict[int, AlignmentPath] = {}
    with _on(device):
        _check(problems)
        for group in grouped(problems, budget, _programs(device), block_frames):
            members = [problems[index] for index in group.members]
            batch = pack(members, blank, group.block_frames)
            _align(batch, kernels)
            paths |= zip(group.members, _paths(batch, members), strict=True)
    return [paths[index] for index in range(len(problems))]


def grouped(
    problems: Sequence[Problem],
    budget: int,
    programs: int,
    block_frames: int | None = None,
) -> list[Group]:
    """Distribute problems over launches, the longest chapters first.

    A launch takes as many as fit with all their choices. Should these leave
    multiprocessors idle, it takes more of them with checkpoints.

    Args:
      problems: what is to be aligned.
      budget: bytes.
      programs: how many chapters the device can walk at the same time.
      block_frames: frames between checkpoints, if they are prescribed.

    Raises:
      ValueError: one problem alone needs more memory.
    """
    sizes = sizes_of(problems)
    order = np.argsort(-sizes[:, 0], kind="stable")
    groups = []
    while len(order):
        count, block = _most(sizes[order], budget, programs, block_frames)
        if not count:
            problem = problems[order[0]]
            least = device_bytes(sizes[order[:1]], block)[0]
            raise ValueError(
                f"{problem.name}{sizes[order[0], 0]} frames x {len(problem.tokens)} "
                f"tokens need {least / 2**20:,.0f} MiB on {problem.emissions.device}, "
                f"expected at most {budget / 2**20:,.0f} MiB; free some memory or "
                "align on the CPU"
            )
        groups.append(Group(tuple(order[:count].tolist()), block))
        order = order[count:]
    return groups


def _most(
    sizes: npt.NDArray[np.int64], budget: int, programs: int, block_frames: int | None
) -> tuple[int, int]:
    """Return how many of the first chapters fit one launch, and its block of frames."""
    whole = max(1, int(sizes[0, 0]))
    if block_frames is not None:
        return _fitting(sizes, budget, min(block_frames, whole)), block_frames
    count = _fitting(sizes, budget, whole)
    if count >= min(programs, len(sizes)):
        return count, whole
    blocks = [whole]
    while blocks[-1] > _LEAST_BLOCK_FRAMES:
        blocks.append(blocks[-1] // 2)
    count = max(_fitting(sizes, budget, block) for block in blocks)
    count = min(count, programs)
    return count, min(blocks, key=lambda k: device_bytes(sizes[: count or 1], k)[-1])


def _fitting(sizes: npt.NDArray[np.int64], budget: int, block: int) -> int:
    return int(np.searchsorted(device_bytes(sizes, block), budget, side="right"))


def _align(batch: Batch, kernels: Kernels) -> None:
    """Fill the states of the best paths."""
    block, frames = batch.block, batch.frames
    last = max(0, -(-frames // block) - 1)
    checkpoints = batch.rows.new_empty((last + 1, *batch.rows.shape[1:]))
    checkpoints[0] = batch.rows[0]
    for index in range(last):
        end = (index + 1) * block
        kernels.advance(batch, end - block, end, keep=False)
        checkpoints[index + 1] = batch.rows[end % 2]
    for index in range(last, -1, -1):
        begin = index * block
        batch.rows[begin % 2] = checkpoints[index]
        kernels.advance(batch, begin, begin + block, keep=True)
        kernels.trace(batch, begin, begin + block)


def _paths(batch: Batch, problems: Sequence[Problem]) -> list[AlignmentPath]:
    """Return the paths of the states that were found.

    Raises:
      AlignmentInfeasible: every path of a problem has probability 0.
    """
    for problem, end in zip(problems, batch.ends.tolist(), strict=True):
        if end == -np.inf:
            error = impossible(len(problem.emissions), len(problem.tokens))
            raise AlignmentInfeasible(f"{problem.name}{error}")
    heard, states, jumped = (
        values.cpu().numpy() for values in (_heard(batch), batch.states, batch.jumped)
    )
    paths = []
    for place, problem in zip(batch.places, problems, strict=True):
        own = slice(place.frame_at, place.frame_at + place.frames)
        labels = labels_of_states(states[own], problem.tokens, batch.blank)
        taken = None
        if problem.jumps is not None:
            taken = jumped[own], problem.jumps.costs
        paths.append(
            path_from_heard(
                heard[own], problem.tokens, labels, states[own], problem.entries, taken
            )
        )
    return paths


def _heard(batch: Batch) -> Tensor:
    """Return the log-probability of the path's label at each frame (all T,)."""
    frames, columns, _, _, emission_at, frame_at, position_at = batch.layout.T[:7]
    spread = torch.repeat_interleave(frames)
    states = batch.states.long()
    label = batch.words[position_at[spread] + (states >> 1)].long() >> 2
    label = torch.where(states & 1 != 0, label, batch.blank)
    t = torch.arange(len(states), device=states.device) - frame_at[spread]
    return batch.emissions[emission_at[spread] + t * columns[spread] + label]


def _check(problems: Sequence[Problem]) -> None:
    """Refuse NaN and +inf, looking at all problems before waiting for the device.

    Raises:
      ValueError: there is one.
    """
    filled = [problem for problem in problems if problem.emissions.numel()]
    if not filled:
        return
    largest = [problem.emissions.amax() for problem in filled]
    for problem, value in zip(filled, torch.stack(largest).tolist(), strict=True):
        if not value < np.inf:
            wrong = torch.nonzero(~(problem.emissions < torch.inf))[0].tolist()
            error = no_log_prob(float(problem.emissions[*wrong]), *wrong)
            raise ValueError(f"{problem.name}{error}")


def _installed(device: torch.device) -> Kernels:
    """Return what walks the frames fastest; Triton is there on Linux only."""
    if device.type == "cuda" and importlib.util.find_spec("triton") is not None:
        from aligner import gpu_kernel

        return gpu_kernel
    from aligner import gpu_torch

    return gpu_torch


def _on(device: torch.device) -> AbstractContextManager[object]:
    """Make a CUDA device the current one: kernels are launched there."""
    return torch.cuda.device(device) if device.type == "cuda" else nullcontext()


def _free_bytes(device: torch.device) -> int:
    if device.type != "cuda":
        return _HOST_BYTES
    free, _ = torch.cuda.mem_get_info(device)
    # What the allocator holds without using it is free for us too.
    held = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return int((free + held) * _SHARE_OF_FREE_MEMORY)


def _programs(device: torch.device) -> int:
    """Return how many chapters the device walks at the same time."""
    if device.type != "cuda":
        return 1
    return int(torch.cuda.get_device_properties(device).multi_processor_count)
