"""A training run on disk: whole or not at all, loaded without unpickling objects.

``checkpoint/step-00000100/`` has the last state: ``network.safetensors``, the
optimiser, and of each rank its random numbers and its place in the stream of batches.
``checkpoint/best.safetensors`` has the best weights so far.
"""

import os
import pickle
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors
import torch
from safetensors.torch import load_model, save_model

from models.training.ranks import Ranks
from models.whole_file import whole_file
from schemas.errors import ArtifactError, ConfigError

FOLDER = "checkpoint"
"""Of a run's states, in its folder; of no use once the run has its result."""
_NAME = re.compile(r"step-(\d{8,})")
_WEIGHTS = "network.safetensors"
_RUN = "run.pt"
_BEST = "best.safetensors"

State = dict[str, Any]
"""Tensors, numbers, strings, None, and lists and dictionaries of them."""


class Checkpoints:
    """The states of one run in its folder."""

    def __init__(self, folder: Path, ranks: Ranks) -> None:
        self.folder = folder / FOLDER
        self.ranks = ranks
        self.folder.mkdir(parents=True, exist_ok=True)
        if ranks.is_first:
            for left_over in self.folder.glob(".step-*.tmp"):
                shutil.rmtree(left_over)
        ranks.wait()

    def save(
        self, step: int, network: torch.nn.Module, run: State, rank: State
    ) -> None:
        """Replace the last state; a kill leaves the one before or this one.

        Args:
          step: how many are done.
          network: whose weights are saved, by the first rank.
          run: what is the same on all ranks; ``settings`` in it is compared.
          rank: what is this rank's own.
        """
        whole = self.folder / f"step-{step:08d}"
        temporary = self.folder / f".{whole.name}.tmp"
        if self.ranks.is_first:
            shutil.rmtree(temporary, ignore_errors=True)
            temporary.mkdir()
        self.ranks.wait()
        torch.save(rank, temporary / _rank_file(self.ranks.rank))
        if self.ranks.is_first:
            save_model(network, str(temporary / _WEIGHTS))
            torch.save(run, temporary / _RUN)
        self.ranks.wait()
        if self.ranks.is_first:
            _flush(temporary)
            before = self._all()
            os.replace(temporary, whole)
            _flush_folder(self.folder)
            for old in before:
                shutil.rmtree(old)
        self.ranks.wait()

    def load(
        self, network: torch.nn.Module, settings: Mapping[str, Any]
    ) -> tuple[State, State] | None:
        """Return the last state of the run and of this rank, None if there is none.

        Its weights are put into the network.

        Raises:
          ConfigError: it was trained with other settings.
          ArtifactError: a file is damaged or missing.
        """
        found = self._all()
        if not found:
            return None
        last = found[-1]
        run = _read(last / _RUN)
        _require_same(last, run["settings"], settings)
        rank = _read(last / _rank_file(self.ranks.rank))
        load_weights(network, last / _WEIGHTS)
        return run, rank

    def save_best(self, network: torch.nn.Module, about: Mapping[str, str]) -> None:
        """Replace the best weights; ``about`` goes into the file's header."""
        if self.ranks.is_first:
            with whole_file(self.best) as temporary:
                save_model(network, str(temporary), metadata=dict(about))

    @property
    def best(self) -> Path:
        """Where the best weights are."""
        return self.folder / _BEST

    def _all(self) -> list[Path]:
        """Return the whole ones, oldest first."""
        steps = {
            int(match[1]): path
            for path in self.folder.iterdir()
            if (match := _NAME.fullmatch(path.name))
        }
        return [steps[step] for step in sorted(steps)]


def load_weights(network: torch.nn.Module, path: Path) -> None:
    """Put the weights of a file into a network.

    Raises:
      ArtifactError: the file is missing, damaged or of another network.
    """
    try:
        load_model(network, str(path))
    except (OSError, safetensors.SafetensorError, RuntimeError) as error:
        raise ArtifactError(
            f"{path}: expected the weights of this network ({error}); delete the "
            "folder of the training to start anew"
        ) from error


def _rank_file(rank: int) -> str:
    return f"rank-{rank:04d}.pt"


def _read(path: Path) -> State:
    try:
        return dict(torch.load(path, weights_only=True, map_location="cpu"))
    # What torch raises for a broken archive, and for one that holds other objects.
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
        # What torch says after its first sentence is advice that would be unsafe.
        told = str(error).partition(". ")[0]
        raise ArtifactError(
            f"{path}: damaged checkpoint ({told}); delete the folder of the training "
            "to start anew"
        ) from error


def _require_same(
    path: Path, before: Mapping[str, Any], settings: Mapping[str, Any]
) -> None:
    changed = [
        f"{name} {before.get(name)!r}, now {settings.get(name)!r}"
        for name in {**before, **settings}
        if before.get(name) != settings.get(name)
    ]
    if changed:
        raise ConfigError(
            f"{path}: was trained with other settings ({'; '.join(changed)}); take "
            "them again, choose another folder, or delete this one to start anew"
        )


def _flush(folder: Path) -> None:
    """Have the disk hold the files before their folder gets its name."""
    for path in folder.iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())


def _flush_folder(folder: Path) -> None:
    """Have the disk hold the names in a folder."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
