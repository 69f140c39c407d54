"""What all recipes are told: which corpus, which networks, how long and how fast."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from schemas.errors import ConfigError

_LEAST = {
    "steps": 1,
    "student_steps": 1,
    "final_steps": 1,
    "crop_steps": 0,
    "short_context_steps": 0,
    "workers": 0,
    "checkpoint_every": 1,
    "validations": 1,
    "validation_clips": 1,
}


@dataclass(frozen=True, kw_only=True)
class RecipeConfig:
    """The sizes of a GPU; ``scaled`` makes them those of a CPU.

    Raises:
      ConfigError: a number that cannot be.
    """

    corpus: Path
    """The output folder of `pericope run`."""
    language: str
    model: str = "bundled"
    """The multilingual network that is to be taught, as ``load_network`` names it."""
    fresh: str = "new:bundled:full"
    """What is trained from scratch; it gets the letters of the other."""
    selection: str | None = "default"
    """Of clips with text; None keeps all."""
    steps: int = 10_000
    """Updates of fine-tuning on clips with text: the teacher."""
    student_steps: int = 40_000
    """Updates on clips with text and pseudo-labels."""
    final_steps: int = 10_000
    """Updates on clips with text alone, behind a training from scratch."""
    batch_sec: float = 60.0
    """Audio of an update, on each rank."""
    learning_rate: float = 3e-4
    fresh_learning_rate: float = 1.5e-3
    """From scratch."""
    dropout: float = 0.1
    beta_corpus: float = 0.5
    """Share of pseudo-labeled speech: in proportion to its hours if 1, as much as of
    speech with text if 0."""
    noise: bool = False
    """Clips with labels are learned as if in other rooms, on other lines."""
    crop_steps: int = 0
    """Updates on crops before fine-tuning: for networks that have only heard clips much
    shorter than these."""
    crop_sec: float = 10.0
    short_context_steps: int = 0
    """First updates of fine-tuning, and of a training from scratch, in which attention
    reaches over a share of the clip that rises from a quarter to all."""
    baseline: bool = False
    """Train also on clips with text alone for as many updates as the recipe has, to
    compare."""
    seed: int = 1
    device: str = "auto"
    workers: int = 0
    """Processes that read clips."""
    checkpoint_every: int = 500
    validations: int = 8
    """In each training; the weights of the best one are kept."""
    validation_clips: int = 200

    def __post_init__(self) -> None:
        for name, least in _LEAST.items():
            if getattr(self, name) < least:
                raise ConfigError(
                    f"recipe: {name}: expected {least} up, got {getattr(self, name)}"
                )
        for name in ("batch_sec", "learning_rate", "fresh_learning_rate", "crop_sec"):
            if not getattr(self, name) > 0:
                raise ConfigError(
                    f"recipe: {name}: expected above 0, got {getattr(self, name)}"
                )


def scaled(steps: int, scale: float) -> int:
    """Return a share of some updates, at least one where there are any.

    Raises:
      ConfigError: the share cannot be.
    """
    if not scale > 0:
        raise ConfigError(f"scale: expected above 0, got {scale}")
    return max(1, round(steps * scale)) if steps else 0


def rounds(config: RecipeConfig) -> dict[str, Any]:
    """Return what decides a training whatever its network and its clips."""
    names = ("batch_sec seed validations validation_clips selection language").split()
    return {name: getattr(config, name) for name in names}
