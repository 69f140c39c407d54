import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aligner.graph import checked_jumps
from aligner.viterbi import forced_align
from schemas.errors import AlignmentInfeasible


def best_of_all_paths(problem):
    """Return the best score by a plain recurrence over states and all ways between."""
    emissions, tokens, blank, cost, flags, tolls, jumps = problem
    length = len(tokens)
    label = [blank if s % 2 == 0 else tokens[s // 2] for s in range(2 * length + 1)]
    ways = [[(s, 0.0)] for s in range(2 * length + 1)]  # from, cost
    for j in range(length):
        ways[2 * j + 1].append((2 * j, 0.0))
        ways[2 * j + 2].append((2 * j + 1, 0.0))
        if j and tokens[j] != tokens[j - 1]:
            ways[2 * j + 1].append((2 * j - 1, 0.0))
    for source, target, dear in jumps:
        for origin in (2 * source, 2 * source - 1):
            if origin < 0:
                continue
            ways[2 * target].append((origin, dear))
            same = origin % 2 and target < length and label[origin] == tokens[target]
            if target < length and not same:
                ways[2 * target + 1].append((origin, dear))
    score = [0.0] + [-np.inf] * (2 * length)
    for t, row in enumerate(emissions):
        score = [
            max(
                score[origin]
                - dear
                - (cost[t] if s % 2 and flags[s // 2] and k > 0 else 0.0)
                - (tolls[s // 2] if s % 2 and k > 0 else 0.0)
                for k, (origin, dear) in enumerate(ways[s])
            )
            + float(row[label[s]])
            for s in range(2 * length + 1)
        ]
    return max(score[-1], score[-2] if length else -np.inf)


@st.composite
def problems(draw):
    labels = draw(st.integers(2, 4))
    frames = draw(st.integers(1, 12))
    length = draw(st.integers(1, 7))
    values = st.integers(-6, 0) if draw(st.booleans()) else st.floats(-9, 0, width=32)
    emissions = np.array(
        draw(st.lists(st.lists(values, min_size=labels, max_size=labels),
                      min_size=frames, max_size=frames)), np.float32,
    )  # fmt: skip
    blank = draw(st.integers(0, labels - 1))
    others = [label for label in range(labels) if label != blank]
    tokens = draw(st.lists(st.sampled_from(others), min_size=length, max_size=length))
    cost = draw(st.lists(st.integers(0, 5), min_size=frames, max_size=frames))
    flags = draw(st.lists(st.booleans(), min_size=length, max_size=length))
    tolls = draw(st.lists(st.integers(0, 4), min_size=length, max_size=length))
    places = st.tuples(
        st.integers(0, length), st.integers(0, length), st.integers(0, 4)
    )
    jumps = draw(st.lists(places.filter(lambda j: j[0] != j[1]), max_size=5))
    return (
        emissions,
        tokens,
        blank,
        np.array(cost, np.float32),
        np.array(flags),
        tolls,
        jumps,
    )


def align(problem, **options):
    emissions, tokens, blank, cost, flags, tolls, jumps = problem
    columns = np.array(jumps, np.int32).reshape(-1, 3).T
    return forced_align(
        emissions, tokens, blank, entry_cost_T=cost, entry_tokens=flags, tolls_L=tolls,
        jumps=checked_jumps(*columns, len(tokens)), **options,
    )  # fmt: skip


@settings(max_examples=600)
@given(problems(), st.integers(1, 13))
def test_the_path_is_the_best_of_all(problem, block_frames):
    expected = best_of_all_paths(problem)
    try:
        path = align(problem, block_frames=block_frames)
    except AlignmentInfeasible:
        assert expected == -np.inf
        return
    assert path.score == pytest.approx(expected, abs=1e-4)
    whole = align(problem)
    assert path.frames.tolist() == whole.frames.tolist()
    assert path.jumps == whole.jumps
