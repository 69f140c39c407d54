"""Tests of the Triton kernel without a GPU: run with TRITON_INTERPRET=1.

``test_gpu_kernel`` runs them in a process of its own, because the interpreter has to be
chosen before triton is imported.
"""

from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import triton

from aligner import gpu_kernel, gpu_torch
from aligner.batch import Item
from aligner.gpu import align_on_device
from aligner.gpu_batch import problem_of
from schemas.errors import AlignmentInfeasible
from tests.aligner.chapters import BLANK, assert_same_paths, solvable

# So small that chapters have several chunks of positions and of targets.
SMALL = SimpleNamespace(
    advance=partial(gpu_kernel.advance, positions_at_once=4, targets_at_once=2),
    trace=gpu_kernel.trace,
)


def align(items, **options):
    problems = [problem_of(item, BLANK) for item in items]
    return align_on_device(problems, BLANK, **({"kernels": SMALL} | options))


def test_the_interpreter_is_on():
    assert triton.knobs.runtime.interpret


@pytest.mark.parametrize("seed", range(5))  # a second each: few and small
@pytest.mark.parametrize("block_frames", [None, 5])
def test_a_batch_has_the_paths_of_the_cpu(seed, block_frames):
    items, expected = solvable(np.random.default_rng(seed), 4, frames=14)
    assert_same_paths(align(items, block_frames=block_frames), expected)


@pytest.mark.parametrize("block_frames", [1, 2])
def test_short_blocks_change_nothing(block_frames):
    items, expected = solvable(np.random.default_rng(77), 3, frames=10)
    assert_same_paths(align(items, block_frames=block_frames), expected)


def test_alone_is_as_in_a_batch():
    items, expected = solvable(np.random.default_rng(78), 2)
    assert_same_paths([align([item])[0] for item in items], expected)


def test_sizes_as_on_a_gpu():
    items, expected = solvable(np.random.default_rng(79), 2, frames=40, tokens=15)
    assert_same_paths(align(items, kernels=gpu_kernel), expected)
    assert_same_paths(align(items, kernels=gpu_kernel, block_frames=13), expected)


@pytest.mark.parametrize("kernels", [SMALL, gpu_torch])
@pytest.mark.parametrize("block_frames", [None, 3])
def test_a_text_of_probability_zero_is_named(kernels, block_frames):
    good, bad = np.zeros((2, 9, 4), np.float32)
    bad[:, 2] = -np.inf
    items = [Item("batch[0]: ", good, [0, 2]), Item("batch[1]: ", bad, [0, 2, 3])]
    with pytest.raises(AlignmentInfeasible, match=r"batch\[1\]: every path of 3"):
        align(items, kernels=kernels, block_frames=block_frames)


def test_nothing_to_say_and_no_frames():
    items = [
        Item("", np.full((3, 4), -1, np.float32), []),
        Item("", np.zeros((0, 4), np.float32), []),
    ]
    said, silent = align(items)
    assert said.frames.tolist() == [BLANK] * 3
    assert said.score == -3
    assert silent.frames.shape == (0,)


def test_chapters_may_differ_in_their_labels():
    problems = [torch.zeros(5, columns) for columns in (3, 9)]
    items = [Item("", emissions, [2, 0]) for emissions in problems]
    for path in align(items):
        assert path.frames.tolist() == [2, 0, 1, 1, 1]
