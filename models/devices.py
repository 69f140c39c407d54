"""Which processor a model runs on."""

import re

import torch

from schemas.errors import ConfigError

_DEVICE = re.compile(r"auto|cpu|cuda(:\d+)?")


def choose_device(device: str) -> torch.device:
    """Return the device of a name: auto, cpu, cuda or cuda:N.

    Raises:
        ConfigError: the name is none of these, or there is no such device.
    """
    if not _DEVICE.fullmatch(device):
        raise ConfigError(
            f"model.device: expected auto, cpu, cuda or cuda:N, got {device!r}"
        )
    if device == "cpu" or (device == "auto" and not torch.cuda.is_available()):
        return torch.device("cpu")
    chosen = torch.device("cuda" if device == "auto" else device)
    found = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if (chosen.index or 0) >= found:
        raise ConfigError(
            f"model.device: expected a device that is there, got {device!r}; "
            f"PyTorch sees {found} CUDA devices"
        )
    return chosen
