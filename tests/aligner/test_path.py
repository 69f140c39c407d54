import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from aligner.path import (
    as_array,
    checked_emissions,
    checked_entries,
    checked_tokens,
    path_from_spans,
    path_from_states,
)
from schemas.errors import AlignmentInfeasible


@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.integers(1, 4), st.booleans()), max_size=9
    ),
    st.integers(0, 3),
)
def test_path_from_spans_fills_the_gaps_with_blank(rows, rest):
    """Rows are: blanks before the token, frames of the token, has an entry cost."""
    labels, starts, ends = [], [], []
    tokens = [1 + j % 3 for j in range(len(rows))]
    for token, (gap, length, _) in zip(tokens, rows, strict=True):
        labels += [0] * gap
        starts.append(len(labels))
        labels += [token] * length
        ends.append(len(labels))
    labels += [0] * rest
    rng = np.random.default_rng(len(labels))
    emissions = rng.normal(size=(len(labels), 4)).astype(np.float32)
    cost = rng.normal(size=len(labels)).astype(np.float32)
    flags = np.array([flag for _, _, flag in rows], bool)
    spans = np.array([starts, ends], np.int32)
    text, entries = (
        np.array(tokens, np.int32),
        checked_entries(cost, flags, None, (len(labels), len(tokens))),
    )
    states = np.zeros(len(labels), np.int32)
    for token, (start, end) in enumerate(zip(starts, ends, strict=True)):
        states[start:end] = 2 * token + 1
    path = path_from_states(emissions, text, 0, states, entries)
    plain = path_from_spans(emissions, text, 0, tuple(spans))
    assert path.frames.tolist() == plain.frames.tolist()
    assert path.frames.tolist() == labels
    assert (path.starts.tolist(), path.ends.tolist()) == (starts, ends)
    score = sum(float(emissions[t, label]) for t, label in enumerate(labels))
    paid = sum(float(cost[t]) for t, flag in zip(starts, flags, strict=True) if flag)
    assert path.score == pytest.approx(score - paid, abs=1e-9)


def test_a_path_of_probability_zero_is_infeasible():
    emissions = np.array([[0, -np.inf]], np.float32)
    one = np.ones(1, np.int32)
    with pytest.raises(AlignmentInfeasible, match="1 tokens through 1 frames"):
        path_from_spans(emissions, one, 0, (one - 1, one))


def test_good_emissions_are_not_copied():
    emissions = np.zeros((5, 3), np.float32)
    assert checked_emissions(emissions) is emissions
    assert checked_emissions(emissions.astype(np.float64)).dtype == np.float32
    assert checked_emissions(emissions[:, ::-1]).flags.c_contiguous
    emissions[0, 0] = -np.inf
    assert checked_emissions(emissions) is emissions


def test_a_tensor_is_seen_not_copied():
    tensor = torch.zeros(5, 3, requires_grad=True)
    assert np.shares_memory(as_array("", tensor), tensor.detach().numpy())
    assert as_array("", torch.zeros(2, dtype=torch.bfloat16)).dtype == np.float32
    assert as_array("", torch.ones(2, dtype=torch.int64)).dtype == np.int64


def test_repeats_need_a_frame_more():
    tokens = [1, 1, 2, 2]
    with pytest.raises(
        AlignmentInfeasible, match=r"4 tokens .* 6 frames .*: 2\), got 5"
    ):
        checked_tokens(tokens, np.zeros((5, 3), np.float32), 0)
    found = checked_tokens(tokens, np.zeros((6, 3), np.float32), 0)
    assert found.tolist() == tokens
    assert found.dtype == np.int32


def test_entry_costs_come_in_pairs():
    free = checked_entries(None, None, None, (3, 1))
    assert (free.cost.tolist(), free.tolls.tolist()) == ([0, 0, 0], [0])
    assert free.tokens.tolist() == [False]
    entries = checked_entries([1, 2, 3], [True], [4], (3, 1))
    assert entries.cost.dtype == entries.tolls.dtype == np.float32
    assert entries.tokens.tolist() == [True]
    with pytest.raises(ValueError, match="both or neither"):
        checked_entries(None, [True], None, (3, 1))
    with pytest.raises(ValueError, match=r"tolls_L: expected shape \(1,\), got \(2,\)"):
        checked_entries(None, None, [1, 2], (3, 1))
    with pytest.raises(ValueError, match=r"tolls_L\[0\]: expected a number, got inf"):
        checked_entries(None, None, [np.inf], (3, 1))
