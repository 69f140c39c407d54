import io
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from models.data import Clip
from models.training.slim_ipl import SlimIplBatches, SlimIplConfig, Sources
from schemas.errors import ArtifactError, ConfigError

_CLIPS = 40


def clip(number: int) -> Clip:
    return Clip(f"r_{number:07d}_{number + 1:07d}", b"", 1.0, "", {})


class Counted:
    """A stream of numbered batches."""

    def __init__(self, make: Any) -> None:
        self.at = 0
        self.make = make

    def __next__(self) -> Any:
        self.at += 1
        return self.make(self.at - 1)

    def state_dict(self) -> dict[str, Any]:
        return {"at": self.at}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.at = state["at"]

    def close(self) -> None:
        """There is nothing to be closed."""


class Learner:
    """Hears each clip as the number of updates it has had; now and then nothing."""

    def __init__(self, silent_every: int = 0) -> None:
        self.updates = 0
        self.silent_every = silent_every

    def label(self, clips: Sequence[Clip]) -> list[str]:
        every = self.silent_every
        silent = every and self.updates % every == 0
        return ["" if silent else str(self.updates) for _ in clips]


def stream_of(
    learner: Learner, config: SlimIplConfig, everywhere: Any = bool
) -> SlimIplBatches:
    def again(keys: Collection[str]) -> list[Clip]:
        return [c for c in map(clip, range(_CLIPS)) if c.key in keys]

    def make(clips: list[Clip], rng: np.random.Generator) -> Any:
        return [("pseudo", c.key, c.text, int(rng.integers(100))) for c in clips]

    sources = Sources(
        labeled=Counted(lambda at: [("labeled", at)]),
        unlabeled=Counted(
            lambda at: [clip((2 * at) % _CLIPS), clip((2 * at + 1) % _CLIPS)]
        ),
        again=again,
        label=learner.label,
        make=make,
        everywhere=everywhere,
    )
    return SlimIplBatches(sources, config, seed=3)


def train(stream: SlimIplBatches, learner: Learner, updates: int) -> list[Any]:
    seen = []
    for _ in range(updates):
        seen.append(next(stream))
        learner.updates += 1
    return seen


def test_labeled_and_pseudo_labeled_batches_come_by_turns():
    learner = Learner()
    stream = stream_of(learner, SlimIplConfig(cache=5, supervised=2, unsupervised=3))
    kinds = [batch[0][0] for batch in train(stream, learner, 20)]
    assert kinds == (["labeled"] * 2 + ["pseudo"] * 3) * 4


def test_labels_are_those_of_the_model_when_the_batch_came_in():
    learner = Learner()
    config = SlimIplConfig(cache=4, replacement=0.3, supervised=1, unsupervised=1)
    stream = stream_of(learner, config)
    seen = train(stream, learner, 400)
    ages = [k - int(text) for k, batch in enumerate(seen) if k % 2
            for _, _, text, _ in batch]  # fmt: skip
    # None is learned in the very update that labels it.
    assert min(ages) >= 1
    # One of four is taken every second update and stays for 1 / 0.3 times.
    assert 8 < np.mean(ages[50:]) < 40
    assert all(len({text for _, _, text, _ in batch}) == 1 for batch in seen[1::2])


def test_the_first_cache_is_labeled_before_anything_is_learned():
    learner = Learner()
    stream = stream_of(learner, SlimIplConfig(cache=6, replacement=0.0))
    seen = train(stream, learner, 40)
    texts = {text for batch in seen if batch[0][0] == "pseudo" for *_, text, _ in batch}
    assert texts == {"0"}


@settings(max_examples=40)
@given(
    done=st.integers(0, 40),
    silent_every=st.sampled_from([0, 3, 7]),
    replacement=st.sampled_from([0.0, 0.3, 1.0]),
)
def test_resume_gives_the_very_batches_that_would_have_come(
    done, silent_every, replacement
):
    config = SlimIplConfig(cache=4, replacement=replacement)
    learner = Learner(silent_every)
    stream = stream_of(learner, config)
    train(stream, learner, done)
    file = io.BytesIO()
    torch.save(stream.state_dict(), file)  # as the loop does, for each rank
    file.seek(0)
    resumed_learner = Learner(silent_every)
    resumed_learner.updates = learner.updates
    resumed = stream_of(resumed_learner, config)
    resumed.load_state_dict(torch.load(file, weights_only=True))
    expected = train(stream, learner, 30)
    assert train(resumed, resumed_learner, 30) == expected
    assert resumed.skipped == stream.skipped


def test_an_update_without_labels_is_left_out_on_all_ranks():
    """Two ranks ask at the same time; one of them hears nothing at first."""
    deaf, hearing = Learner(), Learner()
    deaf.label = lambda clips: [""] * len(clips)  # type: ignore[method-assign]
    config = SlimIplConfig(cache=3, replacement=0.0, supervised=1, unsupervised=2)
    asked: list[bool] = []

    def no_other(mine: bool) -> bool:
        asked.append(mine)
        return False  # the other rank has none

    streams = [stream_of(deaf, config), stream_of(hearing, config, no_other)]
    for stream, learner in zip(streams, (deaf, hearing), strict=True):
        seen = train(stream, learner, 10)
        assert [batch[0] for batch in seen] == [("labeled", k) for k in range(10)]
        assert stream.skipped == 18
    assert asked == [True] * 18


def test_clips_in_which_nothing_was_heard_teach_nothing():
    learner = Learner()
    learner.label = lambda clips: ["", "a"]  # type: ignore[method-assign]
    stream = stream_of(learner, SlimIplConfig(cache=3, supervised=1, unsupervised=1))
    pseudo = train(stream, learner, 10)[1::2]
    assert all([text for *_, text, _ in batch] == ["a"] for batch in pseudo)


def test_a_cached_clip_that_is_gone_is_named():
    learner = Learner()
    stream = stream_of(learner, SlimIplConfig(cache=2))
    next(stream)
    state = stream.state_dict()
    state["cache"]["items"][1][0][0] = "r_9999999_9999999"
    with pytest.raises(ArtifactError, match="expected the clip r_9999999_9999999"):
        stream.load_state_dict(state)


def test_numbers_that_cannot_be_are_refused():
    with pytest.raises(ConfigError, match="slimipl: cache: expected 1 up, got 0"):
        SlimIplConfig(cache=0)
    with pytest.raises(ConfigError, match="supervised"):
        SlimIplConfig(supervised=0)
    with pytest.raises(ConfigError, match="replacement: expected 0 to 1, got 2"):
        SlimIplConfig(replacement=2)
