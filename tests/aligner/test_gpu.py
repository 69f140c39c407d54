from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from aligner import gpu_torch
from aligner.batch import Item
from aligner.gpu import align_items_on_gpu, align_on_device, grouped
from aligner.gpu_batch import device_bytes, pack, problem_of, sizes_of
from aligner.graph import checked_jumps
from aligner.viterbi import forced_align
from schemas.errors import AlignmentInfeasible
from tests.aligner.chapters import BLANK, assert_same_paths, of_batch, solvable
from tests.aligner.planted import planted

needs_gpu = pytest.mark.skipif(
    not torch.cuda.is_available(), reason="needs a CUDA device"
)


def problems_of(items):
    return [problem_of(item, BLANK) for item in items]


def sized(frames, length, name=""):
    """Return a problem that has a size and nothing else."""
    tokens = np.resize([1, 2], length)
    item = Item(name, torch.empty(frames, 30, device="meta"), tokens)
    return problem_of(item, 0)


@given(st.integers(0, 1 << 30), st.integers(1, 3), st.none() | st.integers(1, 21))
@settings(max_examples=60)
def test_plain_torch_finds_the_paths_of_the_cpu(seed, count, block_frames):
    items, expected = solvable(np.random.default_rng(seed), count)
    found = align_on_device(
        problems_of(items), BLANK, block_frames=block_frames, kernels=gpu_torch
    )
    assert_same_paths(found, expected)


def test_plain_torch_walks_windows_of_long_chapters():
    emissions, tokens, spoken = planted(700, 150, noise=0.5)
    (path,) = align_on_device(
        [problem_of(Item("", emissions, tokens), 0)], 0, block_frames=60,
        kernels=gpu_torch,
    )  # fmt: skip
    assert path.starts.tolist() == spoken.tolist()


