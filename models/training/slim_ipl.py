"""slimIPL's stream of batches: labeled ones, and others that the model labels itself.

One model, no language model, hard greedy labels. The labels are of some updates ago and
made without dropout and augmentation; the model learns from them with both. Source:
Likhomanenko et al. 2021, "slimIPL: Language-Model-Free Iterative Pseudo-Labeling".
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from models.data import Clip
from models.training.pseudo_label_cache import PseudoLabelCache
from models.training.task import Batches
from schemas.errors import ArtifactError, ConfigError

MakeBatch = Callable[[list[Clip], np.random.Generator], Any]


@dataclass(frozen=True, kw_only=True)
class SlimIplConfig:
    """The settings of the paper for 100 hours with text; for 10 it has 1000 and 1:10.

    Raises:
      ConfigError: a number that cannot be.
    """

    cache: int = 100
    """Batches of each rank that wait with their labels."""
    replacement: float = 0.1
    """Probability that a batch makes way for a fresh one when it is taken."""
    supervised: int = 1
    """So many labeled batches, then ..."""
    unsupervised: int = 4
    """... so many others, by turns."""

    def __post_init__(self) -> None:
        for name in ("cache", "supervised", "unsupervised"):
            if getattr(self, name) < 1:
                raise ConfigError(
                    f"slimipl: {name}: expected 1 up, got {getattr(self, name)}"
                )
        if not 0 <= self.replacement <= 1:
            raise ConfigError(
                f"slimipl: replacement: expected 0 to 1, got {self.replacement}"
            )


class Closing(Batches, Protocol):
    """A stream that may have processes which read for it."""

    def close(self) -> None:
        """End them."""


@dataclass(frozen=True, kw_only=True)
class Sources:
    """Where the batches come from, and who labels them."""

    labeled: Closing
    """Ready batches."""
    unlabeled: Closing
    """Lists of clips without text."""
    again: Callable[[Collection[str]], Iterable[Clip]]
    """Reads clips of the unlabeled stream by their keys, after a resume."""
    label: Callable[[Sequence[Clip]], list[str]]
    """What the model of this moment hears in clips."""
    make: MakeBatch
    """Makes a batch of clips that have text."""
    everywhere: Callable[[bool], bool] = bool
    """Whether something holds on all ranks; each asks at the same time."""


class SlimIplBatches:
    """An endless stream (``Batches``) that goes on exactly where it was.

    A checkpoint holds keys and labels of the cache, not its audio. A clip in which
    nothing was heard stays in the cache and teaches nothing; an update is left out on
    all ranks if one of them has nothing to learn from.
    """

    def __init__(self, sources: Sources, config: SlimIplConfig, seed: int) -> None:
        """Begin; each rank has a seed of its own."""
        self.sources = sources
        self.config = config
        self.skipped = 0
        """Updates that were left out, because a rank had no label."""
        self._cache: PseudoLabelCache[list[Clip]] = PseudoLabelCache(
            config.cache, config.replacement, seed
        )
        self._rng = np.random.default_rng([seed, 1])
        self._turn = 0

    def __next__(self) -> Any:
        """Return the next batch; fills the cache before the first one."""
        while not self._cache.is_full:
            self._cache.add(self._fresh())
        cycle = self.config.supervised + self.config.unsupervised
        while True:
            turn = self._turn % cycle
            self._turn += 1
            if turn < self.config.supervised:
                return next(self.sources.labeled)
            clips = self._cache.take(self._fresh)
            heard = [clip for clip in clips if clip.text]
            if self.sources.everywhere(bool(heard)):
                return self.sources.make(heard, self._rng)
            self.skipped += 1

    def close(self) -> None:
        """End the processes that read."""
        self.sources.labeled.close()
        self.sources.unlabeled.close()

    def _fresh(self) -> list[Clip]:
        """Return unlabeled clips as the model hears them now."""
        clips = next(self.sources.unlabeled)
        texts = self.sources.label(clips)
        return [
            replace(clip, text=text) for clip, text in zip(clips, texts, strict=True)
        ]

    def state_dict(self) -> dict[str, Any]:
        """Return where the stream is, with the labels of the cache."""
        cache = self._cache.state_dict()
        named = [[[clip.key, clip.text] for clip in clips] for clips in cache["items"]]
        return {
            "turn": self._turn,
            "skipped": self.skipped,
            "generator": self._rng.bit_generator.state,
            "cache": {**cache, "items": named},
            "labeled": self.sources.labeled.state_dict(),
            "unlabeled": self.sources.unlabeled.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there.

        Raises:
          ArtifactError: a clip of the cache is no longer in the shards.
          ConfigError: the state is of a larger cache.
        """
        named = state["cache"]["items"]
        keys = {key for batch in named for key, _ in batch}
        clips = {clip.key: clip for clip in self.sources.again(keys)}
        if missing := keys - clips.keys():
            raise ArtifactError(
                f"slimipl: expected the clip {min(missing)}, which the checkpoint's "
                "cache has, found none in the shards; the corpus has changed since: "
                "delete the folder of this step to start it anew"
            )
        items = [
            [replace(clips[key], text=text) for key, text in batch] for batch in named
        ]
        self._cache.load_state_dict({**state["cache"], "items": items})
        self._turn, self.skipped = state["turn"], state["skipped"]
        self._rng.bit_generator.state = state["generator"]
        self.sources.labeled.load_state_dict(state["labeled"])
        self.sources.unlabeled.load_state_dict(state["unlabeled"])
