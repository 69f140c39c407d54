import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aligner.beam import best_states_in_beam
from aligner.lattice import lattice_of
from aligner.path import checked_entries
from aligner.viterbi import forced_align
from schemas.errors import AlignmentInfeasible


@st.composite
def problems(draw):
    """Return emissions between noise and a planted path, tokens and entry costs."""
    frames, length = draw(st.integers(1, 400)), draw(st.integers(1, 80))
    rng = np.random.default_rng(draw(st.integers(0, 1 << 30)))
    tokens = rng.integers(1, draw(st.integers(2, 6)), length)
    whole = bool(draw(st.booleans()))
    logits = (
        rng.integers(-3, 4, (frames, 6)) if whole else rng.normal(0, 2, (frames, 6))
    )
    emissions = logits.astype(np.float32)
    own = np.sort(rng.integers(0, length, frames))
    clear = rng.random(frames) < draw(st.floats(0, 1))
    emissions[clear, tokens[own[clear]]] += draw(st.integers(0, 9))
    if draw(st.booleans()):
        emissions[rng.integers(0, frames, 3), rng.integers(0, 6, 3)] = -np.inf
    cost = rng.integers(0, 9, frames)
    return emissions, tokens, cost, rng.random(length) < 0.2, rng.integers(0, 3, length)


def align(problem, prune):
    emissions, tokens, cost, flags, tolls = problem
    try:
        return forced_align(
            emissions, tokens, entry_cost_T=cost, entry_tokens=flags, tolls_L=tolls,
            prune=prune,
        )  # fmt: skip
    except AlignmentInfeasible:
        return None


@settings(max_examples=500)
@given(problems())
def test_the_pruned_path_is_that_of_the_full_lattice(problem):
    full, pruned = align(problem, False), align(problem, True)
    assert (full is None) == (pruned is None)
    if full is not None and pruned is not None:
        assert pruned.frames.tolist() == full.frames.tolist()
        assert pruned.starts.tolist() == full.starts.tolist()
        assert pruned.score == full.score
        assert full.computed_share == 1


def clear_speech(length):
    """Return emissions and tokens of four frames each, too clear to be mistaken."""
    steps = np.random.default_rng(3).integers(1, 27, length)
    tokens = np.cumsum(steps) % 27 + 1  # no equal neighbours
    emissions = np.full((4 * length, 28), -8.0, np.float32)
    emissions[np.arange(4 * length), np.repeat(tokens, 4)] = -0.01
    return emissions, tokens


def test_clear_speech_needs_little_of_the_lattice():
    emissions, tokens = clear_speech(500)
    path = forced_align(emissions, tokens, prune=True)
    assert path.computed_share < 0.25
    assert path.frames.tolist() == forced_align(emissions, tokens).frames.tolist()


def test_the_beam_stays_as_narrow_in_long_recordings():
    shares = [
        forced_align(*clear_speech(length), prune=True).computed_share
        for length in (2_000, 8_000)
    ]
    assert shares[1] < 0.3 * shares[0]


def test_a_beam_that_takes_too_much_memory_is_given_up():
    emissions, tokens = clear_speech(500)
    entries = checked_entries(None, None, None, (2000, 500))
    lattice = lattice_of(emissions, tokens.astype(np.int32), 0, entries)
    found = best_states_in_beam(lattice)
    assert found is not None
    states, share = found
    assert states.tolist() == np.repeat(2 * np.arange(500) + 1, 4).tolist()
    assert share < 0.25
    assert best_states_in_beam(lattice, 50) is None


def test_noise_is_aligned_in_the_full_lattice():
    rng = np.random.default_rng(4)
    emissions = rng.normal(0, 1, (2000, 28)).astype(np.float32)
    tokens = rng.integers(1, 28, 600)
    path = forced_align(emissions, tokens, prune=True)
    assert path.computed_share == 1
    full = forced_align(emissions, tokens, prune=False)
    assert path.frames.tolist() == full.frames.tolist()


@pytest.mark.parametrize(
    "rewards",
    [
        {"tolls_L": [0, -5, 0]},
        {"entry_cost_T": [0] * 8 + [-5], "entry_tokens": [False, False, True]},
    ],
)
def test_rewards_have_no_bound(rewards):
    emissions = np.zeros((9, 3), np.float32)
    path = forced_align(emissions, [1, 2, 1], **rewards, prune=True)
    assert path.computed_share == 1
    assert path.score == pytest.approx(5)


def test_a_late_reward_is_not_pruned_away():
    """The likeliest labels alone would say that nothing is to be gained any more."""
    emissions, tokens = clear_speech(60)
    cost = np.zeros(240)
    cost[-1] = -500
    flags = np.arange(60) == 59
    rewarded = {"entry_cost_T": cost, "entry_tokens": flags}
    path = forced_align(emissions, tokens, **rewarded, prune=True)
    assert path.starts[-1] == 239
    assert path.score == forced_align(emissions, tokens, **rewarded, prune=False).score
