"""Training state on disk: written atomically, loaded without unpickling objects."""

import os
from pathlib import Path
from typing import Any

import torch

from schemas.errors import ConfigError

_NAME = "state.pt"


def save_state(folder: Path, state: dict[str, Any]) -> None:
    """Replace the checkpoint in a folder; a kill leaves the old one or the new one."""
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / f".{_NAME}.tmp"
    torch.save(state, temporary)
    os.replace(temporary, folder / _NAME)


def load_state(folder: Path, config: dict[str, Any]) -> dict[str, Any] | None:
    """Return the checkpoint of a folder, or None if there is none.

    Raises:
      ConfigError: it was trained with other settings.
    """
    path = folder / _NAME
    if not path.is_file():
        return None
    state = torch.load(path, weights_only=True)
    changed = [key for key in config if state["config"].get(key) != config[key]]
    if changed:
        raise ConfigError(
            f"{path}: was trained with other settings ({', '.join(changed)}); "
            "choose another folder or delete this one"
        )
    return state
