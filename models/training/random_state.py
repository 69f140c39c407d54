"""The state of the random numbers that networks draw, to go on with the very next."""

import random
from typing import Any, cast

import numpy as np
import torch


def seed_everything(seed: int) -> None:
    """Seed torch on all devices, numpy's and Python's own generators."""
    torch.manual_seed(seed)
    np.random.seed(seed % (1 << 32))
    random.seed(seed)


def random_state(device: torch.device) -> dict[str, Any]:
    """Return the states as tensors and numbers, which load without unpickling."""
    own = cast(tuple[Any, ...], np.random.get_state(legacy=True))
    name, keys, position, has_gauss, gauss = own
    version, internal, next_gauss = random.getstate()
    state: dict[str, Any] = {
        "torch": torch.get_rng_state(),
        "numpy": [name, torch.from_numpy(keys.astype(np.int64))],
        "numpy_rest": [int(position), int(has_gauss), float(gauss)],
        "python": [version, list(internal), next_gauss],
    }
    if device.type == "cuda":
        state["cuda"] = torch.cuda.get_rng_state(device)
    return state


def restore_random_state(state: dict[str, Any], device: torch.device) -> None:
    """Go on with the numbers that would have come."""
    torch.set_rng_state(state["torch"])
    name, keys = state["numpy"]
    np.random.set_state((name, keys.numpy().astype(np.uint32), *state["numpy_rest"]))
    version, internal, next_gauss = state["python"]
    random.setstate((version, tuple(internal), next_gauss))
    if device.type == "cuda" and "cuda" in state:
        torch.cuda.set_rng_state(state["cuda"], device)
