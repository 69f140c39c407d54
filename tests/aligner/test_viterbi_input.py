"""What ``forced_align`` takes and what it refuses, alone and in batches, on a device.

Tensors on the CPU go through the code for GPUs here: its checks are the same there.
"""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from aligner.batch import Item
from aligner.gpu import align_items_on_gpu
from aligner.graph import Jumps
from aligner.viterbi import forced_align
from schemas.errors import AlignmentInfeasible
from tests.aligner.chapters import assert_same_paths
from tests.aligner.planted import planted

GOOD = {"emissions_TC": np.zeros((5, 3), np.float32), "tokens_L": [1]}


def alone(blank=0, **given):
    return forced_align(**given, blank=blank)


def in_batch(blank=0, **given):
    """Align it after the good one."""
    names = {**GOOD, **given}
    lists = {name: [GOOD.get(name), given.get(name)] for name in names}
    return forced_align(**lists, blank=blank)[1]


def on_device(blank=0, **given):
    emissions = torch.as_tensor(given.pop("emissions_TC"))
    return align_items_on_gpu([Item("", emissions, **given)], blank, None, None)[0]


def jumps(*columns):
    return Jumps(*(np.array(column) for column in columns))


def cell(value, frame=3, label=2):
    emissions = np.zeros((5, 3), np.float32)
    emissions[frame, label] = value
    return emissions


REFUSED = [
    ({"emissions_TC": np.zeros(5)}, r"emissions: expected shape \(T, C\), got \(5,\)"),
    ({"emissions_TC": np.zeros((1, 5, 3))}, r"emissions: .* got \(1, 5, 3\)"),
    ({"emissions_TC": np.zeros((5, 0))}, "emissions: expected a column for each label"),
    ({"emissions_TC": cell(np.nan)}, "emissions: .* nan at frame 3, label 2"),
    ({"emissions_TC": cell(np.inf)}, "emissions: .* inf at frame 3, label 2"),
    ({"emissions_TC": cell(np.nan, 0, 0)}, "emissions: .* nan at frame 0, label 0"),
    ({"emissions_TC": cell(-np.nan, 4, 1)}, "emissions: .* nan at frame 4, label 1"),
    ({"emissions_TC": np.full((5, 3), 1e300)}, "emissions: .* inf at frame 0, label 0"),
    ({"tokens_L": [1, 0]}, r"tokens\[1\]: .* 0 to 2 that is not the blank .* got 0"),
    ({"tokens_L": [1, 3]}, r"tokens\[1\]: expected a label from 0 to 2 .* got 3"),
    ({"tokens_L": [-1]}, r"tokens\[0\]: .* got -1"),
    ({"tokens_L": [2**40]}, r"tokens\[0\]: .* got 1099511627776"),
    ({"tokens_L": np.array([2**63], np.uint64)}, r"tokens\[0\]: .* 9223372036854775"),
    ({"tokens_L": [1.0]}, "tokens: expected integers .* got float64"),
    ({"tokens_L": [True]}, "tokens: expected integers .* got bool"),
    ({"tokens_L": "ab"}, "tokens: expected integers .* got <U2"),
    ({"tokens_L": None}, "tokens: expected integers .* got object"),
    ({"tokens_L": [[1]]}, r"tokens: .* of shape \(1, 1\)"),
    ({"tokens_L": [[1], [1, 2]]}, "tokens: expected an array: .*inhomogeneous"),
    ({"blank": 3}, "blank: expected 0 to 2, got 3"),
    ({"blank": -1}, "blank: expected 0 to 2, got -1"),
    ({"blank": 0.0}, r"blank: expected 0 to 2, got 0\.0"),
    ({"blank": None}, "blank: expected 0 to 2, got None"),
    ({"entry_cost_T": np.zeros(5)}, "both or neither"),
    ({"entry_tokens": [True]}, "both or neither"),
    ({"entry_cost_T": np.zeros(4), "entry_tokens": [True]},
     r"entry_cost_T: expected shape \(5,\), got \(4,\)"),
    ({"entry_cost_T": np.zeros((5, 1)), "entry_tokens": [True]}, r"got \(5, 1\)"),
    ({"entry_cost_T": np.zeros(5), "entry_tokens": [1]}, "entry_tokens: .* got int64"),
    ({"entry_cost_T": np.zeros(5), "entry_tokens": [True, False]},
     r"entry_tokens: expected bool of shape \(1,\), .* \(2,\)"),
    ({"entry_cost_T": [0, np.inf, 0, 0, 0], "entry_tokens": [True]},
     r"entry_cost_T\[1\]: expected a number, got inf"),
    ({"entry_cost_T": ["a"] * 5, "entry_tokens": [True]},
     "entry_cost_T: expected real numbers, got <U1"),
    ({"tolls_L": [np.nan]}, r"tolls_L\[0\]: expected a number, got nan"),
    ({"tolls_L": [0, 0]}, r"tolls_L: expected shape \(1,\), got \(2,\)"),
    ({"tolls_L": [1j]}, "tolls_L: expected real numbers, got complex128"),
    ({"jumps": jumps([5], [0], [0.0])}, r"jumps.sources\[0\]: .* 0 to 1, .* got 5"),
    ({"jumps": jumps([-7], [0], [0.0])}, r"jumps.sources\[0\]: .* 0 to 1, .* got -7"),
    ({"jumps": jumps([0, 0], [1, 2], [0.0, 0.0])}, r"jumps.targets\[1\]: .* got 2"),
    ({"jumps": jumps([0, 1], [1], [0.0])}, "jumps: expected three vectors of one len"),
    ({"jumps": jumps([0], [1], [np.nan])}, r"jumps.costs\[0\]: .* got nan"),
    ({"jumps": ([0], [1], [0.0])}, r"jumps: expected aligner\.graph\.Jumps .* tuple"),
]  # fmt: skip


