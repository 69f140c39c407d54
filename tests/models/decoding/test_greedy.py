import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.decoding.greedy import collapsed, decoded_columns, greedy_text
from models.vocabulary import Vocabulary

WITH_WORDS = Vocabulary(("<s>", "", "a", "|", "b", "<unk>"), 1, 3)
JOINED = Vocabulary(("", "a", "b", "c"), 0, None)


def peaks(best, columns: int) -> np.ndarray:
    return np.log(np.eye(columns)[np.array(best, int).reshape(-1)] * 0.9 + 0.02)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ([], ""),
        ([1, 1], ""),
        ([2, 2, 1, 2, 4], "aab"),
        ([3, 2, 3, 3, 1, 3, 4, 3], "a b"),
        ([2, 3, 2], "a a"),
    ],
)
def test_repeats_blanks_and_separators(path, text):
    assert greedy_text(peaks(path, 6), WITH_WORDS) == text


def test_special_tokens_are_never_written():
    log_probs_TC = np.log(np.array([[0.5, 0.1, 0.3, 0.02, 0.03, 0.05]]))
    assert greedy_text(log_probs_TC, WITH_WORDS) == "a"


def test_only_allowed_letters_compete():
    log_probs_TC = np.log([[0.1, 0.4, 0.3, 0.2], [0.25, 0.1, 0.4, 0.25]])
    assert greedy_text(log_probs_TC, JOINED) == "ab"
    assert greedy_text(log_probs_TC, JOINED, [2, 3]) == "b"
    assert greedy_text(log_probs_TC, JOINED, [3]) == "c"
    assert greedy_text(log_probs_TC, JOINED, []) == ""


def test_blank_and_separator_are_always_allowed():
    assert decoded_columns(WITH_WORDS).tolist() == [1, 2, 3, 4]
    assert decoded_columns(WITH_WORDS, [4]).tolist() == [1, 3, 4]


@given(st.lists(st.integers(0, 3), max_size=12))
def test_a_path_is_collapsed_as_by_its_definition(path):
    expected = [column for column, _ in itertools.groupby(path) if column != 0]
    assert collapsed(np.array(path, int), 0).tolist() == expected
