"""Memory and time of a Conformer on audio of minutes to an hour, in one piece.

With chunk-wise attention both should grow with the audio; with full attention, beside
it, time grows with its square. Each length runs in a process of its own:
``python -m benchmarks.chunks <minutes> <chunk_sec>``.
"""

import sys
from collections.abc import Sequence

from rich.console import Console

from benchmarks.figures import Figure, Unit, print_figures
from benchmarks.processes import Usage, measured

_MINUTES, _QUICK_MINUTES = (5, 15, 60), (1, 3, 12)
_CHUNK_SEC = 8.0
_FULL = 0.0
_GIB = 2**30
_NOTE = (
    "The size tiny (two layers, 0.3 million weights), noise, one thread: features, "
    "encoder, log-probabilities of the whole recording at once. Peak resident size "
    "(VmHWM); memory and time include the start of Python, torch and transformers."
)


def measure(*, quick: bool) -> list[Figure]:
    """Run each length in chunks, and the shorter ones with full attention."""
    minutes = _QUICK_MINUTES if quick else _MINUTES
    chunked = [_run(length, _CHUNK_SEC) for length in minutes]
    figures = [
        figure
        for length, usage in zip(minutes, chunked, strict=True)
        for figure in _figures("8 s chunks", length, usage)
    ]
    for length in minutes[:2]:
        figures += _figures("full attention", length, _run(length, _FULL))
    short, middle, long = (usage.peak_bytes for usage in chunked)
    first = (middle - short) / (minutes[1] - minutes[0])
    second = (long - middle) / (minutes[2] - minutes[1])
    figures.append(
        Figure(
            name="memory a minute, long / short",
            case="8 s chunks",
            value=second / first,
            unit=Unit.RATIO,
            at_most=1.2,
        )
    )
    return figures


def show(figures: Sequence[Figure], console: Console) -> None:
    """Print the table."""
    print_figures(console, "Chunk-wise attention", figures, _NOTE)


def _figures(case: str, minutes: int, usage: Usage) -> list[Figure]:
    return [
        Figure(
            name=f"peak, {minutes} min",
            case=case,
            value=usage.peak_bytes / _GIB,
            unit=Unit.GIB,
        ),
        Figure(
            name=f"CPU time, {minutes} min",
            case=case,
            value=usage.cpu_sec,
            unit=Unit.SEC,
        ),
    ]


def _run(minutes: int, chunk_sec: float) -> Usage:
    command = [sys.executable, "-m", "benchmarks.chunks"]
    return measured([*command, str(minutes), str(chunk_sec)])


def _forward(minutes: int, chunk_sec: float) -> None:
    """Hear so many minutes of noise."""
    import numpy as np
    import torch

    from models.networks.conformer_files import new_conformer_network
    from models.vocabulary import Vocabulary
    from schemas.units import SAMPLE_RATE_HZ

    torch.set_num_threads(1)
    torch.manual_seed(0)
    letters = Vocabulary.from_texts(["abcdefghijklmnopqrstuvwxyz"])
    network = new_conformer_network("tiny", letters, (), chunk_sec or None).eval()
    rng = np.random.default_rng(0)
    samples = minutes * 60 * SAMPLE_RATE_HZ
    clip_N = rng.standard_normal(samples, dtype=np.float32)
    clip_N *= np.float32(0.05)
    with torch.inference_mode():
        inputs = network.prepare([clip_N])
        logits = network(inputs.values, inputs.lengths).logits_BTC
        log_probs = logits.log_softmax(-1)
    assert torch.isfinite(log_probs).all()


if __name__ == "__main__":
    _forward(int(sys.argv[1]), float(sys.argv[2]))
