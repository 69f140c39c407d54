"""The processes that train together, by accelerate; one alone is the plain case.

Gradients are summed here and not by ``DistributedDataParallel``: that takes the mean
over ranks, whatever they have heard, wants every weight in every batch, and hides the
network's own attributes behind a wrapper.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
from accelerate import PartialState
from accelerate.utils import broadcast, gather_object, parse_flag_from_env, reduce
from torch import Tensor

from models.devices import choose_device
from schemas.errors import ConfigError

# Large enough to keep a network busy, small beside any model that needs several GPUs.
_BUCKET_VALUES = 1 << 24
# One process may do a step of hours alone (labels of a recipe) while the others wait;
# torch's own 10 minutes would end them.
_PATIENCE = timedelta(days=7)


@dataclass(frozen=True)
class Ranks:
    """This process among those that train together."""

    rank: int
    count: int
    device: torch.device

    @property
    def is_first(self) -> bool:
        """Whether this one writes files and tells how it goes."""
        return self.rank == 0

    def sums(self, values: Iterable[float]) -> list[float]:
        """Return each number summed over the ranks."""
        own = list(values)
        if self.count == 1:
            return own
        # Exact for counts; GPUs of one run are on one machine or know float64, too.
        tensor = torch.tensor(own, dtype=torch.float64, device=self.device)
        return [float(value) for value in reduce(tensor, "sum")]

    def sum_gradients(self, parameters: Iterable[torch.nn.Parameter]) -> None:
        """Make every rank's gradients those of all, summed; missing ones count as 0."""
        if self.count == 1:
            return
        bucket: list[Tensor] = []
        held = 0
        for parameter in parameters:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
            bucket.append(parameter.grad)
            held += parameter.numel()
            if held >= _BUCKET_VALUES:
                _sum_in_place(bucket)
                bucket, held = [], 0
        if bucket:
            _sum_in_place(bucket)

    def share(self, network: torch.nn.Module) -> None:
        """Give every rank the first one's weights and buffers."""
        if self.count > 1:
            with torch.no_grad():
                for tensor in (*network.parameters(), *network.buffers()):
                    tensor.copy_(broadcast(tensor.detach()))

    def share_buffers(self, network: torch.nn.Module) -> None:
        """Give every rank the first one's buffers (means of batch normalisation)."""
        if self.count > 1:
            for tensor in network.buffers():
                tensor.copy_(broadcast(tensor))

    def gathered(self, items: list[Any]) -> list[Any]:
        """Return the items of all ranks, in their order."""
        return gather_object(items) if self.count > 1 else items

    def wait(self) -> None:
        """Return once all ranks have come here."""
        if self.count > 1:
            PartialState().wait_for_everyone()


def ranks_of(device: str) -> Ranks:
    """Return this process's place; ``torchrun`` says if there are others.

    Raises:
      ConfigError: there is no such device, or processes that were started together do
        not find each other.
    """
    wants_cpu = device == "cpu" or parse_flag_from_env("ACCELERATE_USE_CPU")
    on_cpu = wants_cpu or not torch.cuda.is_available()
    state = PartialState(cpu=on_cpu, timeout=_PATIENCE)
    started = int(os.environ.get("WORLD_SIZE", "1"))
    if state.num_processes != started:
        raise ConfigError(
            f"training: expected the {started} processes that were started together, "
            f"found {state.num_processes}; start them with torchrun, on the CPU with "
            "ACCELERATE_USE_CPU=true in the environment"
        )
    if state.num_processes == 1:
        return Ranks(0, 1, choose_device(device))
    return Ranks(state.process_index, state.num_processes, state.device)


def _sum_in_place(gradients: list[Tensor]) -> None:
    flat = torch.cat([gradient.reshape(-1) for gradient in gradients])
    parts = reduce(flat, "sum").split([gradient.numel() for gradient in gradients])
    for gradient, part in zip(gradients, parts, strict=True):
        gradient.copy_(part.view_as(gradient))
