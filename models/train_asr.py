"""CTC training of the bundled architecture from labeled shards.

Two stages: first the sharp timed loss on degraded speech (exact timing), then the free
loss on widely varied speech (which lets the model follow people). See ``losses``.
"""

import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from models.checkpoint import load_state, save_state
from models.data import SpeechShards
from models.examples import (
    Batch,
    TrainingBatches,
    batch_loader,
    require_usable,
    validation_batches,
)
from models.losses import timed_loss, utterance_loss
from models.metrics import ErrorCount, letter_errors
from models.network import AcousticNetwork, NetworkConfig
from schemas.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """How long and how fast; the defaults make the bundled model.

    Raises:
      ConfigError: a number that cannot be.
    """

    sharp_steps: int = 8000
    free_steps: int = 8000
    batch_sec: float = 20.0
    """Audio of one step."""
    sharp_learning_rate: float = 1.5e-3
    free_learning_rate: float = 1.1e-3
    weight_decay: float = 0.02
    warmup_steps: int = 150
    clip_norm: float = 2.0
    selection: str | None = "default"
    seed: int = 1
    checkpoint_every: int = 1000
    validation_clips: int = 60

    def __post_init__(self) -> None:
        least = {
            "sharp_steps": 0,
            "free_steps": 0,
            "warmup_steps": 1,
            "checkpoint_every": 1,
            "validation_clips": 1,
        }
        for name, smallest in least.items():
            value = getattr(self, name)
            if value < smallest:
                raise ConfigError(f"train: {name}: expected {smallest} up, got {value}")
        if not self.batch_sec > 0:
            raise ConfigError(
                f"train: batch_sec: expected above 0, got {self.batch_sec}"
            )
        if self.sharp_steps + self.free_steps == 0:
            raise ConfigError("train: expected at least one step, got none")


@dataclass(frozen=True)
class Progress:
    """What the log shows after some steps."""

    stage: str
    step: int
    steps: int
    loss: float
    heard_hours: float
    elapsed_sec: float
    validation_cer: float | None


Report = Callable[[Progress], None]


def train_asr(
    corpus: Path,
    folder: Path,
    config: TrainConfig,
    report: Report,
    network_config: NetworkConfig | None = None,
) -> AcousticNetwork:
    """Train from a corpus; checkpoints go to ``folder`` and are resumed from there.

    Args:
      corpus: the output folder of `pericope run`, with the splits train and dev.
      folder: made if it is not there.
      config: how long and how fast.
      report: called every 100 steps and after each checkpoint.
      network_config: widths and depths; None takes those of the bundled model.

    Returns:
      The network after the last step.

    Raises:
      ConfigError: the corpus has no shards or nothing to train on, or the folder has a
        checkpoint of other settings.
      ArtifactError: a shard or the checkpoint is damaged.
    """
    torch.manual_seed(config.seed)
    network = AcousticNetwork(network_config or NetworkConfig())
    shards = SpeechShards(corpus=corpus, selection=config.selection)
    held_out = replace(shards, split="dev")
    return train_network(network, shards, held_out, folder, config, report)


def train_network(
    network: AcousticNetwork,
    shards: SpeechShards,
    held_out: SpeechShards,
    folder: Path,
    config: TrainConfig,
    report: Report,
) -> AcousticNetwork:
    """Train a network, which is changed, from the weights that it has.

    Checkpoints know neither the first weights nor the clips: name their folder by them.
    ``config.selection`` is not looked at; ``held_out`` has the clips whose wrong
    letters are told. All else is as in ``train_asr``.
    """
    for split in (shards, held_out):
        require_usable(split)
    validation = validation_batches(held_out, config.validation_clips)
    run = _Run(network, config, folder, report, validation)
    run.resume()
    run.stage("sharp", shards, config.sharp_steps, config.sharp_learning_rate)
    run.stage("free", shards, config.free_steps, config.free_learning_rate)
    return network


