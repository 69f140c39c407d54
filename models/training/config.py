"""The settings of the training loop."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from models.training.schedule import Schedule, TriStage
from schemas.errors import ConfigError

# What may be otherwise after a resume: it changes what is told, not what is learned.
_MAY_CHANGE = ("report_every", "tensorboard", "device")


@dataclass(frozen=True, kw_only=True)
class LoopConfig:
    """How long, how fast, how exactly; what any job has in common.

    Raises:
      ConfigError: a value that cannot be.
    """

    steps: int
    """Changes of the weights."""
    learning_rate: float = 1e-4
    """The highest."""
    schedule: Schedule = field(default_factory=TriStage)
    weight_decay: float = 0.01
    betas: tuple[float, float] = (0.9, 0.98)
    clip_norm: float = 1.0
    """Longer gradients are cut to this length; 0 leaves them."""
    accumulate: int = 1
    """Batches of each rank that make one step."""
    frozen_steps: int = 0
    """In the first so many only the heads learn."""
    precision: Literal["fp32", "bf16"] = "fp32"
    """Of the network; losses are in fp32 always."""
    validate_every: int = 500
    checkpoint_every: int = 500
    report_every: int = 50
    best_by: str = "cer"
    """The measure of ``Task.validate`` by which the best weights are kept: the lowest;
    "" keeps none."""
    max_skipped: int = 10
    """Of the last 100 steps so many may be skipped, because a loss or gradient is no
    number; one more stops the run."""
    seed: int = 1
    """Of dropout and whatever else the network draws."""
    device: str = "auto"
    """auto, cpu, cuda or cuda:N; of several ranks only cpu or not matters."""
    tensorboard: bool = False

    def __post_init__(self) -> None:
        least = {
            "steps": 1,
            "accumulate": 1,
            "frozen_steps": 0,
            "validate_every": 1,
            "checkpoint_every": 1,
            "report_every": 1,
            "max_skipped": 0,
            "clip_norm": 0,
            "weight_decay": 0,
        }
        for name, smallest in least.items():
            value = getattr(self, name)
            if not value >= smallest:
                raise ConfigError(
                    f"training: {name}: expected {smallest} up, got {value}"
                )
        if not self.learning_rate > 0:
            raise ConfigError(
                f"training: learning_rate: expected above 0, got {self.learning_rate}"
            )
        if self.precision not in ("fp32", "bf16"):
            raise ConfigError(
                f"training: precision: expected fp32 or bf16, got {self.precision!r}"
            )

    def settings(self, ranks: int, more: Mapping[str, Any]) -> dict[str, Any]:
        """Return what a checkpoint must agree in to be resumed, as JSON has it."""
        own = {k: v for k, v in asdict(self).items() if k not in _MAY_CHANGE}
        own |= {"schedule": repr(self.schedule), "betas": list(self.betas)}
        return {**own, "ranks": ranks, **more}
