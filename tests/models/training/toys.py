"""A job small enough to train in a blink, and what may go wrong with it.

Run as a program it trains until it is killed or done:
``python -m tests.models.training.toys FOLDER``.
"""

import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.training.config import LoopConfig
from models.training.loop import LoopResult, run_loop
from models.training.progress import Progress
from models.training.schedule import Constant
from models.training.task import Losses

FEATURES, CLASSES = 6, 3
CONFIG = LoopConfig(
    steps=12,
    learning_rate=0.05,
    schedule=Constant(),
    weight_decay=0.0,
    clip_norm=0.5,
    validate_every=4,
    checkpoint_every=5,
    report_every=1,
    best_by="wrong",
    device="cpu",
)


class Toy(nn.Module):
    """An encoder and a head, with dropout, so that random numbers matter."""

    def __init__(self, dropout: float = 0.2, seed: int = 0) -> None:
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.encoder = nn.Linear(FEATURES, 8)
            self.head = nn.Linear(8, CLASSES)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.dropout(torch.tanh(self.encoder(x))))

    def is_encoder(self, name: str) -> bool:
        return not name.startswith("head.")


@dataclass(frozen=True)
class ToyBatch:
    x: Tensor
    y: Tensor
    keys: tuple[str, ...]

    @property
    def heard_sec(self) -> float:
        return 2.0 * len(self.keys)

    def to(self, device: torch.device) -> "ToyBatch":
        return replace(self, x=self.x.to(device), y=self.y.to(device))


class ToyBatches:
    """Batches of 1 to 5 rows; batch ``k`` is the same whoever asks for it.

    ``joined`` of them make one, and of each the rank takes its turn.
    """

    def __init__(
        self, joined: int = 1, rank: int = 0, ranks: int = 1, bad: tuple[int, ...] = ()
    ) -> None:
        self.joined, self.rank, self.ranks, self.bad = joined, rank, ranks, bad
        self.number = 0

    def __next__(self) -> ToyBatch:
        first = self.number * self.joined
        parts = [self.part(first + k) for k in range(self.joined)]
        self.number += 1
        x = torch.cat([part.x for part in parts])
        y = torch.cat([part.y for part in parts])
        return ToyBatch(x, y, tuple(key for part in parts for key in part.keys))

    def part(self, number: int) -> ToyBatch:
        number = number * self.ranks + self.rank
        generator = torch.Generator().manual_seed(number)
        rows = 1 + number % 5
        x = torch.randn(rows, FEATURES, generator=generator)
        y = x[:, :CLASSES].argmax(-1)
        if number in self.bad:
            x = x * float("nan")
        return ToyBatch(x, y, tuple(f"clip{number}_{k}" for k in range(rows)))

    def state_dict(self) -> dict[str, Any]:
        return {"number": self.number}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.number = state["number"]


class ToyTask:
    def losses(self, network: nn.Module, batch: ToyBatch) -> Losses:
        logits = network(batch.x).float()
        total = functional.cross_entropy(logits, batch.y, reduction="sum")
        wrong = float((logits.argmax(-1) != batch.y).sum())
        return Losses(total, len(batch.y), {"wrong": wrong})

    def validate(self, network: nn.Module) -> dict[str, float]:
        batch = ToyBatches(joined=20).part(10_004)
        wrong = (network(batch.x).argmax(-1) != batch.y).float().mean()
        return {"wrong": float(wrong), "wrong/toy": float(wrong)}


def train(folder: Path, config: LoopConfig = CONFIG, **parts: Any) -> LoopResult:
    """Train a toy; ``parts`` replace those of the job."""
    job = {"network": Toy(), "task": ToyTask(), "batches": ToyBatches()} | parts
    report = job.pop("report", lambda progress: None)
    return run_loop(folder=folder, config=config, report=report, **job)


def _slowly(progress: Progress) -> None:
    print(progress.step, flush=True)
    time.sleep(0.05)


if __name__ == "__main__":
    torch.set_num_threads(1)
    train(Path(sys.argv[1]), report=_slowly)
