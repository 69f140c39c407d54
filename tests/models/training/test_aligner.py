"""Training on a language of tones: it learns, stops and goes on, or says why not."""

import math
from pathlib import Path

import pytest
import torch

from models.network import AcousticNetwork, NetworkConfig
from models.training.aligner import AlignerConfig, train_aligner
from models.training.checkpoints import load_weights
from models.training.progress import Progress
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
CONFIG = AlignerConfig(
    sharp_steps=24,
    free_steps=10,
    batch_sec=6.0,
    sharp_learning_rate=5e-3,
    free_learning_rate=4e-3,
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
    network = train_aligner(corpus, folder, CONFIG, told.append, TINY)
    return network, told, folder


def checkpoint_of(folder) -> Path:
    (checkpoint,) = (folder / "checkpoint").glob("step-*")
    return checkpoint


def optimiser_steps(folder) -> set[int]:
    run = torch.load(checkpoint_of(folder) / "run.pt", weights_only=True)
    states = run["learner"]["optimiser"]["state"].values()
    return {int(entry["step"]) for entry in states}


def test_the_loss_falls(trained):
    _, told, _ = trained
    sharp = [progress.loss for progress in told[:3]]
    assert sharp[-1] < 0.75 * sharp[0]
    assert all(math.isfinite(progress.loss) for progress in told)


def test_progress_tells_where_it_is(trained):
    _, told, _ = trained
    assert [(p.step, p.steps) for p in told] == [(k, 34) for k in (8, 16, 24, 32, 34)]
    heard = [progress.heard_hours for progress in told]
    assert heard == sorted(heard)
    # 34 steps of at most 6 s; clips are shorter than what they are padded to.
    assert 0.2 * 34 * 6 < heard[-1] * 3600 <= 34 * 6
    assert all(0 <= p.measures["cer"] <= 2 for p in told)


def test_each_stage_rises_and_falls_to_its_own_rate():
    schedule = CONFIG.loop.schedule
    rates = [schedule.share(step, 34) for step in range(34)]
    for first, steps, highest in ((0, 24, 5e-3), (24, 10, 4e-3)):
        fall = [
            highest * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * k / steps)))
            for k in range(steps)
        ]
        rise = [min(1.0, (k + 1) / 3) for k in range(steps)]
        assert rates[first : first + steps] == pytest.approx(
            [a * b for a, b in zip(rise, fall, strict=True)]
        )


def test_the_checkpoint_is_the_network(trained):
    network, _, folder = trained
    assert checkpoint_of(folder).name == "step-00000034"
    assert optimiser_steps(folder) == {34}
    other = AcousticNetwork(TINY)
    load_weights(other, checkpoint_of(folder) / "network.safetensors")
    for name, weights in network.state_dict().items():
        assert torch.equal(weights, other.state_dict()[name])


def test_a_run_that_is_done_does_nothing_more(trained, corpus):
    network, _, folder = trained
    before = checkpoint_of(folder).stat().st_mtime_ns
    told: list[Progress] = []
    again = train_aligner(corpus, folder, CONFIG, told.append, TINY)
    assert told == []
    assert checkpoint_of(folder).stat().st_mtime_ns == before
    for one, two in zip(network.parameters(), again.parameters(), strict=True):
        assert torch.equal(one, two)


@pytest.mark.parametrize("stopped_at", [16, 32])
def test_a_stopped_run_goes_on_to_the_same_number_of_steps(
    stopped_at, corpus, tmp_path
):
    def stop(progress: Progress) -> None:
        if progress.step == stopped_at:
            raise Stopped

    with pytest.raises(Stopped):
        train_aligner(corpus, tmp_path, CONFIG, stop, TINY)
    assert checkpoint_of(tmp_path).name == f"step-{stopped_at:08d}"
    told: list[Progress] = []
    train_aligner(corpus, tmp_path, CONFIG, told.append, TINY)
    assert optimiser_steps(tmp_path) == {34}
    assert told[0].step == min(stopped_at + 8, 34)


@pytest.mark.parametrize(
    ("config", "shape", "told"),
    [
        (AlignerConfig(**{**vars(CONFIG), "seed": 2}), TINY, "seed"),
        (CONFIG, NetworkConfig(outer_channels=16), "network"),
    ],
)
def test_other_settings_in_the_same_folder_are_refused(
    config, shape, told, trained, corpus
):
    _, _, folder = trained
    with pytest.raises(ConfigError, match=rf"other settings \({told} "):
        train_aligner(corpus, folder, config, print, shape)


def test_a_corpus_without_a_dev_split_is_refused(tmp_path):
    write_speech_corpus(tmp_path / "corpus", {"train": 2})
    with pytest.raises(ConfigError, match=r"<language>/dev/"):
        train_aligner(tmp_path / "corpus", tmp_path / "training", CONFIG, print, TINY)


def test_a_corpus_with_nothing_to_learn_is_refused_instead_of_searched_for_ever(
    tmp_path,
):
    corpus = tmp_path / "corpus"
    write_speech_corpus(corpus, {"dev": 2})
    write_tar(shard_path(corpus, "swh", "train"), {"a_1_2": spoken_sample([])})
    config = AlignerConfig(**{**vars(CONFIG), "selection": None})
    with pytest.raises(ConfigError, match="split 'train'"):
        train_aligner(corpus, tmp_path / "training", config, print, TINY)


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
        AlignerConfig(**wrong)
