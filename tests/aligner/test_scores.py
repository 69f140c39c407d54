import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aligner.scores import frame_score, span_score, worst_window_score
from aligner.viterbi import forced_align
from tests.aligner.planted import planted

SCORES = st.lists(
    st.floats(-50, 0, width=32) | st.just(math.nan), min_size=1, max_size=40
)


def naive_mean(values):
    heard = [value for value in values if not math.isnan(value)]
    return sum(heard) / len(heard) if heard else math.nan


def naive_worst(values, window):
    heard = [value for value in values if not math.isnan(value)]
    if len(heard) <= window:
        return naive_mean(heard)
    return min(
        naive_mean(heard[first : first + window])
        for first in range(len(heard) - window + 1)
    )


@st.composite
def spans(draw):
    score = np.array(draw(SCORES), np.float32)
    start = draw(st.integers(0, len(score)))
    return score, start, draw(st.integers(start, len(score)))


@given(spans())
def test_span_score_is_the_mean_without_stars(span):
    score, start, end = span
    found = span_score(score, start, end)
    assert found == pytest.approx(naive_mean(score[start:end].tolist()), nan_ok=True)
    assert math.isnan(found) or found <= 0


@given(spans(), st.integers(1, 45))
def test_worst_window_is_the_lowest_mean(span, window):
    score, start, end = span
    found = worst_window_score(score, start, end, window)
    expected = naive_worst(score[start:end].tolist(), window)
    assert found == pytest.approx(expected, abs=1e-9, nan_ok=True)
    if not math.isnan(found):
        assert found <= 0


def test_worst_window_finds_a_wrong_word():
    score = np.full(200, -0.1, np.float32)
    score[90:125] = -2
    assert worst_window_score(score, 0, 200, 35) == pytest.approx(-2)
    assert span_score(score, 0, 200) == pytest.approx(-0.4325)


def test_stars_are_cut_out_of_windows():
    score = np.array([-1, np.nan, np.nan, -3, 0, 0], np.float32)
    assert worst_window_score(score, 0, 6, 2) == pytest.approx(-2)


def test_a_window_has_a_frame():
    with pytest.raises(ValueError, match="window_frames"):
        worst_window_score(np.zeros(4, np.float32), 0, 4, 0)


def test_frame_score_is_aligned_minus_greedy():
    emissions = np.log(np.array([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6]], np.float32))
    score = frame_score(emissions, np.array([1, 2], np.int32), star=3)
    assert score.dtype == np.float32
    assert score == pytest.approx([np.log(0.2 / 0.7), 0])


def test_frame_score_of_an_alignment():
    emissions, tokens, _ = planted(400, 80, labels=8, noise=3)
    starred = np.concatenate([emissions, np.full((400, 1), -0.5, np.float32)], axis=1)
    path = forced_align(starred, np.append(8, tokens))
    score = frame_score(emissions, path.frames, star=8)
    is_star = path.frames == 8
    assert is_star.any()
    assert np.array_equal(np.isnan(score), is_star)
    assert np.all(score[~is_star] <= 0)
    # The MMS score: the path's log-probability less the greedy path's, per frame.
    greedy = emissions.max(axis=1)[~is_star].sum(dtype=np.float64)
    aligned = path.score + 0.5 * is_star.sum()
    mms_score = (aligned - greedy) / (~is_star).sum()
    assert span_score(score, 0, 400) == pytest.approx(mms_score, rel=1e-5)
