"""Training on a language of tones: it learns, stops and goes on, or says why not."""

import math

import pytest
import torch

from models.network import NetworkConfig
from models.train_asr import Progress, TrainConfig, progress_lines, train_asr
from schemas.errors import ConfigError
from tests.models.shards import (
    shard_path,
    spoken_sample,
    write_speech_corpus,
    write_tar,
)

TINY = NetworkConfig(
    outer_channels=32,
    inner_channels=32,
    entry_blocks=1,
    inner_blocks=1,
    exit_blocks=1,
    outer_kernel=5,
    inner_kernel=5,
)
CONFIG = TrainConfig(
    sharp_steps=24,
    free_steps=10,
    batch_sec=6.0,
    sharp_learning_rate=5e-3,
    free_learning_rate=5e-3,
    warmup_steps=3,
    checkpoint_every=8,
    validation_clips=4,
)


class Stopped(Exception):
    """What a user's Ctrl-C is in these tests."""


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    root = tmp_path_factory.mktemp("corpus")
    write_speech_corpus(root, {"train": 16, "dev": 4})
    return root


@pytest.fixture(scope="module")
def trained(corpus, tmp_path_factory):
    folder = tmp_path_factory.mktemp("training")
    told: list[Progress] = []
    network = train_asr(corpus, folder, CONFIG, told.append, TINY)
    return network, told, folder


def state_of(folder) -> dict:
    return torch.load(folder / "state.pt", weights_only=True)


def optimiser_steps(state) -> set[int]:
    return {int(entry["step"]) for entry in state["optimiser"]["state"].values()}


def test_the_loss_falls(trained):
    _, told, _ = trained
    sharp = [progress.loss for progress in told if progress.stage == "sharp"]
    assert len(sharp) == 3
    assert sharp[-1] < 0.75 * sharp[0]
    assert all(math.isfinite(progress.loss) for progress in told)


def test_progress_tells_where_it_is(trained):
    _, told, _ = trained
    assert [(p.stage, p.step, p.steps) for p in told] == [
        ("sharp", 8, 24),
        ("sharp", 16, 24),
        ("sharp", 24, 24),
        ("free", 8, 10),
        ("free", 10, 10),
    ]
    heard = [progress.heard_hours for progress in told]
    assert heard == sorted(heard)
    # 34 steps of at most 6 s; clips are shorter than what they are padded to.
    assert 0.2 * 34 * 6 < heard[-1] * 3600 <= 34 * 6
    assert all(0 <= p.validation_cer <= 2 for p in told)


def test_the_checkpoint_is_the_network_and_loads_without_unpickling(trained):
    network, _, folder = trained
    state = state_of(folder)
    assert state["done"] == {"sharp": 24, "free": 10}
    assert optimiser_steps(state) == {34}
    for name, weights in network.state_dict().items():
        assert torch.equal(weights, state["network"][name])


def test_a_run_that_is_done_does_nothing_more(trained, corpus):
    network, _, folder = trained
    before = (folder / "state.pt").stat().st_mtime_ns
    told: list[Progress] = []
    again = train_asr(corpus, folder, CONFIG, told.append, TINY)
    assert told == []
    assert (folder / "state.pt").stat().st_mtime_ns == before
    for one, two in zip(network.parameters(), again.parameters(), strict=True):
        assert torch.equal(one, two)


@pytest.mark.parametrize("stopped_at", [("sharp", 16), ("free", 8)])
def test_a_stopped_run_goes_on_to_the_same_number_of_steps(
    stopped_at, corpus, tmp_path
):
    def stop(progress: Progress) -> None:
        if (progress.stage, progress.step) == stopped_at:
            raise Stopped

    with pytest.raises(Stopped):
        train_asr(corpus, tmp_path, CONFIG, stop, TINY)
    state = state_of(tmp_path)
    assert state["done"][stopped_at[0]] == stopped_at[1]
    heard_sec = state["heard_sec"]
    told: list[Progress] = []
    train_asr(corpus, tmp_path, CONFIG, told.append, TINY)
    state = state_of(tmp_path)
    assert state["done"] == {"sharp": 24, "free": 10}
    assert optimiser_steps(state) == {34}
    assert state["heard_sec"] > heard_sec
    after = {("sharp", 16): ("sharp", 24), ("free", 8): ("free", 10)}
    assert (told[0].stage, told[0].step) == after[stopped_at]


@pytest.mark.parametrize(
    ("config", "shape", "told"),
    [
        (TrainConfig(**{**vars(CONFIG), "seed": 2}), TINY, "seed"),
        (CONFIG, NetworkConfig(outer_channels=16), "network"),
    ],
)
def test_other_settings_in_the_same_folder_are_refused(
    config, shape, told, trained, corpus
):
    _, _, folder = trained
    with pytest.raises(ConfigError, match=rf"other settings \({told}\)"):
        train_asr(corpus, folder, config, print, shape)


def test_a_corpus_without_a_dev_split_is_refused(tmp_path):
    write_speech_corpus(tmp_path / "corpus", {"train": 2})
    with pytest.raises(ConfigError, match=r"<language>/dev/"):
        train_asr(tmp_path / "corpus", tmp_path / "training", CONFIG, print, TINY)


def test_a_corpus_with_nothing_to_learn_is_refused_instead_of_searched_for_ever(
    tmp_path,
):
    corpus = tmp_path / "corpus"
    write_speech_corpus(corpus, {"dev": 2})
    write_tar(shard_path(corpus, "swh", "train"), {"a_1_2": spoken_sample([])})
    config = TrainConfig(**{**vars(CONFIG), "selection": None})
    with pytest.raises(ConfigError, match="split 'train'"):
        train_asr(corpus, tmp_path / "training", config, print, TINY)


@pytest.mark.parametrize(
    "wrong",
    [
        {"sharp_steps": 0, "free_steps": 0},
        {"sharp_steps": -1},
        {"free_steps": -5},
        {"warmup_steps": 0},
        {"checkpoint_every": 0},
        {"validation_clips": 0},
        {"batch_sec": 0.0},
    ],
    ids=str,
)
def test_impossible_settings_are_refused(wrong):
    with pytest.raises(ConfigError, match="train: "):
        TrainConfig(**wrong)


def test_lines_for_the_log():
    lines: list[str] = []
    report = progress_lines(lines.append)
    report(Progress("sharp", 50, 200, 1.25, 0.5, 90.0, None))
    report(Progress("free", 200, 200, 0.75, 2.0, 300.0, 0.125))
    assert lines == [
        "sharp 50/200 (25%)  loss 1.250  heard 0.5 h  1.5 min",
        "free 200/200 (100%)  loss 0.750  heard 2.0 h  5.0 min  letters wrong 12.5%",
    ]
