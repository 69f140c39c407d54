"""Batches read and made, here or in worker processes."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from models.data.clip import Clip
from models.data.clip_reader import read_clip
from models.data.clip_table import ClipPlace, Shard
from schemas.errors import PericopeError

Make = Callable[[list[Clip], np.random.Generator], Any]
"""Clips and random numbers → a batch."""
_READ_AHEAD = 4  # batches of each worker


class Order(NamedTuple):
    """What a worker gets: the clips of one batch and the batch's own random numbers."""

    places: list[ClipPlace]
    seed: list[int]


@dataclass(frozen=True)
class Reader(Dataset):
    """Orders → batches; runs in the workers, which know nothing else."""

    shards: tuple[Shard, ...]
    make: Make

    def __getitem__(self, order: Order) -> Any:
        """Read and make a batch; an error is handed over and raised by who asked."""
        try:
            clips = [
                read_clip(self.shards[place.shard], place) for place in order.places
            ]
            return self.make(clips, np.random.default_rng(order.seed))
        except PericopeError as error:
            return error


def made_batches(
    reader: Reader, orders: Iterable[Order], workers: int
) -> Iterator[Any]:
    """Yield what becomes of orders, in their order; 0 workers read here.

    Raises:
      ArtifactError: a clip cannot be read.
    """
    loader = DataLoader(
        reader,
        batch_size=None,
        sampler=orders,
        num_workers=workers,
        collate_fn=_as_it_is,
        prefetch_factor=_READ_AHEAD if workers else None,
        # One of its own: the trainer's random numbers must not depend on the loader.
        generator=torch.Generator(),
    )
    for batch in loader:
        if isinstance(batch, PericopeError):
            raise batch
        yield batch


def _as_it_is(batch: Any) -> Any:
    return batch
