import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aligner import margins
from aligner.graph import checked_jumps
from aligner.margins import tokens_as_read, verse_margins
from aligner.viterbi import forced_align
from schemas.errors import AlignmentInfeasible
from tests.aligner.planted import planted

HOP_SAMPLES = 8000  # 0.5 s: a placement is another one from the second frame on


def best_by_start(emissions, tokens, blank, costs, token):
    """Return the best score of each frame that a token may begin in, by force."""
    cost, flags, tolls = costs
    best = {}
    for labels in itertools.product(range(emissions.shape[1]), repeat=len(emissions)):
        begins = [
            t
            for t, label in enumerate(labels)
            if label != blank and (t == 0 or labels[t - 1] != label)
        ]
        if [labels[t] for t in begins] != list(tokens):
            continue
        score = sum(float(emissions[t, label]) for t, label in enumerate(labels))
        score -= sum(cost[t] for t, flag in zip(begins, flags, strict=True) if flag)
        score -= sum(tolls)
        best[begins[token]] = max(best.get(begins[token], -np.inf), score)
    return best


@st.composite
def problems(draw):
    labels, frames = draw(st.integers(2, 3)), draw(st.integers(1, 7))
    blank = draw(st.integers(0, labels - 1))
    others = [label for label in range(labels) if label != blank]
    tokens = draw(st.lists(st.sampled_from(others), min_size=1, max_size=4))
    values = st.integers(-6, 0) | st.just(-np.inf)
    row = st.lists(values, min_size=labels, max_size=labels)
    emissions = draw(st.lists(row, min_size=frames, max_size=frames))
    cost = draw(st.lists(st.integers(0, 5), min_size=frames, max_size=frames))
    each = {"min_size": len(tokens), "max_size": len(tokens)}
    flags = draw(st.lists(st.booleans(), **each))
    tolls = draw(st.lists(st.integers(0, 4), **each))
    return np.array(emissions, np.float32), np.array(tokens), blank, cost, flags, tolls


@given(problems())
@settings(max_examples=200, deadline=None)
def test_is_the_difference_to_the_best_path_that_begins_elsewhere(problem):
    emissions, tokens, blank, *costs = problem
    named = dict(zip(("entry_cost_T", "entry_tokens", "tolls_L"), costs, strict=True))
    try:
        path = forced_align(emissions, tokens, blank, **named)
    except AlignmentInfeasible:
        return
    first = np.append(np.arange(len(tokens)), -1)
    found = verse_margins(
        emissions, tokens, blank, path, first, **named, hop_samples=HOP_SAMPLES
    )
    assert math.isnan(found[-1])
    for token, start in enumerate(path.starts):
        best = best_by_start(emissions, tokens, blank, costs, token)
        assert best[start] == path.score
        far = [score for at, score in best.items() if abs(at - start) > 1]
        assert found[token] == path.score - max(far, default=-np.inf)


def forbidden_near(emissions, tokens, path, token, apart):
    """Return the margin by a second alignment that may not begin nearby."""
    cost = np.zeros(len(emissions), np.float32)
    start = path.starts[token]
    cost[max(0, start - apart) : start + apart + 1] = 1e4
    flags = np.arange(len(tokens)) == token
    other = forced_align(emissions, tokens, entry_cost_T=cost, entry_tokens=flags)
    return path.score - other.score


def test_the_band_holds_the_next_best_placement():
    emissions, tokens, _ = planted(3000, 600, seed=5, noise=2.0)
    path = forced_align(emissions, tokens)
    first = np.arange(0, 600, 60)
    found = verse_margins(emissions, tokens, 0, path, first)
    for verse, token in enumerate(first):
        exact = forbidden_near(emissions, tokens, path, token, 25)
        assert found[verse] == pytest.approx(exact, rel=1e-6)
    assert found.min() > 10
    narrow = verse_margins(emissions, tokens, 0, path, first, band_tokens=3)
    assert (narrow >= found - 1e-6).all()
    assert (narrow > found + 1).any()


def test_a_phrase_read_twice_has_no_margin():
    emissions, tokens, _ = planted(60, 5, seed=6, noise=0.1)
    emissions = np.concatenate([emissions, emissions])
    star = np.zeros((120, 1), np.float32)
    emissions = np.concatenate([emissions, star], axis=1)
    text = np.concatenate([[30], tokens, [30]])
    path = forced_align(emissions, text)
    (margin,) = verse_margins(emissions, text, 0, path, np.array([1]))
    assert 0 <= margin < 2
    only = forced_align(emissions[:60], text[1:])
    (sure,) = verse_margins(emissions[:60], text[1:], 0, only, np.array([0]))
    assert sure > 10


def test_the_line_is_read_as_the_jumps_were_taken():
    emissions, tokens, _ = planted(400, 60, seed=7, noise=0.5)
    # Read were tokens 0 to 59; written: 5 more after 20, and 30 to 40 only once.
    read_twice = np.concatenate([tokens[:40], tokens[30:]])
    spoken, _, _ = planted(400, 60, seed=7, noise=0.5)
    again = spoken[path_frames(emissions, tokens, 30, 40)]
    heard = np.concatenate(
        [spoken[: path_end(emissions, tokens, 39)], again,
         spoken[path_end(emissions, tokens, 39) :]]
    )  # fmt: skip
    extra = np.array([3, 9, 3, 9, 3])
    text = np.concatenate([tokens[:20], extra, tokens[20:]])
    jumps = checked_jumps([20, 45], [25, 35], [2.0, 3.0], len(text))
    path = forced_align(heard, text, jumps=jumps)
    assert len(path.jumps) == 2
    read, starts, ends = tokens_as_read(path, 0, jumps)
    assert text[read].tolist() == read_twice.tolist()
    assert (path.frames[starts] == text[read]).all()
    last = {token: (a, b) for token, a, b in zip(read, starts, ends, strict=True)}
    for token, span in last.items():
        assert (path.starts[token], path.ends[token]) == span
    first = np.array([0, 20, 25, 35, 45])
    found = verse_margins(heard, text, 0, path, first, jumps=jumps)
    assert np.isnan(found).tolist() == [False, True, False, False, False]
    line = forced_align(heard, read_twice)
    assert line.score == pytest.approx(path.score + 5.0)
    for verse, place in ((0, 0), (2, 20), (3, 40), (4, 50)):
        exact = forbidden_near(heard, read_twice, line, place, 25)
        assert found[verse] == pytest.approx(exact, rel=1e-6)


def path_end(emissions, tokens, token):
    return int(forced_align(emissions, tokens).ends[token])


def path_frames(emissions, tokens, first, stop):
    path = forced_align(emissions, tokens)
    return slice(int(path.starts[first]) - 1, int(path.ends[stop - 1]))


def test_without_verses_or_tokens():
    emissions, tokens, _ = planted(20, 3)
    path = forced_align(emissions, tokens)
    assert verse_margins(emissions, tokens, 0, path, np.array([], int)).shape == (0,)
    empty = forced_align(emissions, tokens[:0])
    found = verse_margins(emissions, tokens[:0], 0, empty, np.array([-1]))
    assert np.isnan(found).all()
    assert margins.APART_SEC == 0.5
