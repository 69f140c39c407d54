"""Training state on disk: written atomically, loaded without unpickling objects."""

import os
import pickle
from pathlib import Path
from typing import Any

import torch

from schemas.errors import ArtifactError, ConfigError

_NAME = "state.pt"


def save_state(folder: Path, state: dict[str, Any]) -> None:
    """Replace the checkpoint in a folder; a kill leaves the old one or the new one.

    Args:
      folder: made if it is not there.
      state: tensors, numbers, strings and containers of them; ``config`` in it names
        the settings of the run.
    """
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / f".{_NAME}.tmp"
    torch.save(state, temporary)
    os.replace(temporary, folder / _NAME)


def load_state(folder: Path, config: dict[str, Any]) -> dict[str, Any] | None:
    """Return the checkpoint of a folder, or None if there is none.

    Args:
      folder: what ``save_state`` was given.
      config: the settings of this run; the state holds those of its own.

    Raises:
      ConfigError: it was trained with other settings.
      ArtifactError: the file is damaged.
    """
    path = folder / _NAME
    if not path.is_file():
        return None
    try:
        state = torch.load(path, weights_only=True)
    # What torch raises for a broken archive, and for one that holds other objects.
    except (RuntimeError, EOFError, pickle.UnpicklingError) as error:
        raise ArtifactError(
            f"{path}: damaged checkpoint ({error}); delete it to start anew"
        ) from error
    before = state["config"]
    changed = [
        key for key in {**before, **config} if before.get(key) != config.get(key)
    ]
    if changed:
        raise ConfigError(
            f"{path}: was trained with other settings ({', '.join(changed)}); "
            "choose another folder or delete this one"
        )
    return state
