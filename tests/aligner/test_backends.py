import numpy as np
import pytest
import torch

from aligner.backends import align_with
from aligner.viterbi import forced_align
from schemas.errors import AlignmentInfeasible, ConfigError
from tests.aligner.planted import planted

OTHERS = ("torchaudio", "ctc-segmentation")
ALL = ("viterbi", *OTHERS)


def with_star(emissions):
    """Append the star's column, and put it before a passage that is not in the text."""
    title, _, _ = planted(61, 20, noise=0.5, seed=9)
    heard = np.concatenate([title, emissions])
    return np.concatenate([heard, np.zeros((len(heard), 1), np.float32)], axis=1)


@pytest.mark.parametrize("noise", [0.5, 2.0])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_torchaudio_finds_the_same_score(noise, seed):
    emissions, tokens, _ = planted(900, 240, labels=6, noise=noise, seed=seed)
    ours = align_with("viterbi", emissions, tokens)
    theirs = align_with("torchaudio", emissions, tokens)
    assert theirs.score == pytest.approx(ours.score, rel=1e-6)


@pytest.mark.parametrize("backend", ALL)
@pytest.mark.parametrize("labels", [4, 30])
def test_starts_of_a_planted_path(backend, labels):
    # With 3 letters every third token repeats the one before it.
    emissions, tokens, spoken = planted(900, 240, labels=labels, noise=0.5)
    path = align_with(backend, emissions, tokens)
    assert np.abs(path.starts - spoken).max() <= 2
    assert np.mean(path.starts == spoken) > 0.98
    assert np.all(path.ends > path.starts)
    assert np.all(path.ends[:-1] <= path.starts[1:])
    best = forced_align(emissions, tokens).score
    assert path.score == pytest.approx(best, rel=0.01)
    assert path.score <= best + 1e-3


@pytest.mark.parametrize("backend", ALL)
def test_star_and_moved_blank(backend):
    emissions, tokens, spoken = planted(300, 60, noise=0.5)
    heard = with_star(emissions)
    heard = np.roll(heard, 5, axis=1)
    blank, star, moved = 5, (30 + 5) % 31, (tokens + 5) % 31
    path = align_with(backend, heard, np.append(star, moved), blank)
    assert np.abs(path.starts[1:] - (spoken + 61)).max() <= 2
    assert path.frames[path.starts[0]] == star


@pytest.mark.parametrize("backend", ALL)
def test_first_and_last_frame_may_be_tokens(backend):
    emissions = np.full((4, 4), -8, np.float32)
    emissions[np.arange(4), [1, 2, 0, 3]] = 0
    path = align_with(backend, emissions, [1, 2, 3])
    assert path.frames.tolist() == [1, 2, 0, 3]
    assert path.starts.tolist() == [0, 1, 3]
    assert path.ends.tolist() == [1, 2, 4]
    assert path.score == 0


@pytest.mark.parametrize("backend", ALL)
def test_unclear_frames_at_the_ends_count_too(backend):
    emissions, tokens, spoken = planted(400, 60, noise=0.5)
    unclear = np.full((60, 30), -4, np.float32)
    unclear[:, 0] = -3
    heard = np.concatenate([unclear, emissions, unclear])
    heard[10, 7] = heard[510, 8] = -1
    path = align_with(backend, heard, [7, *tokens, 8])
    assert path.starts.tolist() == [10, *(spoken + 60), 510]


@pytest.mark.parametrize("backend", ALL)
def test_equal_neighbours_stay_apart(backend):
    emissions = np.full((8, 3), -4, np.float32)
    emissions[[0, 7], 0] = 0
    emissions[1:7, 1] = 0  # one long sound without a gap
    path = align_with(backend, emissions, [1, 1])
    assert path.starts[0] == 1
    assert path.ends[0] < path.starts[1]
    assert np.all(path.frames[path.ends[0] : path.starts[1]] == 0)


@pytest.mark.parametrize("backend", ALL)
def test_inputs_are_checked_alike(backend):
    emissions = np.zeros((4, 3), np.float32)
    with pytest.raises(AlignmentInfeasible, match="truncated"):
        align_with(backend, emissions, [1, 1, 1])
    with pytest.raises(ValueError, match="tokens"):
        align_with(backend, emissions, [0])
    with pytest.raises(ValueError, match="frame 0"):
        align_with(backend, emissions + np.nan, [1])
    emissions[:, 1] = -np.inf
    with pytest.raises(AlignmentInfeasible, match="probability 0"):
        align_with(backend, emissions, [1, 2])


@pytest.mark.parametrize("backend", ALL)
def test_any_array_and_no_tokens(backend):
    emissions, tokens, spoken = planted(60, 10, noise=0.5)
    path = align_with(backend, torch.tensor(emissions), torch.tensor(tokens))
    assert path.starts.tolist() == spoken.tolist()
    emissions.flags.writeable = False
    path = align_with(backend, emissions, tokens)
    assert path.starts.tolist() == spoken.tolist()
    assert align_with(backend, emissions, []).frames.tolist() == [0] * 60


def test_only_viterbi_has_entry_costs():
    emissions, tokens, _ = planted(60, 10)
    cost = {"entry_cost_T": np.ones(60), "entry_tokens": np.ones(10, bool)}
    path = align_with("viterbi", emissions, tokens, **cost)
    assert path.score == forced_align(emissions, tokens, **cost).score
    for backend in OTHERS:
        with pytest.raises(ConfigError, match=r"pause_cost = 0.*viterbi"):
            align_with(backend, emissions, tokens, **cost)


def test_unknown_backend():
    with pytest.raises(ConfigError, match=r"align\.backend.*'magic'"):
        align_with("magic", np.zeros((4, 3), np.float32), [1])


@pytest.mark.parametrize("backend", OTHERS)
def test_refuses_a_length_that_it_cannot_do(backend):
    # 23 minutes; torchaudio would end the process, the other want 11 GiB.
    emissions = np.zeros((69_000, 3), np.float32)
    tokens = np.tile([1, 2], 10_000)
    with pytest.raises(ConfigError, match=r"69000 frames.*viterbi"):
        align_with(backend, emissions, tokens)
