"""Which processor a model runs on."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from schemas.errors import ConfigError

_DEVICE = re.compile(r"auto|cpu|cuda(:\d+)?")

_alone = {"threads": 0, "before": 0}
_counting = threading.Lock()


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


@contextmanager
def one_thread_each() -> Iterator[None]:
    """Let torch's arithmetic in this block run on the calling thread alone.

    Sums of gradients depend on how many threads share them, so that training is equal
    on every machine only on one. Blocks may run side by side; the number of threads is
    that of before when the last of them ends.
    """
    with _counting:
        if not _alone["threads"]:
            _alone["before"] = torch.get_num_threads()
        _alone["threads"] += 1
        torch.set_num_threads(1)
    try:
        yield
    finally:
        with _counting:
            _alone["threads"] -= 1
            if not _alone["threads"]:
                torch.set_num_threads(_alone["before"])
