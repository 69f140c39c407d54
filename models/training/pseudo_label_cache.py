"""The cache of slimIPL: batches with labels that a model gave them some updates ago.

Labels that a model has only just made teach it its own mistakes; those of a while ago
keep it from running away with them. Source: Likhomanenko et al. 2021, "slimIPL:
Language-Model-Free Iterative Pseudo-Labeling".
"""

from collections.abc import Callable
from typing import Any, Generic, TypeVar

import numpy as np

from schemas.errors import ConfigError

Item = TypeVar("Item")


class PseudoLabelCache(Generic[Item]):
    """So many batches, each taken once a cycle, in an order drawn anew each time.

    Args:
      size: batches (C in the paper).
      replacement: probability that a batch that was taken makes way for a fresh one (p
        in the paper); a batch is used 1 / p times on average.
      seed: of the order and of what makes way; each rank has its own.

    Raises:
      ConfigError: a number that cannot be.
    """

    def __init__(self, size: int, replacement: float, seed: int) -> None:
        if size < 1:
            raise ConfigError(f"cache: expected 1 batch or more, got {size}")
        if not 0 <= replacement <= 1:
            raise ConfigError(f"replacement: expected 0 to 1, got {replacement}")
        self._size = size
        self._replacement = replacement
        self._rng = np.random.default_rng(seed)
        self._items: list[Item] = []
        self._left: list[int] = []

    @property
    def is_full(self) -> bool:
        """Tell whether batches may be taken."""
        return len(self._items) == self._size

    def add(self, item: Item) -> None:
        """Put a batch into a cache that is not yet full."""
        assert not self.is_full, "a full cache replaces, it does not grow"
        self._items.append(item)

    def take(self, fresh: Callable[[], Item]) -> Item:
        """Return the next batch of the cycle.

        Args:
          fresh: makes the batch that comes in its place, called if it is to make way.
        """
        assert self.is_full, "nothing is taken before the cache is full"
        if not self._left:
            self._left = self._rng.permutation(self._size).tolist()
        slot = self._left.pop()
        item = self._items[slot]
        if self._rng.random() < self._replacement:
            self._items[slot] = fresh()
        return item

    def state_dict(self) -> dict[str, Any]:
        """Return the batches, what is left of the cycle, and the generator's state."""
        return {
            "items": list(self._items),
            "left": list(self._left),
            "generator": self._rng.bit_generator.state,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on as the cache that gave this state would have.

        Raises:
          ConfigError: it is of a larger cache.
        """
        if len(state["items"]) > self._size:
            raise ConfigError(
                f"cache: expected at most {self._size} batches in the checkpoint, got "
                f"{len(state['items'])}"
            )
        self._items = list(state["items"])
        self._left = list(state["left"])
        self._rng.bit_generator.state = state["generator"]
