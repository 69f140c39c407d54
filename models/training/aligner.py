"""CTC training of the bundled architecture from labeled shards, to align with.

Two stages: first the sharp timed loss on degraded speech (exact timing), then the free
loss on widely varied speech (which lets the model follow people). See ``losses``.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import torch
from torch import nn

from models.data import SpeechShards
from models.decoding.error_rates import EditCounts
from models.examples import (
    Batch,
    TrainingBatches,
    batch_loader,
    require_usable,
    validation_batches,
)
from models.losses import timed_loss, utterance_loss
from models.metrics import letter_errors
from models.network import AcousticNetwork, NetworkConfig
from models.training.config import LoopConfig
from models.training.loop import run_loop
from models.training.progress import Report
from models.training.schedule import Cosine, InTurn
from models.training.task import Losses
from schemas.errors import ConfigError

Stage = Literal["sharp", "free"]
_FRAME_SEC = 0.02


@dataclass(frozen=True, kw_only=True)
class AlignerConfig:
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

    @property
    def loop(self) -> LoopConfig:
        """Both stages as one run; the optimiser goes on from one to the other."""
        fall = Cosine(self.warmup_steps, last=0.02)
        return LoopConfig(
            steps=self.sharp_steps + self.free_steps,
            learning_rate=1.0,
            schedule=InTurn(
                (
                    (self.sharp_steps, self.sharp_learning_rate, fall),
                    (self.free_steps, self.free_learning_rate, fall),
                )
            ),
            weight_decay=self.weight_decay,
            clip_norm=self.clip_norm,
            validate_every=self.checkpoint_every,
            checkpoint_every=self.checkpoint_every,
            report_every=100,
            best_by="",  # the last weights count: both stages are planned to their end
            seed=self.seed,
            device="cpu",
        )


def train_aligner(
    corpus: Path,
    folder: Path,
    config: AlignerConfig,
    report: Report,
    network_config: NetworkConfig | None = None,
) -> AcousticNetwork:
    """Train from a corpus; checkpoints go to ``folder`` and are resumed from there.

    Args:
      corpus: the output folder of `pericope run`, with the splits train and dev.
      folder: made if it is not there.
      config: how long and how fast.
      report: called every 100 steps and with each checkpoint, then with the measure
        ``cer``: wrong letters of held-out clips.
      network_config: widths and depths; None takes those of the bundled model.

    Returns:
      The network after the last step.

    Raises:
      ConfigError: the corpus has no shards or nothing to train on, or the folder has a
        checkpoint of other settings.
      ArtifactError: a shard or the checkpoint is damaged.
      TrainingDiverged: too many steps had a gradient that is no number.
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
    config: AlignerConfig,
    report: Report,
) -> AcousticNetwork:
    """Train a network, which is changed, from the weights that it has.

    Checkpoints know neither the first weights nor the clips: name their folder by them.
    ``config.selection`` is not looked at; ``held_out`` has the clips whose wrong
    letters are told. All else is as in ``train_aligner``.
    """
    for split in (shards, held_out):
        require_usable(split)
    task = _AlignerTask(validation_batches(held_out, config.validation_clips))
    settings = {**asdict(config), "network": network.config.to_dict()}
    batches = _StagedBatches(shards, config)
    run_loop(network, task, batches, folder, config.loop, report, settings=settings)
    return network


@dataclass(frozen=True)
class _StagedBatch:
    """A batch and the stage that it is of."""

    batch: Batch
    stage: Stage

    @property
    def heard_sec(self) -> float:
        return sum(self.batch.lengths) * _FRAME_SEC

    def to(self, device: torch.device) -> "_StagedBatch":
        assert device.type == "cpu", "the timed losses are made for the CPU"
        return self


class _StagedBatches:
    """The sharp stage's batches, then the free one's.

    After a resume they begin anew with another seed: an example's length, and so its
    batch, is only known once it has been varied, and to vary all that was heard before
    would take as long as the training.
    """

    def __init__(self, shards: SpeechShards, config: AlignerConfig) -> None:
        self._shards, self._config = shards, config
        self._step = 0
        self._stream: Iterator[Batch] | None = None

    def __next__(self) -> _StagedBatch:
        sharp_steps = self._config.sharp_steps
        stage: Stage = "sharp" if self._step < sharp_steps else "free"
        done = self._step if stage == "sharp" else self._step - sharp_steps
        if self._stream is None or done == 0:
            self._stream = batch_loader(self._of_stage(stage, done))
        self._step += 1
        return _StagedBatch(next(self._stream), stage)

    def _of_stage(self, stage: Stage, done: int) -> TrainingBatches:
        return TrainingBatches(
            self._shards,
            varied=stage == "free",
            batch_sec=self._config.batch_sec,
            seed=self._config.seed * 1_000_003 + done * 7 + (stage == "free"),
        )

    def state_dict(self) -> dict[str, Any]:
        """Return how many batches have been taken."""
        return {"step": self._step}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on with other batches of the stage."""
        self._step, self._stream = state["step"], None


@dataclass(frozen=True)
class _AlignerTask:
    """The loss of each stage; batches weigh alike, each being about ``batch_sec``."""

    held_out: Sequence[Batch]

    def losses(self, network: nn.Module, staged: _StagedBatch) -> Losses:
        """Return nats per letter, of the batch as one item."""
        batch = staged.batch
        log_probs = network(batch.features).log_softmax(-1)
        words, lengths = batch.words, batch.lengths
        if staged.stage == "sharp":
            return Losses(timed_loss(log_probs, words, lengths, sharp=True), 1)
        free = timed_loss(log_probs, words, lengths, sharp=False)
        return Losses(free + utterance_loss(log_probs, words, lengths), 1)

    def validate(self, network: nn.Module) -> dict[str, float]:
        """Return the letter error rate on held-out clean clips."""
        count = EditCounts()
        for batch in self.held_out:
            log_probs = network(batch.features).log_softmax(-1)
            count += letter_errors(log_probs, batch)
        return {"cer": count.rate}
