"""Batches in, changed weights out: one step, on all ranks alike."""

from collections.abc import Mapping
from typing import Any, cast

import torch
from torch import nn

from models.networks.speech_network import SpeechNetwork
from models.training.config import LoopConfig
from models.training.incidents import Incidents
from models.training.ranks import Ranks
from models.training.tally import Tally
from models.training.task import Batches, Losses, Task
from schemas.errors import ConfigError


class Learner:
    """A network with its optimiser."""

    def __init__(
        self, network: nn.Module, task: Task, config: LoopConfig, ranks: Ranks
    ) -> None:
        self.network, self.task = network, task
        self.config, self.ranks = config, ranks
        network.to(ranks.device)
        ranks.share(network)
        learning = {k: p for k, p in network.named_parameters() if p.requires_grad}
        self.optimiser = torch.optim.AdamW(
            learning.values(),
            lr=config.learning_rate,
            betas=config.betas,
            weight_decay=config.weight_decay,
        )
        self.encoder, self.heads = _parted(network, learning, config.frozen_steps)
        self.gradient_norm = 0.0
        """Of the last step that was not skipped, before it was cut."""
        self.learning_rate = 0.0
        self.heard_sec = 0.0

    def take_step(self, step: int, batches: Batches, incidents: Incidents) -> Tally:
        """Hear the batches of a step and change the weights, or skip it.

        Args:
          step: how many came before it.
          batches: this rank's.
          incidents: told what does not go by the book.

        Returns:
          This rank's losses; empty if the step was skipped.

        Raises:
          TrainingDiverged: too many were.
        """
        learning = self._prepare(step)
        own, keys, bad_keys, heard_sec = Tally(), [], [], 0.0
        for _ in range(self.config.accumulate):
            batch = next(batches).to(self.ranks.device)
            batch_keys = list(getattr(batch, "keys", ()))
            keys += batch_keys
            heard_sec += getattr(batch, "heard_sec", 0.0)
            losses = self._losses(batch)
            incidents.left_out.update(losses.left_out)
            if not torch.isfinite(losses.total):
                bad_keys += batch_keys or ["(unnamed)"]
            elif losses.items:
                losses.total.backward()
                own.add(losses)
        items, bad, heard_sec = self.ranks.sums((own.items, len(bad_keys), heard_sec))
        self.heard_sec += heard_sec
        if bad:
            incidents.skip(step + 1, "loss is no number", bad_keys)
        elif not items:
            incidents.skip(step + 1, "nothing to learn", keys)
        elif not self._change(learning, items):
            incidents.skip(step + 1, "gradient is no number", keys)
        else:
            self.optimiser.zero_grad()
            return own
        self.optimiser.zero_grad()
        return Tally()

    def measures(self) -> dict[str, float]:
        """Validate, on all ranks alike, so that none waits for another."""
        self.network.eval()
        with torch.no_grad(), self._precision():
            found = self.task.validate(self.network)
        self.network.train()
        return found

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint keeps besides the weights."""
        return {
            "optimiser": self.optimiser.state_dict(),
            "gradient_norm": self.gradient_norm,
            "heard_sec": self.heard_sec,
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on with it."""
        self.optimiser.load_state_dict(state["optimiser"])
        self.gradient_norm = state["gradient_norm"]
        self.heard_sec = state["heard_sec"]

    def release(self) -> None:
        """Let all weights learn that did when it began."""
        for parameter in self.encoder:
            parameter.requires_grad_(True)

    def _prepare(self, step: int) -> list[nn.Parameter]:
        """Set the rate of a step and return the weights that learn in it."""
        share = self.config.schedule.share(step, self.config.steps)
        self.learning_rate = self.config.learning_rate * share
        for group in self.optimiser.param_groups:
            group["lr"] = self.learning_rate
        is_frozen = step < self.config.frozen_steps
        for parameter in self.encoder:
            parameter.requires_grad_(not is_frozen)
        return self.heads if is_frozen else [*self.encoder, *self.heads]

    def _precision(self) -> torch.autocast:
        is_half = self.config.precision == "bf16"
        device = self.ranks.device.type
        return torch.autocast(device, dtype=torch.bfloat16, enabled=is_half)

    def _losses(self, batch: Any) -> Losses:
        with self._precision():
            losses = self.task.losses(self.network, batch)
        if losses.total.dtype != torch.float32:
            raise TypeError(f"loss: expected float32, got {losses.total.dtype}")
        return losses

    def _change(self, learning: list[nn.Parameter], items: float) -> bool:
        """Change the weights unless the gradient is no number; tell if it was one."""
        self.ranks.sum_gradients(learning)
        for parameter in learning:
            if parameter.grad is not None:
                parameter.grad.div_(items)
        most = self.config.clip_norm or float("inf")
        norm = float(nn.utils.clip_grad_norm_(learning, most))
        if not norm < float("inf"):  # neither infinite nor NaN
            return False
        self.gradient_norm = norm
        self.optimiser.step()
        return True


def _parted(
    network: nn.Module, learning: Mapping[str, nn.Parameter], frozen_steps: int
) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    """Return the weights that wait for ``frozen_steps``, and those that do not."""
    if not frozen_steps:
        return [], list(learning.values())
    speech = cast(SpeechNetwork, network)
    waits = {name: speech.is_encoder(name) for name in learning}
    encoder = [weights for name, weights in learning.items() if waits[name]]
    heads = [weights for name, weights in learning.items() if not waits[name]]
    if not heads:
        raise ConfigError(
            "training: frozen_steps: expected heads that learn while the encoder is "
            "frozen, got a network without any; say 0"
        )
    return encoder, heads
