import itertools
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from aligner.viterbi import forced_align
from schemas.errors import AlignmentInfeasible
from tests.aligner.planted import planted

ROOT = Path(__file__).parents[2]


def collapse(labels, blank):
    """Return the tokens of a label sequence and the first frame of each."""
    firsts = [
        t
        for t, label in enumerate(labels)
        if label != blank and (t == 0 or labels[t - 1] != label)
    ]
    return [labels[t] for t in firsts], firsts


def best_of_all_sequences(emissions, tokens, blank, cost, flags):
    """Return the best score over all C ** T label sequences, -inf if none fits."""
    best = -np.inf
    for labels in itertools.product(range(emissions.shape[1]), repeat=len(emissions)):
        found, firsts = collapse(labels, blank)
        if found == list(tokens):
            score = sum(float(emissions[t, label]) for t, label in enumerate(labels))
            paid = (cost[t] for t, flag in zip(firsts, flags, strict=True) if flag)
            best = max(best, score - sum(paid))
    return best


def reference_states(emissions, tokens, blank, cost, flags):
    """Return the path by the plain recurrence over 2L + 1 states, with the tie rule.

    Of equal predecessors: the same state, then the one before, then two before; at the
    end the blank.
    """
    frames, states = len(emissions), 2 * len(tokens) + 1
    label = [blank if s % 2 == 0 else tokens[s // 2] for s in range(states)]
    score = [0.0] + [-np.inf] * (states - 1)
    came_from = []
    for t in range(frames):
        new, source = [], []
        for s in range(states):
            paid = cost[t] if s % 2 and flags[s // 2] else 0.0
            options = [(score[s], s)]
            if s >= 1:
                options.append((score[s - 1] - paid, s - 1))
            if s >= 3 and s % 2 and label[s] != label[s - 2]:
                options.append((score[s - 2] - paid, s - 2))
            best, origin = max(options, key=lambda option: option[0])  # the first one
            new.append(best + float(emissions[t, label[s]]))
            source.append(origin)
        score = new
        came_from.append(source)
    state = states - 1
    if states > 1 and score[-2] > score[-1]:
        state -= 1
    path = []
    for source in reversed(came_from):
        path.append(state)
        state = source[state]
    return path[::-1]


def assert_is_ctc_path(path, tokens, blank):
    labels = path.frames.tolist()
    found, firsts = collapse(labels, blank)
    assert found == list(tokens)
    assert path.starts.tolist() == firsts
    for token, start, end in zip(tokens, path.starts, path.ends, strict=True):
        assert set(labels[start:end]) == {token}
        assert end == len(labels) or labels[end] != token
    assert path.frames.dtype == path.starts.dtype == path.ends.dtype == np.int32


@st.composite
def problems(draw, max_frames=6, max_tokens=4, labels=3):
    """Small integer problems, where equal scores are frequent."""
    frames = draw(st.integers(1, max_frames))
    blank = draw(st.integers(0, labels - 1))
    others = [label for label in range(labels) if label != blank]
    tokens = draw(st.lists(st.sampled_from(others), max_size=max_tokens))
    value = st.sampled_from([0, -1, -2, -5])
    if draw(st.booleans()):
        value |= st.just(-np.inf)
    cells = st.lists(value, min_size=frames * labels, max_size=frames * labels)
    emissions = np.array(draw(cells), np.float32).reshape(frames, labels)
    cost = draw(st.lists(st.integers(-1, 4), min_size=frames, max_size=frames))
    flags = draw(st.lists(st.booleans(), min_size=len(tokens), max_size=len(tokens)))
    block = draw(st.one_of(st.none(), st.integers(1, max_frames)))
    return emissions, np.array(tokens, int), blank, cost, flags, block


def align(problem):
    emissions, tokens, blank, cost, flags, block = problem
    return forced_align(
        emissions,
        tokens,
        blank,
        entry_cost_T=np.array(cost, np.float32),
        entry_tokens=np.array(flags, bool),
        block_frames=block,
    )


@given(problems())
@settings(max_examples=150, deadline=None)
def test_equals_the_best_of_all_label_sequences(problem):
    emissions, tokens, blank, cost, flags, _ = problem
    best = best_of_all_sequences(emissions, tokens, blank, cost, flags)
    if best == -np.inf:
        with pytest.raises(AlignmentInfeasible):
            align(problem)
        return
    path = align(problem)
    assert path.score == best
    assert_is_ctc_path(path, tokens, blank)


@given(problems(max_frames=24, max_tokens=12, labels=4))
@settings(max_examples=300, deadline=None)
def test_equals_the_plain_recurrence_frame_by_frame(problem):
    emissions, tokens, blank, cost, flags, _ = problem
    try:
        path = align(problem)
    except AlignmentInfeasible:
        return  # the test above decides whether it is
    states = reference_states(emissions, tokens.tolist(), blank, cost, flags)
    expected = [blank if s % 2 == 0 else tokens[s // 2] for s in states]
    assert path.frames.tolist() == expected
    assert path.starts.tolist() == [states.index(2 * j + 1) for j in range(len(tokens))]


def test_ties_are_broken_as_documented():
    # All paths are equal: the token ends as early as it can, the rest is blank.
    path = forced_align(np.zeros((5, 3), np.float32), [1, 2])
    assert path.frames.tolist() == [1, 2, 0, 0, 0]
    # Equal neighbours keep one blank between them.
    path = forced_align(np.zeros((5, 3), np.float32), [1, 1])
    assert path.frames.tolist() == [1, 0, 1, 0, 0]


@pytest.mark.parametrize("frames,length", [(400, 60), (3001, 800), (2500, 1240)])
def test_finds_a_planted_path(frames, length):
    emissions, tokens, spoken = planted(frames, length, noise=0.5)
    path = forced_align(emissions, tokens)
    assert path.starts.tolist() == spoken.tolist()
    assert path.ends.tolist() == (spoken + 1).tolist()
    assert path.score == pytest.approx(emissions.max(axis=1).sum(dtype=np.float64))
    assert_is_ctc_path(path, tokens, 0)


@pytest.mark.parametrize("block_frames", [1, 7, 100, 999, 1200])
def test_checkpoints_change_nothing(block_frames):
    # More tokens than a tile holds, so that scores also cross tiles; and so noisy that
    # the path is nowhere obvious.
    rng = np.random.default_rng(5)
    emissions = rng.normal(size=(2400, 6)).astype(np.float32)
    tokens = rng.integers(1, 6, 1500)
    cost = {
        "entry_cost_T": rng.uniform(0, 9, 2400).astype(np.float32),
        "entry_tokens": rng.random(1500) < 0.1,
    }
    plain = forced_align(emissions, tokens, **cost, block_frames=2400)
    blocks = forced_align(emissions, tokens, **cost, block_frames=block_frames)
    assert blocks.score == plain.score
    assert np.array_equal(blocks.frames, plain.frames)
    assert np.array_equal(blocks.starts, plain.starts)
    assert np.array_equal(blocks.ends, plain.ends)


def test_long_problems_use_checkpoints_of_their_own_accord():
    emissions, tokens, spoken = planted(12_000, 3_000, noise=0.5)
    path = forced_align(emissions, tokens)
    assert path.starts.tolist() == spoken.tolist()


def test_no_precision_is_lost_far_from_zero():
    # After 20,000 frames at -100 the score is -2e6, where float32 has steps of 0.25.
    emissions = np.full((20_000, 2), -100, np.float32)
    emissions[-10:, 1] = -100.01
    emissions[-4, 1] = -100.005
    path = forced_align(emissions[:, ::-1], [0], blank=1, block_frames=128)
    late = forced_align(
        emissions,
        [1],
        entry_cost_T=np.where(np.arange(20_000) < 19_990, 1, 0),
        entry_tokens=[True],
        block_frames=128,
    )
    assert path.score == pytest.approx(-2_000_000, abs=1e-6)
    assert late.starts.tolist() == [20_000 - 4]
    assert late.score == pytest.approx(-2_000_000.005, abs=1e-3)


def test_as_many_frames_as_tokens_and_repeats_are_enough():
    path = forced_align(np.zeros((4, 3), np.float32), [1, 1, 2])
    assert path.frames.tolist() == [1, 0, 1, 2]


@pytest.mark.parametrize("block_frames", range(1, 12))
def test_without_a_frame_to_spare_there_is_one_path(block_frames):
    tokens = np.arange(1, 12)
    emissions = np.full((11, 12), -1, np.float32)
    path = forced_align(emissions, tokens, block_frames=block_frames)
    assert path.frames.tolist() == tokens.tolist()


def test_a_text_of_probability_zero_is_infeasible():
    emissions = np.zeros((40, 3), np.float32)
    emissions[:, 2] = -np.inf
    for block_frames in (40, 6):
        with pytest.raises(AlignmentInfeasible, match="probability 0"):
            forced_align(emissions, [1, 2], block_frames=block_frames)


def test_no_tokens_are_all_blank():
    path = forced_align(np.full((3, 2), -1, np.float32), [])
    assert path.frames.tolist() == [0, 0, 0]
    assert path.score == -3
    assert path.starts.shape == path.ends.shape == (0,)


def test_a_star_column_takes_what_the_text_does_not_say():
    emissions, tokens, spoken = planted(300, 40, noise=0.5)
    title, _, _ = planted(101, 30, noise=0.5, seed=9)
    heard = np.concatenate([title, emissions])
    heard = np.concatenate([heard, np.zeros((len(heard), 1), np.float32)], axis=1)
    path = forced_align(heard, np.append(30, tokens))
    assert path.starts[1:].tolist() == (spoken + 101).tolist()


def test_an_entry_cost_moves_a_flagged_token_only():
    emissions = np.full((6, 3), -1, np.float32)
    emissions[:, 0] = 0
    emissions[2, 1] = emissions[4, 2] = 1
    cost = np.full(6, 5, np.float32)
    cost[3] = 0
    for flags, starts in ([True, False], [3, 4]), ([False, True], [2, 3]):
        path = forced_align(emissions, [1, 2], entry_cost_T=cost, entry_tokens=flags)
        assert path.starts.tolist() == starts


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_tensors_have_the_path_of_the_cpu():
    emissions, tokens, _ = planted(200, 30)
    path = forced_align(torch.tensor(emissions).cuda(), torch.tensor(tokens).cuda())
    assert path.score == forced_align(emissions, tokens).score


def test_runs_where_nothing_can_be_written(tmp_path):
    for package in ("aligner", "schemas"):
        copy = tmp_path / package
        shutil.copytree(
            ROOT / package, copy, ignore=shutil.ignore_patterns("__pycache__")
        )
        (copy / "__pycache__").write_text("a file in the way of the folder")
    program = (
        "import numpy, aligner.viterbi as v\n"
        "print(v.__file__)\n"
        "print(v.forced_align(numpy.zeros((3, 2), 'f4'), [1]).frames.tolist())"
    )
    environment = {**os.environ, "HOME": "/dev/null", "PYTHONPATH": str(tmp_path)}
    environment["NUMBA_OPT"] = "0"  # compiles in half the time
    for name in ("NUMBA_CACHE_DIR", "XDG_CACHE_HOME"):
        environment.pop(name, None)
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    file, frames = done.stdout.splitlines()
    assert Path(file).parent == tmp_path / "aligner"
    assert frames == "[1, 0, 0]"