@pytest.mark.parametrize("align", [alone, in_batch, on_device])
@pytest.mark.parametrize("wrong,message", REFUSED)
def test_what_does_not_fit_is_named(align, wrong, message):
    name = r"^batch\[1\]: " if align is in_batch and "blank" not in wrong else "^"
    if "emissions_TC" in wrong and align is in_batch and wrong["emissions_TC"].ndim < 2:
        return  # no batch then
    align(**GOOD)
    with pytest.raises(ValueError, match=rf"{name}.*{message}"):
        align(**(GOOD | wrong))


@pytest.mark.parametrize(
    "emissions,got",
    [
        (np.zeros((5, 3), complex), "complex128"),
        (np.zeros((5, 3), bool), "bool"),
        (np.zeros((5, 3), "M8[s]"), r"datetime64\[s\]"),
        (np.full((5, 3), None), "object"),
        (None, "object"),
        ("abc", "<U3"),
    ],
)
def test_emissions_are_real_numbers(emissions, got):
    with pytest.raises(
        ValueError, match=f"emissions: expected real numbers, got {got}"
    ):
        forced_align(emissions, [1])


def test_lists_of_several_lengths_are_no_emissions():
    with pytest.raises(ValueError, match=r"emissions: expected an array: .*mogen"):
        forced_align([[0.0, -1.0], [0.0]], [1])


def test_a_block_has_a_frame_or_more():
    for block_frames in (0, -4):
        with pytest.raises(ValueError, match=f"block_frames: .* got {block_frames}"):
            forced_align(**GOOD, block_frames=block_frames)


