"""The margin of clips against each other's texts: planted, and by brute force."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aligner.text_margin import FOLDS, decoys, fold_of, spelling_loss, text_margin

HEARD, OTHER = -0.5, -3.0


def log_softmax(logits: np.ndarray) -> np.ndarray:
    sums = np.log(np.exp(logits).sum(axis=1, keepdims=True))
    return (logits - sums).astype(np.float32)


def collapsed(path: tuple[int, ...], blank: int) -> list[int]:
    return [label for label, _ in itertools.groupby(path) if label != blank]


@settings(max_examples=40)
@given(
    st.integers(1, 5),
    st.lists(st.integers(1, 2), min_size=1, max_size=3),
    st.integers(0, 99),
)
def test_the_loss_is_that_of_all_paths_together(frames, tokens, seed):
    log_probs = log_softmax(np.random.default_rng(seed).normal(size=(frames, 3)))
    total = sum(
        math.exp(sum(float(log_probs[t, label]) for t, label in enumerate(path)))
        for path in itertools.product(range(3), repeat=frames)
        if collapsed(path, 0) == tokens
    )
    loss = spelling_loss(log_probs, np.array(tokens, np.int32), 0)
    assert loss == pytest.approx(-math.log(total) if total else math.inf, rel=1e-5)


def certain(tokens: list[int], labels: int = 5) -> np.ndarray:
    """A frame for each token; its letter has HEARD, all others OTHER."""
    rows = np.full((len(tokens), labels), OTHER, np.float32)
    rows[np.arange(len(tokens)), tokens] = HEARD
    return rows


def test_margin_of_planted_texts():
    """As many frames as letters leave one path: the sums are known."""
    texts = [np.array(text, np.int32) for text in ([1, 2, 3], [2, 3, 1])]
    heard = [certain(text.tolist()) for text in texts]
    assert text_margin(heard, texts, 0) == pytest.approx(HEARD - OTHER)
    assert text_margin(heard, texts[::-1], 0) == pytest.approx(OTHER - HEARD)


def test_longer_texts_count_for_more():
    texts = [np.array([1] + [2, 3] * n, np.int32) for n in (1, 2)]
    heard = [certain([1, 2, 3]), certain([1, 2, 3, 2, 3])]
    heard[1][:] = HEARD  # its decoy, three letters in five frames, has many paths
    own = -3 * HEARD - 5 * HEARD
    decoy = spelling_loss(heard[1], texts[0], 0)
    # The short clip cannot hold the long text and so has no decoy: it does not count.
    assert text_margin(heard, texts, 0) == pytest.approx(
        decoy / 3 - (own + 3 * HEARD) / 5
    )


def test_decoys_are_of_like_length_and_fit_and_differ():
    texts = [np.array(t, np.int32) for t in ([1, 2], [3, 4, 1], [1, 1], [1, 2], [4])]
    assert decoys(texts, [9] * 5) == [2, 3, 0, 2, 0]
    assert decoys(texts, [2] * 5) == [4, 3, 0, 4, 0]  # [1, 1] and [3, 4, 1] need 3
    assert decoys(texts[:1], [9]) == [None]
    assert math.isnan(text_margin([certain([1, 2])], texts[:1], 0))


def test_folds_share_nothing_and_have_all():
    for clips in range(9):
        folds = [set(fold_of(clips, fold)) for fold in range(FOLDS)]
        assert set.union(*folds) == set(range(clips))
        assert sum(map(len, folds)) == clips
