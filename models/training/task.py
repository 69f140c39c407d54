"""What the training loop asks of a job."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from torch import Tensor, nn


@dataclass(frozen=True)
class Losses:
    """Losses of one batch, summed and not yet divided.

    The loop divides by the items of all batches that make one step, over accumulation
    and all ranks: a batch with twice the letters has twice the weight.
    """

    total: Tensor
    """Scalar in float32, with its gradient."""
    items: int
    """Letters or frames that it is the sum of."""
    parts: Mapping[str, float] = field(default_factory=dict)
    """Sums for the log, divided by the same items."""
    left_out: Mapping[str, str] = field(default_factory=dict)
    """Clips that are not in the sum, by key: why. They are counted and named."""


class Task(Protocol):
    """A job: what is minimised, and how well it goes."""

    def losses(self, network: nn.Module, batch: Any) -> Losses:
        """Return the losses of a batch that is on the network's device."""

    def validate(self, network: nn.Module) -> dict[str, float]:
        """Return measures on held-out clips by name; the network is in eval mode."""


class Batches(Protocol):
    """An endless stream of batches that can go on where it was."""

    def __next__(self) -> Any:
        """Return the next batch; it has a method ``to(device)``.

        If it has ``keys``, clips at fault can be named; if it has ``heard_sec``, the
        hours heard are told.
        """

    def state_dict(self) -> dict[str, Any]:
        """Return where the stream is: what the last ``__next__`` returned is done.

        Tensors, numbers, strings, None, and lists and dictionaries of them.
        """

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there, with the very batches that would have come."""
