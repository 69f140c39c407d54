"""Which processor a model runs on."""

import re

import torch

from schemas.errors import ConfigError

_DEVICE = re.compile(r"auto|cpu|cuda(:\d+)?")


def choose_device(device: str) -> torch.device:
    """Return the device of a name: auto, cpu, cuda or cuda:N; CUDA with its number.

    Raises:
        ConfigError: the name is none of these, or there is no such device.
    """
    if not _DEVICE.fullmatch(device):
        raise ConfigError(
            f"model.device: expected auto, cpu, cuda or cuda:N, got {device!r}"
        )
    if device == "cpu" or (device == "auto" and not torch.cuda.is_available()):
        return torch.device("cpu")
    number = int(device.partition(":")[2] or 0)
    found = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if number >= found:
        raise ConfigError(
            f"model.device: expected a device that is there, got {device!r}; "
            f"PyTorch sees {found} CUDA devices"
        )
    return torch.device("cuda", number)
