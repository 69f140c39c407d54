"""One training loop for every job: CPU or GPUs, one process or several.

Started by ``torchrun --nproc_per_node 4`` it trains on four GPUs; with
``ACCELERATE_USE_CPU=true`` in the environment, on the CPU.

One step is ``accumulate`` batches of every rank. Its gradient is the sum of the losses
of all of them, divided by the letters or frames of all of them: what one batch that
holds them all would give. Stopped at any time, a run goes on from its last checkpoint
with the very numbers that it would have had.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import nn

from models.training.checkpoints import Checkpoints
from models.training.config import LoopConfig
from models.training.incidents import Incidents
from models.training.learner import Learner
from models.training.metrics import MetricsLog
from models.training.progress import Progress, Report
from models.training.random_state import (
    random_state,
    restore_random_state,
    seed_everything,
)
from models.training.ranks import ranks_of
from models.training.tally import Tally
from models.training.task import Batches, Task
from schemas.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class LoopResult:
    """What a run came to."""

    steps: int
    measures: dict[str, float] = field(default_factory=dict)
    """Of the last validation."""
    best: Path | None = None
    """The weights of the best validation, for ``load_weights``; None without one."""
    best_measure: float = float("nan")
    heard_hours: float = 0.0
    skipped: int = 0
    """Steps that changed nothing."""
    left_out: int = 0
    """Clips that losses left out."""
    is_first: bool = True
    """Whether this is the rank that writes files."""


def run_loop(  # noqa: PLR0913  what a job is made of
    network: nn.Module,
    task: Task,
    batches: Batches,
    folder: Path,
    config: LoopConfig,
    report: Report,
    *,
    settings: Mapping[str, Any] | None = None,
    begun: Callable[[], None] | None = None,
    before_step: Callable[[int], None] | None = None,
) -> LoopResult:
    """Train a network, which is changed and moved to the device, from its weights.

    Args:
      network: weights that need no gradient stay as they are. ``is_encoder`` of it is
        asked if ``config.frozen_steps``.
      task: the losses, and the measures on held-out clips.
      batches: this rank's.
      folder: made if it is not there; gets ``checkpoint/``, ``metrics.csv``, and where
        there is something to tell ``skipped.csv`` and ``left_out.csv``.
      config: how long and how fast.
      report: told on the first rank every ``report_every`` steps and after validation.
      settings: what else a resumed run must agree in, such as the data; by name,
        numbers, strings, and lists and dictionaries of them.
      begun: called on the first rank once nothing stands against the run, before its
        first step here.
      before_step: told the number of each step, from 0, before it begins; for what
        changes on the way. State of its own belongs into ``batches.state_dict``.

    Returns:
      What it came to; the network has the weights after the last step, in eval mode.

    Raises:
      ConfigError: the folder has a run of other settings, or there is no such device.
      ArtifactError: a checkpoint is damaged.
      TrainingDiverged: too many steps had a loss or gradient that is no number.
    """
    run = _Run(network, task, batches, folder, config, report)
    run.resume(settings or {})
    if begun is not None and run.ranks.is_first:
        begun()
    try:
        while run.step < config.steps:
            if before_step is not None:
                before_step(run.step)
            run.take_step()
    finally:
        run.learner.release()
        if run.metrics is not None:
            run.metrics.close()
    network.eval()
    return run.result()


class _Run:
    """The state of a run."""

    def __init__(
        self,
        network: nn.Module,
        task: Task,
        batches: Batches,
        folder: Path,
        config: LoopConfig,
        report: Report,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.network, self.batches = network, batches
        self.folder, self.config, self.report = folder, config, report
        self.ranks = ranks_of(config.device)
        self.learner = Learner(network, task, config, self.ranks)
        self.checkpoints = Checkpoints(folder, self.ranks)
        self.incidents = Incidents(folder, self.ranks, config.max_skipped)
        self.metrics: MetricsLog | None = None
        self.tally = Tally()
        self.step = 0
        self.measures: dict[str, float] = {}
        self.best_measure = float("inf")

    def resume(self, settings: Mapping[str, Any]) -> None:
        """Take up the last checkpoint, if there is one."""
        self.settings = self.config.settings(self.ranks.count, settings)
        seed_everything(self.config.seed * 1009 + self.ranks.rank)
        found = self.checkpoints.load(self.network, self.settings)
        if found is None:  # what a run told that was killed before it saved goes
            self.incidents.load_state(self.incidents.state())
        else:
            run, rank = found
            self.step = run["step"]
            self.measures, self.best_measure = run["measures"], run["best_measure"]
            self.learner.load_state(run["learner"])
            self.incidents.load_state(run["incidents"])
            self.tally = Tally.of(rank["tally"])
            self.batches.load_state_dict(rank["batches"])
            restore_random_state(rank["random"], self.ranks.device)
        self.first_step, self.started_sec = self.step, time.monotonic()
        if self.ranks.is_first:
            wants_board = self.config.tensorboard
            self.metrics = MetricsLog(self.folder, self.step, tensorboard=wants_board)
        self.network.train()

    def take_step(self) -> None:
        """Take a step; validate, tell and save where it is time."""
        self.tally += self.learner.take_step(self.step, self.batches, self.incidents)
        self.step += 1
        config, is_last = self.config, self.step == self.config.steps
        validates = is_last or self.step % config.validate_every == 0
        saves = is_last or self.step % config.checkpoint_every == 0
        if saves or validates:
            self.ranks.share_buffers(self.network)
        if validates:
            self._validate()
        progress = None
        if validates or self.step % config.report_every == 0:
            progress = self._progress(self.measures if validates else {})
        if saves:
            self._save()
        if progress is not None:  # after saving: who is told may end the run
            self.report(progress)

    def _save(self) -> None:
        """Write a checkpoint in place of the last one."""
        self.incidents.tell()
        run = {
            "settings": self.settings,
            "step": self.step,
            "measures": self.measures,
            "best_measure": self.best_measure,
            "learner": self.learner.state(),
            "incidents": self.incidents.state(),
        }
        rank = {
            "tally": self.tally.state(),
            "batches": self.batches.state_dict(),
            "random": random_state(self.ranks.device),
        }
        self.checkpoints.save(self.step, self.network, run, rank)

    def _validate(self) -> None:
        self.measures = self.learner.measures()
        name = self.config.best_by
        if not self.measures or not name:
            return
        if name not in self.measures:
            raise ConfigError(
                f"training: best_by: expected one of {', '.join(self.measures)}, got "
                f"{name!r}"
            )
        if self.measures[name] < self.best_measure:
            self.best_measure = self.measures[name]
            about = {"step": str(self.step), name: repr(self.best_measure)}
            self.checkpoints.save_best(self.network, about)

    def _progress(self, measures: Mapping[str, float]) -> Progress | None:
        """Write down where the run is; return it on the first rank."""
        self.incidents.tell()
        states = self.ranks.gathered([self.tally.state()])
        tally = sum(map(Tally.of, states), Tally())
        self.tally = Tally()
        if self.metrics is None:
            return None
        elapsed_sec = time.monotonic() - self.started_sec
        left = (self.config.steps - self.step) / (self.step - self.first_step)
        progress = Progress(
            step=self.step,
            steps=self.config.steps,
            loss=tally.mean,
            parts=tally.means,
            measures=measures,
            learning_rate=self.learner.learning_rate,
            gradient_norm=self.learner.gradient_norm,
            heard_hours=self.learner.heard_sec / 3600,
            elapsed_sec=elapsed_sec,
            left_sec=elapsed_sec * left,
            skipped=len(self.incidents.skipped),
            left_out=self.incidents.clips_left_out,
        )
        self.metrics.add(self.step, progress.values())
        return progress

    def result(self) -> LoopResult:
        """Return what the run came to."""
        has_best = self.best_measure < float("inf")
        return LoopResult(
            steps=self.step,
            measures=self.measures,
            best=self.checkpoints.best if has_best else None,
            best_measure=self.best_measure if has_best else float("nan"),
            heard_hours=self.learner.heard_sec / 3600,
            skipped=len(self.incidents.skipped),
            left_out=self.incidents.clips_left_out,
            is_first=self.ranks.is_first,
        )
