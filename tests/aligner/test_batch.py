import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from aligner.graph import checked_jumps
from aligner.viterbi import forced_align
from schemas.errors import AlignmentInfeasible
from tests.aligner.chapters import (
    BLANK,
    arguments,
    assert_same_paths,
    of_batch,
    solvable,
)


@given(
    st.integers(0, 1 << 30),
    st.integers(0, 6),
    st.integers(1, 3),
    st.booleans(),
    st.none() | st.integers(1, 21),
)
@settings(max_examples=30, deadline=None)
def test_a_batch_has_the_paths_of_its_items_alone(
    seed, count, threads, prune, block_frames
):
    items, expected = solvable(np.random.default_rng(seed), count)
    options = {"blank": BLANK, "prune": prune, "block_frames": block_frames}
    found = forced_align(**of_batch(items), **options, threads=threads)
    assert_same_paths(found, expected)
    alone = [forced_align(**arguments(item), **options) for item in items]
    assert_same_paths(found, alone)


def test_tensors_and_tuples_make_a_batch_too():
    emissions = torch.zeros(4, 3)
    paths = forced_align((emissions, emissions[:2].numpy()), ([1, 2], [2]))
    assert [path.frames.tolist() for path in paths] == [[1, 2, 0, 0], [2, 0]]
    assert forced_align([], []) == []


def test_emissions_as_lists_of_rows_are_one_alignment():
    rows = [[0.0, -1.0], [-1.0, 0.0]]
    assert forced_align(rows, [1]).frames.tolist() == [0, 1]
    assert forced_align([np.array(row) for row in rows], [1]).frames.tolist() == [0, 1]


def test_the_infeasible_item_is_named():
    emissions = [np.zeros((2, 3), np.float32)] * 3
    for threads in (1, 2):
        with pytest.raises(AlignmentInfeasible, match=r"^batch\[1\]: 3 tokens need"):
            forced_align(emissions, [[1], [1, 2, 1], [2]], threads=threads)
        with pytest.raises(ValueError, match=r"^batch\[2\]: tokens\[0\]"):
            forced_align(emissions, [[1], [1], [7]], threads=threads)


@pytest.mark.parametrize(
    "options,message",
    [
        ({"tokens_L": [[1]]}, "tokens_L: expected a list of 2, .* got 1"),
        ({"tokens_L": np.ones((2, 1), int)}, "tokens_L: .* got ndarray"),
        ({"tolls_L": np.zeros(1)}, "tolls_L: .* got ndarray"),
        ({"jumps": [None] * 3}, "jumps: .* got 3"),
        ({"jumps": checked_jumps([0], [1], [0], 1)}, "jumps: .* got Jumps"),
        ({"entry_cost_T": [None]}, "entry_cost_T: .* got 1"),
        ({"emissions_TC": []}, "tokens_L: expected a list of 0, .* got 2"),
        ({"threads": 0}, "threads: expected 1 or more, got 0"),
    ],
)
def test_what_is_given_for_a_batch_has_its_length(options, message):
    given = {"emissions_TC": [np.zeros((3, 3), np.float32)] * 2, "tokens_L": [[1], [1]]}
    assert len(forced_align(**given)) == 2
    with pytest.raises(ValueError, match=message):
        forced_align(**(given | options))
