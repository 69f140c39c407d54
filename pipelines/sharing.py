"""How the threads of one process share its cores and the device of the model.

Each thread takes a recording all the way: decoding, model, path, cutting. On a CPU they
need nothing but cores. On a CUDA device one recording at a time is in the model, while
the other threads decode, align and cut: ``docs/pipelining.md`` has the figures. The
audio budget is always taken before the gate and nothing is waited for inside it, so
that the two cannot block each other.
"""

import os
import threading
from typing import TYPE_CHECKING

from aligner.emissions import OPEN_GATE, Gate

if TYPE_CHECKING:
    import torch

# One batch is computed while the windows of the next are cut out and normalised. More
# would only fill the device's memory.
_BATCHES_ON_A_DEVICE = 2

_gates: dict[str, threading.Lock] = {}
_making = threading.Lock()


def gate_of(device: "torch.device") -> Gate:
    """Return what a recording holds while it is in the model of a device.

    A CUDA device has one gate in the process, which lets one recording in at a time:
    whole recordings one after the other, not windows in turn, so that the first is
    aligned while the second is in the model, instead of all of them ending together. A
    CPU has none.
    """
    if device.type == "cpu":
        return OPEN_GATE
    name = f"{device.type}:{device.index or 0}"
    with _making:
        return _gates.setdefault(name, threading.Lock())


def batches_side_by_side(device: "torch.device", workers: int) -> int:
    """Return how many batches of windows a recording has in the model at once.

    On a CPU as many as there are workers; on a CUDA device two, however many workers
    there are, so that its memory does not grow with them.
    """
    return workers if device.type == "cpu" else _BATCHES_ON_A_DEVICE


def default_workers(device: "torch.device") -> int:
    """Return how many recordings are worked on side by side if nobody says.

    One a core, and with a CUDA device one more: the one that waits for the device.
    """
    cores = os.cpu_count() or 1
    return cores if device.type == "cpu" else cores + 1


def audio_hours(asked_hours: float, workers: int) -> float:
    """Return how many hours of decoded audio may be in memory.

    Args:
      asked_hours: run.max_audio_hours_in_flight; 0: an hour, or a quarter of an hour
        for each worker if that is more, as with an hour alone sixteen workers would
        wait for each other as soon as chapters are longer than four minutes.
      workers: recordings side by side.
    """
    return asked_hours or max(1.0, workers / 4)
