"""Clips of shards → batches that the training loop takes, made in a worker process."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset

from models.augment import (
    FRAMES_HZ,
    Example,
    TimedWord,
    degraded_example,
    mask_features,
    pad_features,
    plain_example,
    varied_example,
)
from models.data import Clip, SpeechShards
from schemas.errors import ArtifactError, ConfigError

_FRAME_MULTIPLE = 128  # few different shapes: each one costs the CPU library a set-up
_POOL = 128
_MAX_CLIP_SEC = 20.0


@dataclass(frozen=True)
class Batch:
    """Features (B, F, 80), lengths in output frames of 20 ms, the words of each row."""

    features: Tensor
    lengths: list[int]
    words: list[tuple[TimedWord, ...]]


def timed_words(clip: Clip) -> tuple[TimedWord, ...]:
    """Return a clip's romanised words with times from the clip's start.

    Words without letters (numbers) or without a time are left out.

    Raises:
      ArtifactError: the clip's row has not a romanised word for each word.
    """
    origin_sec, words = clip.row["start_sec"], clip.row["words"]
    letters = clip.row["romanised"].split(" ") if words else []
    if len(letters) != len(words):
        raise ArtifactError(
            f"{clip.key}: expected a romanised word for each of {len(words)} words, "
            f"got {len(letters)}"
        )
    return tuple(
        TimedWord(text, word["start_sec"] - origin_sec, word["end_sec"] - origin_sec)
        for text, word in zip(letters, words, strict=True)
        if text and word["start_sec"] is not None
    )


def usable(clip: Clip) -> bool:
    """Tell whether a clip can train CTC: letters, all spoken, not a monster."""
    numbers = clip.row["star_sec"] > 0
    fits = clip.duration_sec <= _MAX_CLIP_SEC
    return fits and not numbers and bool(timed_words(clip))


def make_batch(examples: list[Example]) -> Batch:
    """Pad examples to one tensor; F becomes a multiple of 128."""
    lengths = [(len(example.features) + 1) // 2 for example in examples]
    features = pad_features(examples, _FRAME_MULTIPLE)
    return Batch(features, lengths, [example.words for example in examples])


def require_usable(shards: SpeechShards) -> None:
    """Return if there is anything to train on.

    Raises:
      ConfigError: no clip of the split can train CTC, or there are no shards.
    """
    if not any(map(usable, shards.in_order())):
        raise ConfigError(
            f"{shards.corpus}: expected clips in split {shards.split!r} with words, "
            f"without numbers and of at most {_MAX_CLIP_SEC:.0f} s, found none"
        )


def validation_batches(shards: SpeechShards, clips: int) -> list[Batch]:
    """Return so many unchanged clips, spread evenly over a split, one a batch."""
    # The split may be far larger than the memory: first the keys, then the chosen.
    keys = [clip.key for clip in shards.in_order() if usable(clip)]
    step = max(1, len(keys) // clips)
    chosen = frozenset(keys[::step][:clips])
    return [
        make_batch([plain_example(clip.samples, timed_words(clip))])
        for clip in shards.in_order()
        if clip.key in chosen
    ]


class TrainingBatches(IterableDataset):
    """An endless stream of augmented batches of about ``batch_sec`` of audio.

    ``varied`` chooses ``varied_example`` over ``degraded_example``.
    """

    def __init__(
        self, shards: SpeechShards, *, varied: bool, batch_sec: float, seed: int
    ) -> None:
        self.shards = shards
        self.varied = varied
        self.batch_sec = batch_sec
        self.seed = seed

    def __iter__(self) -> Iterator[Batch]:
        """Yield batches for ever; the same seed gives the same batches."""
        torch.set_num_threads(1)
        rng = np.random.default_rng(self.seed)
        waiting: dict[int, list[Example]] = {}
        ready: list[Batch] = []
        for example in self._examples(rng):
            size = -(-len(example.features) // _FRAME_MULTIPLE) * _FRAME_MULTIPLE
            bucket = waiting.setdefault(size, [])
            bucket.append(example)
            if len(bucket) >= max(1, int(self.batch_sec * FRAMES_HZ / size)):
                ready.append(make_batch(waiting.pop(size)))
            # A pool of batches is drawn from at random, so that lengths mix.
            if len(ready) >= _POOL // 4:
                batch = ready.pop(int(rng.integers(len(ready))))
                mask_features(batch.features, rng)
                yield batch

    def _examples(self, rng: np.random.Generator) -> Iterator[Example]:
        make = varied_example if self.varied else degraded_example
        epoch = 0
        while True:
            for clip in self.shards.epoch(seed=self.seed * 1000 + epoch):
                if usable(clip):
                    yield make(clip.samples, timed_words(clip), rng)
            epoch += 1


def batch_loader(batches: TrainingBatches) -> Iterator[Batch]:
    """Run the stream in one worker process, some batches ahead."""
    return iter(DataLoader(batches, batch_size=None, num_workers=1, prefetch_factor=16))