@pytest.mark.parametrize("block", [7, 19, 50])
@pytest.mark.parametrize("seed", range(4))
def test_what_a_batch_takes_is_known_beforehand(seed, block):
    items, _ = solvable(np.random.default_rng(seed), 5)
    items.sort(key=lambda item: -len(item.emissions_TC))
    problems = problems_of(items)
    batch = pack(problems, BLANK, block)
    held = sum(
        value.nbytes
        for value in vars(batch).values()
        if isinstance(value, torch.Tensor)
    )
    blocks = -(-batch.frames // block)
    held += blocks * batch.rows[0].nbytes  # the checkpoints
    # What is looked up at the end: 5 numbers of 64 bits a frame.
    most = held + 5 * 8 * sum(len(item.emissions_TC) for item in items)
    # The layout is 88 bytes a chapter.
    assert most - 200 * len(items) <= device_bytes(sizes_of(problems), block)[-1]
    assert device_bytes(sizes_of(problems), block)[-1] < 2 * most


def test_chapters_fill_launches_from_the_longest_on():
    problems = [sized(frames, 200) for frames in (1000, 3000, 2000)]
    whole = device_bytes(sizes_of([problems[1], problems[2]]), 3000)[-1]
    first, second = grouped(problems, int(whole), programs=1)
    assert (first.members, first.block_frames) == ((1, 2), 3000)
    assert (second.members, second.block_frames) == ((0,), 1000)


def test_no_multiprocessor_idles_while_checkpoints_fit():
    problems = [sized(15_000, 4_000) for _ in range(40)]
    budget = 1 << 30
    groups = grouped(problems, budget, programs=32)
    assert [len(group.members) for group in groups] == [32, 8]
    assert groups[0].block_frames < 15_000
    assert groups[1].block_frames == 15_000  # eight fit with all their choices
    for group in groups:
        sizes = sizes_of([problems[index] for index in group.members])
        assert device_bytes(sizes, group.block_frames)[-1] <= budget


def test_ten_hours_need_a_gigabyte_beside_their_emissions():
    frames, length = 1_800_000, 450_000
    (group,) = grouped([sized(frames, length)], 2 << 30, programs=132)
    sizes = sizes_of([sized(frames, length)])
    needed = device_bytes(sizes, group.block_frames)[-1]
    assert needed - frames * (4 * 30 + 80) < 1.2 * 2**30


def test_a_device_that_is_too_small_is_named():
    problems = [sized(500, 100), sized(15_000, 4_000, "batch[1]: ")]
    with pytest.raises(
        ValueError, match=r"batch\[1\]: 15000 frames x 4000 tokens need"
    ):
        grouped(problems, 1 << 20, programs=4)


def test_chapters_in_several_launches_keep_their_order():
    items, expected = solvable(np.random.default_rng(3), 5)
    problems = problems_of(items)
    budget = int(max(device_bytes(sizes_of([p]), 100)[-1] for p in problems))
    assert len(grouped(problems, budget, programs=1)) > 1
    found = align_on_device(problems, BLANK, memory_bytes=budget, kernels=gpu_torch)
    assert_same_paths(found, expected)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_no_log_probabilities_are_named(value):
    emissions = np.zeros((2, 5, 3), np.float32)
    emissions[1, 3, 2] = value
    items = [Item(f"batch[{k}]: ", e, [1]) for k, e in enumerate(emissions)]
    with pytest.raises(ValueError, match=r"batch\[1\]: .* frame 3, label 2"):
        align_items_on_gpu(items, 0, None, None)


def test_items_that_cannot_be_are_named():
    fine = torch.zeros(3, 4)
    far = checked_jumps([9], [0], [1], 9)
    for bad, error, message in (
        (Item("batch[1]: ", fine, [2, 2, 3]), AlignmentInfeasible, "at least 4"),
        (Item("batch[1]: ", fine, [2, 9]), ValueError, r"tokens\[1\]"),
        (Item("batch[1]: ", fine[None], [2]), ValueError, "shape"),
        (Item("batch[1]: ", fine.to("meta"), [2]), ValueError, "all on cpu"),
        (Item("batch[1]: ", fine, [2], jumps=far), ValueError, r"sources\[0\]: .* 9"),
    ):
        with pytest.raises(error, match=r"batch\[1\]: .*" + message):
            align_items_on_gpu([Item("batch[0]: ", fine, [2]), bad], 0, None, None)


def moved(items, device):
    return [torch.tensor(item.emissions_TC, device=device) for item in items]


@needs_gpu
@pytest.mark.parametrize("block_frames", [None, 1, 16])
def test_a_gpu_finds_the_paths_of_the_cpu(block_frames):
    rng = np.random.default_rng(block_frames)
    items, expected = solvable(rng, 400, frames=200, tokens=60)
    for device in range(torch.cuda.device_count()):
        on_gpu = of_batch(items) | {"emissions_TC": moved(items, f"cuda:{device}")}
        found = forced_align(**on_gpu, blank=BLANK, block_frames=block_frames)
        assert_same_paths(found, expected)


@needs_gpu
def test_a_gpu_aligns_whole_chapters_within_its_budget():
    rng = np.random.default_rng(5)
    emissions = rng.normal(-3, 2, (4, 9_000, 28)).astype(np.float32)
    tokens = [rng.integers(1, 28, length) for length in (3_000, 2_900, 2_500, 4_400)]
    first, second = [1_000, 0, 2_000], [1_200, 1_000, 1_000]
    jumps = [None, checked_jumps(first, second, [3, 3, 3], 2_900), None, None]
    expected = [
        forced_align(e, t, jumps=j, prune=False)
        for e, t, j in zip(emissions, tokens, jumps, strict=True)
    ]
    on_gpu = list(torch.tensor(emissions, device="cuda"))
    assert_same_paths(forced_align(on_gpu, tokens, jumps=jumps), expected)
    budget = 40 << 20
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    found = forced_align(on_gpu, tokens, jumps=jumps, memory_bytes=budget)
    assert_same_paths(found, expected)
    assert torch.cuda.max_memory_allocated() - before < 1.1 * budget


@needs_gpu
def test_a_gpu_without_triton_finds_them_too():
    items, expected = solvable(np.random.default_rng(8), 4)
    on_gpu = [
        replace(item, emissions_TC=emissions)
        for item, emissions in zip(items, moved(items, "cuda"), strict=True)
    ]
    found = align_on_device(problems_of(on_gpu), BLANK, kernels=gpu_torch)
    assert_same_paths(found, expected)
