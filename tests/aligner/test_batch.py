import numpy as np
import pytest
import torch

from aligner.viterbi import forced_align
from schemas.errors import AlignmentInfeasible
from tests.aligner.chapters import BLANK, assert_same_paths, solvable


@pytest.mark.parametrize("threads", [1, 2])
def test_a_list_is_aligned_item_by_item(threads):
    items, expected = solvable(np.random.default_rng(1), 6)
    found = forced_align(
        [item.emissions_TC for item in items],
        [item.tokens_L for item in items],
        BLANK,
        entry_cost_T=[item.entry_cost_T for item in items],
        entry_tokens=[item.entry_tokens for item in items],
        tolls_L=[item.tolls_L for item in items],
        jumps=[item.jumps for item in items],
        threads=threads,
    )
    assert_same_paths(found, expected)


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
    ],
)
def test_what_is_given_for_a_batch_has_its_length(options, message):
    given = {"emissions_TC": [np.zeros((3, 3), np.float32)] * 2, "tokens_L": [[1], [1]]}
    assert len(forced_align(**given)) == 2
    with pytest.raises(ValueError, match=message):
        forced_align(**(given | options))
