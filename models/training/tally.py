"""Sums of losses between two reports."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from models.training.task import Losses


@dataclass
class Tally:
    """Losses of batches, summed with the items that they are the sums of."""

    total: float = 0.0
    items: int = 0
    parts: dict[str, float] = field(default_factory=dict)

    def add(self, losses: Losses) -> None:
        """Count a batch in."""
        self += Tally(float(losses.total.detach()), losses.items, dict(losses.parts))

    def __add__(self, other: "Tally") -> "Tally":
        parts = Counter(self.parts)
        parts.update(other.parts)
        return Tally(self.total + other.total, self.items + other.items, dict(parts))

    def __iadd__(self, other: "Tally") -> "Tally":
        both = self + other
        self.total, self.items, self.parts = both.total, both.items, both.parts
        return self

    @property
    def mean(self) -> float:
        """Loss per item, NaN without any."""
        return self.total / self.items if self.items else float("nan")

    @property
    def means(self) -> dict[str, float]:
        """Parts per item."""
        return {k: v / self.items for k, v in self.parts.items()} if self.items else {}

    def state(self) -> dict[str, Any]:
        """Return it as numbers."""
        return dict(vars(self))

    @classmethod
    def of(cls, state: Mapping[str, Any]) -> "Tally":
        """Return what ``state`` was taken of."""
        return cls(**state)