@pytest.mark.parametrize("align", [alone, in_batch, on_device])
@pytest.mark.parametrize(
    "frames,tokens,message",
    [
        (
            3,
            [1, 1, 2],
            r"3 tokens need at least 4 frames \(.*: 1\), got 3; .*truncated",
        ),
        (4, [2, 2, 2], r"3 tokens need at least 5 frames \(.*: 2\), got 4"),
        (0, [1], "1 tokens need at least 1 frames .* got 0"),
    ],
)
def test_too_few_frames_are_named_with_both_numbers(align, frames, tokens, message):
    emissions = np.zeros((frames, 3), np.float32)
    with pytest.raises(AlignmentInfeasible, match=message):
        align(emissions_TC=emissions, tokens_L=tokens)
    needed = frames + 1
    emissions = np.zeros((needed, 3), np.float32)
    path = align(emissions_TC=emissions, tokens_L=tokens)
    assert len(path.frames) == needed


@pytest.mark.parametrize("align", [alone, in_batch, on_device])
@pytest.mark.parametrize("tokens", [[1, 2], []])
def test_emissions_of_probability_zero_are_infeasible(align, tokens):
    emissions = np.full((4, 3), -np.inf, np.float32)
    with pytest.raises(AlignmentInfeasible, match="probability 0"):
        align(emissions_TC=emissions, tokens_L=tokens)


@pytest.mark.parametrize("align", [alone, in_batch, on_device])
def test_nothing_in_no_time_is_a_path(align):
    path = align(emissions_TC=np.zeros((0, 3), np.float32), tokens_L=[])
    assert path.frames.shape == path.starts.shape == (0,)
    assert path.score == 0


@pytest.mark.parametrize("prune", [None, True, False])
def test_without_frames_or_tokens_there_is_nothing_to_prune(prune):
    for frames in (0, 3):
        emissions = np.full((frames, 3), -1, np.float32)
        path = forced_align(emissions, [], prune=prune)
        assert path.frames.tolist() == [0] * frames
        assert path.score == -frames


def strided(emissions, kind):
    """Return the same numbers, laid out otherwise."""
    if kind == "by columns":
        return np.asfortranarray(emissions)
    if kind == "backwards":
        return emissions[::-1].copy()[::-1]
    if kind == "every second":
        wide = np.full((2 * len(emissions), 2 * emissions.shape[1]), np.nan, "f4")
        wide[::2, ::2] = emissions
        return wide[::2, ::2]
    emissions.flags.writeable = False
    return emissions


@pytest.mark.parametrize("kind", ["by columns", "backwards", "every second", "const"])
def test_arrays_may_be_read_only_and_strided(kind):
    emissions, tokens, spoken = planted(200, 30, noise=0.5)
    own = strided(emissions, kind)
    assert (
        forced_align(own, tokens[::-1].copy()[::-1]).starts.tolist() == spoken.tolist()
    )


TOKENS = [np.int8, np.uint8, np.int16, np.int32, np.int64, np.uint64, list, torch.int64]


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from([torch.float64, torch.float32, torch.float16, torch.bfloat16]),
    st.booleans(),
    st.booleans(),
    st.sampled_from(TOKENS),
)
def test_tensors_of_any_float_and_tokens_of_any_integer_are_one_path(
    dtype, with_grad, transposed, token_type
):
    emissions, tokens, _ = planted(60, 9)
    tensor = torch.tensor(emissions).to(dtype)
    same = tensor.float().numpy()
    if transposed:
        tensor = tensor.T.contiguous().T
    tensor.requires_grad_(with_grad)
    if token_type is list:
        given_tokens = tokens.tolist()
    elif token_type is torch.int64:
        given_tokens = torch.tensor(tokens)
    else:
        given_tokens = tokens.astype(token_type)
    flags, cost, tolls = np.arange(9) % 2 == 0, np.arange(60.0), np.arange(9)
    path = alone(
        emissions_TC=same, tokens_L=tokens, entry_cost_T=cost, entry_tokens=flags,
        tolls_L=tolls,
    )  # fmt: skip
    others = [
        align(
            emissions_TC=tensor,
            tokens_L=given_tokens,
            entry_cost_T=torch.tensor(cost),
            entry_tokens=flags.tolist(),
            tolls_L=tolls.tolist(),
        )
        for align in (alone, in_batch, on_device)
    ]
    assert_same_paths(others, [path] * 3)
