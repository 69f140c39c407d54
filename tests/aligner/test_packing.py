"""Cutting a row of word runs: against every possible way of cutting it."""

from itertools import combinations, pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from aligner.packing import Lengths, Row, pack

LENGTHS = Lengths(target=12, minimum=4, maximum=20)
LEFT_OUT_COST = 100.0


def make_row(runs, pauses, *, costs=None, barriers=(), room=0) -> Row:
    """Lay runs and the pauses between them end to end; edges are the runs' own."""
    starts = np.cumsum([0, *(r + p for r, p in zip(runs, [*pauses, 0], strict=True))])
    ends = starts[:-1] + np.array(runs)
    barred = np.zeros(len(runs) + 1, dtype=bool)
    barred[[0, *barriers]] = True
    return Row(
        starts=starts[:-1],
        ends=ends,
        first_starts=starts[:-1] - room,
        last_ends=ends + room,
        cut_costs=np.zeros(len(runs) + 1) if costs is None else np.array(costs),
        barriers=barred,
        words=np.ones(len(runs), dtype=np.int64),
    )


def cost_of(pieces, row: Row, lengths: Lengths) -> float:
    """Cost of a choice of pieces, straight from the definition."""
    total = LEFT_OUT_COST * float(np.sum(row.words))
    for first, last in pieces:
        length = row.ends[last] - row.starts[first]
        room = row.last_ends[last] - row.first_starts[first]
        if length > lengths.maximum or room < lengths.minimum:
            return np.inf
        if np.any(row.barriers[first + 1 : last + 1]):
            return np.inf
        length = max(length, lengths.minimum)
        total += (length / lengths.target - 1) ** 2
        total += row.cut_costs[first] + row.cut_costs[last + 1]
        total -= LEFT_OUT_COST * float(np.sum(row.words[first : last + 1]))
    return total


def all_choices(count: int):
    """Yield every set of disjoint pieces over ``count`` runs."""
    for cuts in range(count + 1):
        for inner in combinations(range(1, count), cuts):
            borders = [0, *inner, count]
            spans = [(a, b - 1) for a, b in pairwise(borders)]
            for kept in range(len(spans) + 1):
                yield from combinations(spans, kept)


@st.composite
def rows(draw) -> Row:
    count = draw(st.integers(1, 7))
    quarter = st.integers(0, 8).map(lambda k: k / 8)
    return make_row(
        draw(st.lists(st.integers(1, 25), min_size=count, max_size=count)),
        draw(st.lists(st.integers(0, 6), min_size=count - 1, max_size=count - 1)),
        costs=draw(st.lists(quarter, min_size=count + 1, max_size=count + 1)),
        barriers=draw(st.sets(st.integers(1, count), max_size=2)),
        room=draw(st.integers(0, 2)),
    )


@given(row=rows())
def test_no_choice_of_pieces_is_cheaper(row):
    pieces = pack(row, LENGTHS)
    cheapest = min(cost_of(c, row, LENGTHS) for c in all_choices(len(row.starts)))
    assert np.isclose(cost_of(pieces, row, LENGTHS), cheapest, rtol=0, atol=1e-9)


def test_short_runs_are_joined_and_a_long_row_is_split():
    # 31 in all: two pieces of 15 cost 2 * (3/12)^2, three of about 10 cost more.
    assert pack(make_row([3] * 8, [1] * 7), LENGTHS) == [(0, 3), (4, 7)]


def test_a_cheap_cut_draws_the_border():
    costs = [0.0, 1.0, 1.0, 0.0, 1.0, 1.0, 0.0]
    assert pack(make_row([4] * 6, [0] * 5, costs=costs), LENGTHS) == [(0, 2), (3, 5)]


def test_only_what_fits_nowhere_is_left_out():
    assert pack(make_row([3, 21, 3, 3], [1, 1, 1]), LENGTHS) == [(2, 3)]
    assert pack(make_row([3, 3], [1], barriers=[1]), LENGTHS) == []
    assert pack(make_row([3, 3], [1], barriers=[1], room=1), LENGTHS) == [
        (0, 0),
        (1, 1),
    ]


def test_fewest_words_are_left_out_not_fewest_runs():
    row = make_row([12, 12, 3], [0, 0], barriers=[2])
    assert pack(row, LENGTHS) == [(0, 0), (1, 1)]
