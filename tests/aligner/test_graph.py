from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aligner import lattice
from aligner.graph import Jumps, checked_jumps, jumps_of_line
from aligner.path import AlignmentPath
from aligner.viterbi import forced_align
from schemas.errors import AlignmentInfeasible


@dataclass(frozen=True)
class Problem:
    """Whole numbers: equal scores are frequent, and sums are exact."""

    emissions: np.ndarray
    tokens: list[int]
    blank: int
    cost: list[int]
    flags: list[bool]
    tolls: list[int]
    jumps: list[tuple[int, int, int]]
    """Source, target, cost."""

    def label(self, state: int) -> int:
        return self.tokens[state // 2] if state % 2 else self.blank

    def ways_into(self, state: int) -> list[tuple[int, int]]:
        """Return the states before one, each with its jump or -1, the preferred first.

        State 2j is the blank at position j, 2j + 1 is token j.
        """
        ways = [(state, -1)]
        if state > 0:
            ways.append((state - 1, -1))
        if state % 2 and state > 2 and self.label(state) != self.label(state - 2):
            ways.append((state - 2, -1))
        for number, (source, target, _) in enumerate(self.jumps):
            if target != state // 2:
                continue
            ways.append((2 * source, number))
            is_same = state % 2 and self.label(2 * source - 1) == self.label(state)
            if source > 0 and not is_same:
                ways.append((2 * source - 1, number))
        return ways

    def gain(self, t: int, before: int, jump: int, state: int) -> float:
        """Return what a frame in a state adds to a path that comes from another."""
        gain = float(self.emissions[t, self.label(state)])
        if jump >= 0:
            gain -= self.jumps[jump][2]
        if state % 2 and before != state:
            gain -= self.tolls[state // 2] + self.flags[state // 2] * self.cost[t]
        return gain


def walks(problem, state=0, t=0):
    """Yield the score of every way through the graph from a state before frame t."""
    last = 2 * len(problem.tokens)
    if t == len(problem.emissions):
        if state >= last - 1:
            yield 0.0
        return
    for target in range(last + 1):
        for before, jump in problem.ways_into(target):
            if before == state:
                gain = problem.gain(t, before, jump, target)
                yield from (gain + rest for rest in walks(problem, target, t + 1))


def best_path(problem):
    """Return score, states and jumps of the best path by the plain recurrence."""
    states = range(2 * len(problem.tokens) + 1)
    score = [0.0] + [-np.inf] * (len(states) - 1)
    came = []
    for t in range(len(problem.emissions)):
        ways = [
            [
                (score[before] + problem.gain(t, before, jump, state), before, jump)
                for before, jump in problem.ways_into(state)
            ]
            for state in states
        ]
        best = [max(options, key=lambda option: option[0]) for options in ways]
        score = [value for value, _, _ in best]
        came.append([(before, jump) for _, before, jump in best])
    state = states[-1]
    if len(states) > 1 and score[-2] > score[-1]:
        state -= 1
    total, path, jumps = score[state], [], []
    for t in range(len(came) - 1, -1, -1):
        path.insert(0, state)
        state, jump = came[t][state]
        if jump >= 0:
            jumps.insert(0, (t, jump))
    return total, path, jumps


@st.composite
def problems(draw, max_frames=12, max_tokens=7, max_jumps=5):
    """Return problems with all that a graph can have, half of them with a star."""
    labels = draw(st.integers(2, 4))
    frames = draw(st.integers(1, max_frames))
    length = draw(st.integers(1, max_tokens))
    blank = draw(st.integers(0, labels - 1))
    value = st.integers(draw(st.sampled_from([-1, -6])), 0)
    if draw(st.booleans()):
        value |= st.just(-np.inf)
    cells = st.lists(value, min_size=frames * labels, max_size=frames * labels)
    emissions = np.array(draw(cells), np.float32).reshape(frames, labels)
    others = [label for label in range(labels) if label != blank]
    if draw(st.booleans()):
        star = np.full((frames, 1), draw(st.integers(-3, 0)), np.float32)
        emissions = np.concatenate([emissions, star], axis=1)
        others.append(labels)

    plain = draw(st.booleans())  # of equal ways there are more then

    def several(count, values):
        return draw(st.lists(values, min_size=count, max_size=count))

    place = st.integers(0, length)
    dear = st.integers(0, draw(st.sampled_from([0, 4])))
    jump = st.tuples(place, place, dear).filter(lambda j: j[0] != j[1])
    return Problem(
        emissions,
        several(length, st.sampled_from(others)),
        blank,
        several(frames, st.just(0) if plain else st.integers(-1, 5)),
        several(length, st.booleans()),
        several(length, st.just(0) if plain else st.integers(-2, 4)),
        draw(st.lists(jump, max_size=max_jumps)),
    )


def align(problem: Problem, **options) -> AlignmentPath | None:
    columns = np.array(problem.jumps, np.int32).reshape(-1, 3).T
    try:
        return forced_align(
            problem.emissions, problem.tokens, problem.blank,
            entry_cost_T=problem.cost, entry_tokens=problem.flags,
            tolls_L=problem.tolls, jumps=checked_jumps(*columns, len(problem.tokens)),
            **options,
        )  # fmt: skip
    except AlignmentInfeasible:
        return None


@settings(max_examples=200, deadline=None)
@given(problems(max_frames=4, max_tokens=3, max_jumps=3))
def test_the_path_is_the_best_of_all_ways(problem):
    path = align(problem)
    best = max(walks(problem), default=-np.inf)
    assert (-np.inf if path is None else path.score) == best


@settings(max_examples=500, deadline=None)
@given(problems(), st.none() | st.integers(1, 13), st.sampled_from([1, 2, 3, 1024]))
def test_the_path_is_that_of_the_plain_recurrence_ties_included(
    problem, block_frames, tile_positions
):
    score, states, jumps = best_path(problem)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lattice, "_TILE_POSITIONS", tile_positions)
        path = align(problem, block_frames=block_frames)
    if path is None:
        assert score == -np.inf
        return
    assert path.score == score
    assert path.frames.tolist() == [problem.label(state) for state in states]
    assert path.tokens.tolist() == [s // 2 if s % 2 else -1 for s in states]
    assert list(path.jumps) == jumps
    starts, ends = [-1] * len(problem.tokens), [-1] * len(problem.tokens)
    for t, state in enumerate(states):
        if state % 2:
            if t == 0 or states[t - 1] != state:
                starts[state // 2] = t
            ends[state // 2] = t + 1
    assert (path.starts.tolist(), path.ends.tolist()) == (starts, ends)


def test_tokens_that_may_be_left_out_still_need_a_frame():
    jumps = checked_jumps([0], [2], [0], 2)
    path = forced_align(np.zeros((1, 3), np.float32), [1, 2], jumps=jumps)
    assert path.starts.tolist() == [-1, -1]
    with pytest.raises(AlignmentInfeasible, match="2 tokens need at least 1 frames"):
        forced_align(np.zeros((0, 3), np.float32), [1, 2], jumps=jumps)


def fits(sources, targets, costs, length):
    """Say by the plain meaning of the words whether these are jumps of a line."""
    return (
        len(sources) == len(targets) == len(costs)
        and all(0 <= place <= length for place in [*sources, *targets])
        and all(p != q for p, q in zip(sources, targets, strict=True))
        and all(np.isfinite(cost) and cost >= 0 for cost in costs)
    )


places = st.lists(st.integers(-1, 4), min_size=1, max_size=2)
prices = st.lists(
    st.sampled_from([0, 1.5, 1.5, -1, np.nan, np.inf]), min_size=1, max_size=2
)


@settings(max_examples=300, deadline=None)
@given(places, places, prices, st.integers(1, 4))
def test_jumps_are_taken_if_and_only_if_they_fit_the_tokens(
    sources, targets, costs, length
):
    """Made by hand or for another text, they would be read beside the arrays."""
    jumps = Jumps(
        np.array(sources, np.int32),
        np.array(targets, np.int32),
        np.array(costs, np.float32),
    )
    emissions, tokens = np.zeros((9, 3), np.float32), np.ones(length, int)
    if fits(sources, targets, costs, length):
        assert len(forced_align(emissions, tokens, jumps=jumps).frames) == 9
    else:
        with pytest.raises(ValueError, match=r"^jumps"):
            forced_align(emissions, tokens, jumps=jumps)


@pytest.mark.parametrize(
    "columns,message",
    [
        (([0, 5], [1, 2], [0, 0]), r"sources\[1\]: expected a position from 0 to 4.*5"),
        (([0], [-1], [0]), r"targets\[0\]: .* got -1"),
        (([0, 1], [1], [0]), r"three vectors of one length, got \[\(2,\), \(1,\), "),
        (([[0]], [[1]], [[0]]), r"three vectors of one length, got \[\(1, 1\)"),
        (([0.5], [1], [0]), r"sources: expected integers, got float64"),
        (([0], ["1"], [0]), r"targets: expected integers, got <U1"),
        (([2], [2], [0]), r"jumps\[0\]: expected two positions, got 2 twice"),
        (([0], [1], [-0.5]), r"costs\[0\]: expected 0 or more, got -0.5"),
        (([0], [1], [np.nan]), r"costs\[0\]: expected 0 or more, got nan"),
        (([0], [1], [1e300]), r"costs\[0\]: expected 0 or more, got inf"),
        (([0], [1], ["a"]), r"costs: expected real numbers, got <U1"),
    ],
)  # fmt: skip
def test_what_is_no_jump_is_named(columns, message):
    for make in (checked_jumps, lambda *given: jumps_of_line(Jumps(*given[:3]), 4)):
        with pytest.raises(ValueError, match=message):
            make(*columns, 4)


def test_jumps_that_fit_are_kept():
    assert jumps_of_line(None, 3) is None
    same = jumps_of_line(Jumps([0, 3], [3, 0], [1, 2]), 3)
    assert same.sources.dtype == same.targets.dtype == np.int32
    assert same.costs.dtype == np.float32
    assert same.costs.tolist() == [1, 2]
    with pytest.raises(ValueError, match=r"aligner\.graph\.Jumps or None, got tuple"):
        jumps_of_line(([0], [1], [0]), 3)
