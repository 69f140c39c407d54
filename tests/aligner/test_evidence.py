import itertools
import math
from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import log_softmax

from aligner.evidence import Evidence, evidence_of, joined, without_separator
from aligner.evidence_kernel import alternative_gains, boundary_scores
from tests.aligner.spoken import LABELS, SEPARATED, Letters, spoken

BLANK = 0


def best_of_spellings(emissions):
    """Return the best score of any label sequence for each spelling."""
    found = defaultdict(lambda: -math.inf)
    for labels in itertools.product(range(emissions.shape[1]), repeat=len(emissions)):
        spelt = tuple(
            label
            for t, label in enumerate(labels)
            if label != BLANK and (t == 0 or labels[t - 1] != label)
        )
        score = sum(float(emissions[t, label]) for t, label in enumerate(labels))
        found[spelt] = max(found[spelt], score)
    return found


def none_or(score: float) -> float:
    return score if score > -1e29 else -math.inf


@st.composite
def problems(draw):
    frames = draw(st.integers(1, 4))
    row = st.lists(st.floats(-4, 0, width=32), min_size=4, max_size=4)
    logits = draw(st.lists(row, min_size=frames, max_size=frames))
    emissions = log_softmax(np.array(logits), axis=1).astype(np.float32)
    letters = st.integers(1, 2)
    words = draw(
        st.lists(st.lists(letters, min_size=1, max_size=2), min_size=1, max_size=3)
    )
    return emissions, [tuple(word) for word in words]


@settings(deadline=None, max_examples=30)
@given(problems())
def test_scores_at_boundaries_are_those_of_all_label_sequences(problem):
    emissions, words = problem
    tokens = [letter for word in words for letter in word]
    stop = np.cumsum([len(word) for word in words])
    frames = len(emissions)
    upto = np.empty((frames, len(words) + 1), np.float32)
    onward = np.empty_like(upto)
    repeats = [k > 0 and tokens[k] == tokens[k - 1] for k in range(len(tokens))]
    score = boundary_scores(
        emissions[:, tokens], emissions[:, BLANK],
        np.where(repeats, -1e30, 0).astype(np.float32), stop, upto, onward,
    )  # fmt: skip
    first = [0, *stop[:-1]]
    begun = [best_of_spellings(emissions[: t + 1]) for t in range(frames)]
    left = [best_of_spellings(emissions[t:]) for t in range(frames)]
    assert none_or(score) == pytest.approx(left[0][tuple(tokens)], abs=1e-4)
    for w in range(len(words) + 1):
        said = tuple(tokens[: stop[w - 1]]) if w else ()
        rest = tuple(tokens[first[w] :]) if w < len(words) else ()
        for t in range(frames):
            assert none_or(upto[t, w]) == pytest.approx(begun[t][said], abs=1e-4)
            assert none_or(onward[t, w]) == pytest.approx(left[t][rest], abs=1e-4)


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**32 - 1), st.integers(1, 3))
def test_gains_are_the_best_of_all_places(seed, least):
    rng = np.random.default_rng(seed)
    words, frames = int(rng.integers(1, 4)), int(rng.integers(1, 7))
    upto, onward = rng.normal(size=(2, frames, words + 1)).astype(np.float32)
    free_T = rng.normal(size=frames)
    free = np.append(0.0, np.cumsum(free_T)).astype(np.float32)
    extra, other, unread = [-math.inf], [-math.inf], [-math.inf]
    for t1, t2 in itertools.combinations(range(frames), 2):
        between = free_T[t1 + 1 : t2].sum()
        for w in range(words + 1):
            if t2 - t1 - 1 >= least:
                extra.append(upto[t1, w] + between + onward[t2, w])
            if w < words:
                other.append(upto[t1, w] + between + onward[t2, w + 1])
                if t2 == t1 + 1:
                    unread.append(upto[t1, w] + onward[t2, w + 1])
    found = alternative_gains(upto, onward, free, least, 0.5)
    wanted = [max(x) - 0.5 for x in (extra, other, unread)]
    assert [*map(none_or, found)] == pytest.approx(wanted, abs=1e-4)


def evidence(said: str, text: str, model: Letters) -> Evidence:
    words = [tuple(LABELS.index(letter) for letter in word) for word in text.split()]
    heard = spoken(said, model=model).emissions
    heard = without_separator(heard, 0, model.word_separator)
    return evidence_of(heard, words, 0, 320)


@pytest.mark.parametrize("model", [Letters(), SEPARATED])
def test_each_fault_is_told_by_its_own_kind(model):
    right = evidence("the rain came", "the rain came", model)
    lacking = evidence("the rain came", "the came", model)
    replaced = evidence("the rain came", "the wolf came", model)
    added = evidence("the rain came", "the rain now came", model)

    assert right.score == pytest.approx(0, abs=0.02)
    assert max(right.extra, right.other, right.unread) < 0
    assert right.confidence > 0.9
    for wrong in (lacking, replaced, added):
        assert wrong.score < right.score - 0.1
        assert wrong.confidence < 0.1
    assert lacking.extra > 20 and lacking.unread < 0
    assert replaced.other > 20 and replaced.extra < replaced.other
    assert added.unread > 20 and added.extra < 0


def test_words_that_do_not_fit_give_none():
    few = spoken("a", pause_frames=1).emissions
    words = [tuple(LABELS.index(letter) for letter in "abcdefghij")]
    for found in (
        evidence_of(few, words, 0, 320),
        evidence_of(few, [], 0, 320),
        evidence_of(few[:0], words, 0, 320),
        joined([]),
    ):
        assert math.isnan(found.score) and math.isnan(found.extra)
        assert math.isnan(found.confidence)


def test_several_stretches_count_by_their_frames_and_by_their_worst():
    one = Evidence(-0.2, 1.0, 5.0, -3.0, 0.9, 100)
    two = Evidence(-0.5, 2.0, 4.0, -6.0, 0.3, 200)
    none = Evidence.unknown(50)
    both = joined([one, none, two])
    assert both.score == pytest.approx(-0.4)
    assert both == Evidence(both.score, 2.0, 5.0, -3.0, 0.3, 350)