class _Run:
    """The state of one training run: network, optimiser, step and what was heard."""

    def __init__(
        self,
        network: AcousticNetwork,
        config: TrainConfig,
        folder: Path,
        report: Report,
        validation: list[Batch],
    ) -> None:
        self.network = network
        self.config = config
        self.folder = folder
        self.report = report
        self.validation = validation
        self.optimiser = torch.optim.AdamW(
            network.parameters(), weight_decay=config.weight_decay, betas=(0.9, 0.98)
        )
        self.done = {"sharp": 0, "free": 0}
        self.heard_sec = 0.0
        self.started_sec = time.monotonic()

    @property
    def settings(self) -> dict[str, Any]:
        """What a checkpoint must agree in."""
        return {**asdict(self.config), "network": self.network.config.to_dict()}

    def resume(self) -> None:
        """Take up the last checkpoint, if it is of the same configuration."""
        state = load_state(self.folder, self.settings)
        if state is not None:
            self.network.load_state_dict(state["network"])
            self.optimiser.load_state_dict(state["optimiser"])
            self.done = state["done"]
            self.heard_sec = state["heard_sec"]

    def save(self) -> None:
        """Write a checkpoint in place of the last one."""
        state = {
            "config": self.settings,
            "network": self.network.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "done": self.done,
            "heard_sec": self.heard_sec,
        }
        save_state(self.folder, state)

    def stage(
        self, name: str, shards: SpeechShards, steps: int, learning_rate: float
    ) -> None:
        """Train until the stage has had its steps."""
        if self.done[name] >= steps:
            return
        # After a resume the stream begins anew with another seed.
        batches = TrainingBatches(
            shards,
            varied=name == "free",
            batch_sec=self.config.batch_sec,
            seed=self.config.seed * 1_000_003 + self.done[name] * 7 + (name == "free"),
        )
        stream = batch_loader(batches)
        self.network.train()
        recent: list[float] = []
        while self.done[name] < steps:
            rate = learning_rate * _schedule(self.done[name], steps, self.config)
            recent.append(self._step(next(stream), name, rate))
            self.done[name] += 1
            last = self.done[name] == steps
            if last or self.done[name] % self.config.checkpoint_every == 0:
                self.save()
                self._log(name, steps, recent, validation_cer(self))
                recent = []
            elif self.done[name] % 100 == 0:
                self._log(name, steps, recent, None)
                recent = []

    def _step(self, batch: Batch, stage: str, rate: float) -> float:
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        log_probs = self.network(batch.features).log_softmax(-1)
        loss = self._loss(log_probs, batch, stage)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(
            self.network.parameters(), self.config.clip_norm
        )
        if torch.isfinite(norm):
            self.optimiser.step()
        self.optimiser.zero_grad()
        self.heard_sec += sum(batch.lengths) * 0.02
        return float(loss.detach())

    def _loss(self, log_probs: Tensor, batch: Batch, stage: str) -> Tensor:
        words, lengths = batch.words, batch.lengths
        if stage == "sharp":
            return timed_loss(log_probs, words, lengths, sharp=True)
        free = timed_loss(log_probs, words, lengths, sharp=False)
        return free + utterance_loss(log_probs, words, lengths)

    def _log(
        self, stage: str, steps: int, recent: list[float], cer: float | None
    ) -> None:
        self.report(
            Progress(
                stage=stage,
                step=self.done[stage],
                steps=steps,
                loss=float(np.mean(recent)),
                heard_hours=self.heard_sec / 3600,
                elapsed_sec=time.monotonic() - self.started_sec,
                validation_cer=cer,
            )
        )


def validation_cer(run: _Run) -> float:
    """Return the letter error rate on held-out clean clips."""
    run.network.eval()
    count = ErrorCount()
    with torch.inference_mode():
        for batch in run.validation:
            log_probs = run.network(batch.features).log_softmax(-1)
            count += letter_errors(log_probs, batch)
    run.network.train()
    return count.rate


def _schedule(step: int, steps: int, config: TrainConfig) -> float:
    """Warm up linearly, then fall along a cosine to 2 %."""
    warm = min(1.0, (step + 1) / config.warmup_steps)
    return warm * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * step / steps)))


def progress_lines(write: Callable[[str], None]) -> Report:
    """Return a reporter that writes one line at a time."""

    def report(progress: Progress) -> None:
        rate = progress.step / max(progress.steps, 1)
        cer = progress.validation_cer
        shown = "" if cer is None else f"  letters wrong {cer:.1%}"
        write(
            f"{progress.stage} {progress.step}/{progress.steps} ({rate:.0%})  "
            f"loss {progress.loss:.3f}  heard {progress.heard_hours:.1f} h  "
            f"{progress.elapsed_sec / 60:.1f} min{shown}"
        )

    return report
