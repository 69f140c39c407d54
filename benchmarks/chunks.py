"""Memory and time of a Conformer on audio of minutes to an hour, in one piece.

With chunk-wise attention both should grow as the audio does; with full attention,
beside it, time grows with its square.
"""

import multiprocessing
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import NamedTuple

from rich.console import Console

from benchmarks.figures import Figure, Unit, print_figures
from benchmarks.processes import forget_peak, resident_bytes

_MINUTES, _QUICK_MINUTES = (5, 15, 60), (1, 3, 12)
_CHUNK_SEC = 8.0
_MIB = 2**20
_CHUNKED, _FULL = "8 s chunks", "full attention"
_NOTE = (
    "A fresh network of the size tiny (two layers, 0.3 million weights), noise, one "
    "thread: features, encoder and log-probabilities of the whole recording at once, "
    "each length in a process of its own. CPU seconds; peak resident size above that "
    "before, which holds the audio already. On the CPU full attention keeps no matrix "
    "of all pairs either; its time tells it apart."
)


class Usage(NamedTuple):
    """What hearing a recording took."""

    cpu_sec: float
    extra_bytes: int


def measure(*, quick: bool) -> list[Figure]:
    """Hear each length in chunks and with full attention."""
    minutes = _QUICK_MINUTES if quick else _MINUTES
    figures = []
    for case, chunk_sec in ((_CHUNKED, _CHUNK_SEC), (_FULL, None)):
        usages = [_in_new_process(length, chunk_sec) for length in minutes]
        for length, usage in zip(minutes, usages, strict=True):
            figures += _figures(case, length, usage)
        figures += _growth(case, minutes[1:], usages[1:])
    return figures


def show(figures: Sequence[Figure], console: Console) -> None:
    """Print the table."""
    print_figures(console, "Chunk-wise attention", figures, _NOTE)


def _figures(case: str, minutes: int, usage: Usage) -> list[Figure]:
    return [
        Figure(name=f"memory, {minutes} min", case=case, unit=Unit.MIB,
               value=usage.extra_bytes / _MIB),
        Figure(name=f"time, {minutes} min", case=case, unit=Unit.SEC,
               value=usage.cpu_sec),
    ]  # fmt: skip


def _growth(case: str, minutes: Sequence[int], usages: Sequence[Usage]) -> list[Figure]:
    """Return by how much both grow faster than the length."""
    (short, long), (before, after) = minutes, usages
    at_most = 1.2 if case == _CHUNKED else None  # of memory, whatever else runs
    length = long / short
    return [
        Figure(name="memory, growth over length", case=case, unit=Unit.RATIO,
               value=after.extra_bytes / before.extra_bytes / length, at_most=at_most),
        Figure(name="time, growth over length", case=case, unit=Unit.RATIO,
               value=after.cpu_sec / before.cpu_sec / length),
    ]  # fmt: skip


def _in_new_process(minutes: int, chunk_sec: float | None) -> Usage:
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(usage_of, minutes, chunk_sec).result()


def usage_of(minutes: int, chunk_sec: float | None) -> Usage:
    """Hear so many minutes of noise and measure this process."""
    import numpy as np
    import torch

    from models.networks.conformer_files import new_conformer_network
    from models.vocabulary import Vocabulary
    from schemas.units import SAMPLE_RATE_HZ

    torch.set_num_threads(1)
    torch.manual_seed(0)
    letters = Vocabulary.from_texts(["abcdefghijklmnopqrstuvwxyz"])
    network = new_conformer_network("tiny", letters, (), chunk_sec).eval()
    rng = np.random.default_rng(0)
    clip_N = rng.standard_normal(minutes * 60 * SAMPLE_RATE_HZ, dtype=np.float32)
    clip_N *= np.float32(0.05)

    def hear(waveform_N: np.ndarray) -> torch.Tensor:
        with torch.inference_mode():
            inputs = network.prepare([waveform_N])
            encoded = network(inputs.values, inputs.lengths)
            return encoded.logits_BTC.log_softmax(-1)

    hear(clip_N[: 20 * SAMPLE_RATE_HZ])  # the libraries set themselves up
    before = forget_peak()
    started_sec = time.process_time()
    log_probs = hear(clip_N)
    cpu_sec = time.process_time() - started_sec
    extra_bytes = resident_bytes("VmHWM") - before
    assert torch.isfinite(log_probs).all()
    return Usage(cpu_sec, extra_bytes)
