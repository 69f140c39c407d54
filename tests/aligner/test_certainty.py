"""How sure a model is, against an enumeration of everything that it could hear."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rapidfuzz.distance import Levenshtein

from aligner.certainty import certainty_of, is_feasible

BLANK, SEPARATOR = 0, 3


def log_probs(rows) -> np.ndarray:
    rows = np.array(rows, np.float32)
    return np.log(rows / rows.sum(axis=1, keepdims=True))


def spelled(path) -> str:
    letters = [key for key, _ in itertools.groupby(path)]
    return "".join(chr(k) for k in letters if k not in (BLANK, SEPARATOR))


def exact_cer(log_probs_TC: np.ndarray) -> float:
    """Mean edits over all paths, each by its probability."""
    probs = np.exp(log_probs_TC.astype(np.float64))
    best = spelled(log_probs_TC.argmax(axis=1))
    frames, columns = probs.shape
    edits = 0.0
    for path in itertools.product(range(columns), repeat=frames):
        share = float(np.prod(probs[range(frames), path]))
        edits += share * Levenshtein.distance(best, spelled(path))
    return edits / max(1, len(best))


@pytest.mark.parametrize(
    "rows",
    [
        [[1, 5, 2, 1], [6, 1, 1, 1], [1, 3, 4, 1], [2, 2, 1, 3]],
        [[8, 1, 1, 1]] * 4,  # nothing, most likely
        [[1, 8, 1, 1], [1, 8, 1, 1], [1, 8, 1, 1]],
    ],
)
def test_draws_agree_with_all_paths(rows):
    logs = log_probs(rows)
    found = [
        certainty_of(logs, BLANK, (SEPARATOR,), seed).sampled_cer for seed in range(400)
    ]
    # 400 times 16 draws of a few edits each.
    assert np.mean(found) == pytest.approx(exact_cer(logs), abs=0.04)


def test_a_sure_model_has_no_doubt_and_the_same_seed_says_the_same():
    sure = log_probs([[1, 1e6, 1, 1], [1e6, 1, 1, 1], [1, 1, 1e6, 1]])
    found = certainty_of(sure, BLANK, (SEPARATOR,), 1)
    assert found.sampled_cer == 0.0
    assert found.posterior == pytest.approx(1.0, abs=1e-4)
    open_ = log_probs([[1, 2, 1, 1]] * 30)
    first, again, other = (certainty_of(open_, BLANK, (), seed) for seed in (7, 7, 8))
    assert first == again
    assert first.sampled_cer != other.sampled_cer


def test_what_is_not_allowed_is_not_drawn():
    closed = log_probs([[1, 8, 4, 4]] * 12)
    closed[:, 2:] = -np.inf
    without = log_probs([[1, 8, 4, 4]] * 12)[:, :2]
    found = certainty_of(closed, BLANK, (), 3)
    assert found.sampled_cer == certainty_of(without, BLANK, (), 3).sampled_cer


def test_silence_has_no_posterior():
    found = certainty_of(log_probs([[9, 1, 1, 1]] * 5), BLANK, (), 1)
    assert np.isnan(found.posterior)


@given(st.lists(st.integers(1, 2), max_size=4), st.integers(0, 5))
def test_feasible_is_what_some_path_spells(columns, frames):
    paths = itertools.product(range(3), repeat=frames)
    spelt = (
        [key for key, _ in itertools.groupby(path) if key != BLANK] for path in paths
    )
    some = any(found == columns for found in spelt)
    assert is_feasible(np.array(columns, np.int64), frames) == some
