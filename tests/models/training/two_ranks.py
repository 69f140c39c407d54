"""What each of several ranks does, and the weights that it ends with.

``ACCELERATE_USE_CPU=true torchrun --nproc_per_node 2 -m tests.models.training.two_ranks
FOLDER``.
"""

import sys
from dataclasses import replace
from pathlib import Path

import torch
from torch import distributed

from models.training.ranks import Ranks, ranks_of
from tests.models.training.toys import CONFIG, Toy, ToyBatches, train


class Stopped(Exception):
    """What ends a run early."""


def stop_at_8(step: int) -> None:
    if step == 8:
        raise Stopped


def main(folder: Path) -> None:
    ranks = ranks_of("auto")
    assert ranks.count == 2
    talk = distributed.group.WORLD._get_backend(torch.device("cpu"))
    assert talk.options._timeout.days >= 1  # what one does alone may take hours
    for name, bad in (("sound", ()), ("bad", (9,))):
        # Different at first: the first rank's weights count.
        network = Toy(dropout=0.0, seed=ranks.rank)
        config = replace(CONFIG, accumulate=2, steps=6, device="auto")
        result = train(
            folder / name, config, network=network, batches=batches(ranks, bad)
        )
        assert result.is_first == (ranks.rank == 0)
        assert result.skipped == len(bad)
        save(network, folder / f"{name}-{ranks.rank}.pt")
    undisturbed, resumed = Toy(), Toy()
    train(folder / "undisturbed", network=undisturbed, batches=batches(ranks))
    try:
        stopped = {"batches": batches(ranks), "before_step": stop_at_8}
        train(folder / "stopped", **stopped)
    except Stopped:
        train(folder / "stopped", network=resumed, batches=batches(ranks))
    save(undisturbed, folder / f"undisturbed-{ranks.rank}.pt")
    save(resumed, folder / f"resumed-{ranks.rank}.pt")


def batches(ranks: Ranks, bad: tuple[int, ...] = ()) -> ToyBatches:
    return ToyBatches(rank=ranks.rank, ranks=ranks.count, bad=bad)


def save(network: Toy, path: Path) -> None:
    torch.save(network.state_dict(), path)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(Path(sys.argv[1]))
