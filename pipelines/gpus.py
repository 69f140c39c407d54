"""Which GPUs of this machine a run uses, and a worker process for each of several.

A process has one model on one device. With several GPUs each gets a process of its own
that sees that GPU alone (CUDA_VISIBLE_DEVICES) and takes recordings from fetch to cut.
Their results are in the store, where the run that comes after them finds them; what is
rejected, it rejects again and writes down. So nothing depends on who did what, and what
a process that was killed left undone is done by the same command said again.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch

from schemas.errors import ConfigError

VISIBLE = "CUDA_VISIBLE_DEVICES"
_ORDER = "CUDA_DEVICE_ORDER"


def visible_gpus(environment: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """Return the GPUs that this process may use, named as in CUDA_VISIBLE_DEVICES.

    Where that is set already, as a cluster's scheduler does, only these, under the
    names that it gives them (numbers or identifiers).
    """
    found = torch.cuda.device_count() if torch.cuda.is_available() else 0
    given = environment.get(VISIBLE)
    if given is None:
        return tuple(map(str, range(found)))
    return tuple(name.strip() for name in given.split(",") if name.strip())[:found]


def gpus_with_worker(
    device: str, asked: int, visible: tuple[str, ...]
) -> tuple[str, ...]:
    """Return the GPUs that get a worker process; none where the run itself has the one.

    Args:
      device: model.device; only "auto" and "cuda" leave a choice.
      asked: run.gpus; 0: all that are visible.
      visible: as ``visible_gpus``.

    Raises:
      ConfigError: there are not so many, or the device names another one.
    """
    if device not in ("auto", "cuda"):
        if asked > 1:
            raise ConfigError(
                f"run.gpus: expected 0 or 1 with model.device = {device!r}, which is "
                f"one device, got {asked}; say model.device = 'auto' to use several"
            )
        return ()
    if asked > max(len(visible), 1):
        raise ConfigError(
            f"run.gpus: expected at most the {len(visible)} GPUs that are visible "
            f"here, got {asked}"
        )
    chosen = visible[: asked or None]
    return chosen if len(chosen) > 1 else ()


@contextmanager
def only_gpu(name: str) -> Iterator[None]:
    """Let processes that are started in this block see one GPU.

    Numbers are those of the bus, so that they mean the same to CUDA as to nvidia-smi,
    but where somebody chose GPUs by other ones: these mean what they did.
    """
    before = {key: os.environ.get(key) for key in (VISIBLE, _ORDER)}
    if VISIBLE not in os.environ:
        os.environ.setdefault(_ORDER, "PCI_BUS_ID")
    os.environ[VISIBLE] = name
    try:
        yield
    finally:
        for key, value in before.items():
            if value is None:
                os.environ.pop(key, None)
            else:
                os.environ[key] = value
