"""Our alignment kernel beside torchaudio's and ctc-segmentation's, in the same run.

A cell is one frame of one lattice state: T x (2 L + 1) of them, counted alike for all
three, whatever they really compute. Shapes: T frames, L tokens.
"""

import multiprocessing
import resource
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import numpy.typing as npt
from rich.console import Console

from aligner.backends import align_with
from aligner.config import BACKENDS
from benchmarks.figures import Figure, Unit, print_figures

_LABELS = 28
_BLANK = 0
_SIZE, _QUICK_SIZE = (15_000, 4_000), (3_000, 800)
_LARGE, _QUICK_LARGE = (60_000, 16_000), (12_000, 3_200)
_REPEATS = 3
_OWN = BACKENDS[0]
_NOTE = (
    "Best of three on one thread; random emissions and tokens. ctc-segmentation knows "
    "no blank states, so that its path is another one and scores lower."
)


def measure(*, quick: bool) -> list[Figure]:
    """Align the same emissions by all three; then four times the size by ours."""
    frames, length = _QUICK_SIZE if quick else _SIZE
    emissions, tokens = random_problem(frames, length)
    case = f"T {frames:,} x L {length:,}"
    figures, own_sec = [], 0.0
    for backend in BACKENDS:
        took_sec, score = fastest(backend, emissions, tokens)
        own_sec = own_sec or took_sec
        figures += [
            _nsec_a_cell(backend, case, took_sec, (frames, length)),
            Figure(
                name=f"{backend}, score",
                case=case,
                value=score,
                unit=Unit.NATS,
            ),
        ]
        if backend != _OWN:
            figures.append(
                Figure(
                    name=f"{backend}, time over ours",
                    case=case,
                    value=took_sec / own_sec,
                    unit=Unit.RATIO,
                )
            )
    return figures + large_figures(*(_QUICK_LARGE if quick else _LARGE))


def show(figures: Sequence[Figure], console: Console) -> None:
    """Print the table."""
    print_figures(console, "Viterbi", figures, _NOTE)


def random_problem(
    frames: int, length: int, seed: int = 0
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int32]]:
    """Return emissions (T, C) of random logits and random tokens (L,)."""
    rng = np.random.default_rng(seed)
    logits = rng.standard_normal((frames, _LABELS), dtype=np.float32) * 2
    logits -= np.log(np.exp(logits).sum(axis=1, keepdims=True))
    tokens = rng.integers(1, _LABELS, length, dtype=np.int32)
    return logits, tokens


def fastest(
    backend: str, emissions: npt.NDArray[np.float32], tokens: npt.NDArray[np.int32]
) -> tuple[float, float]:
    """Return the seconds of the best of some runs, and the path's score."""
    align_with(backend, emissions[:200], tokens[:50], _BLANK)  # compiled and loaded
    times = []
    for _ in range(_REPEATS):
        started_sec = time.perf_counter()
        path = align_with(backend, emissions, tokens, _BLANK)
        times.append(time.perf_counter() - started_sec)
    return min(times), path.score


def large_figures(frames: int, length: int) -> list[Figure]:
    """Return time and memory of ours on a recording of several hours."""
    case = f"T {frames:,} x L {length:,}"
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        took_sec, extra_bytes = pool.submit(in_fresh_process, frames, length).result()
    return [
        _nsec_a_cell(_OWN, case, took_sec, (frames, length)),
        Figure(
            name=f"{_OWN}, extra memory",
            case=case,
            value=extra_bytes / 2**20,
            unit=Unit.MIB,
        ),
    ]


def in_fresh_process(frames: int, length: int) -> tuple[float, int]:
    """Return seconds and by how much the process's peak grew; call it in a new one."""
    emissions, tokens = random_problem(frames, length)
    align_with(_OWN, emissions[:200], tokens[:50], _BLANK)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started_sec = time.perf_counter()
    align_with(_OWN, emissions, tokens, _BLANK)
    took_sec = time.perf_counter() - started_sec
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return took_sec, (after - before) * 1024


def _nsec_a_cell(
    backend: str, case: str, took_sec: float, shape: tuple[int, int]
) -> Figure:
    cells = shape[0] * (2 * shape[1] + 1)
    return Figure(
        name=f"{backend}, a cell",
        case=case,
        value=took_sec / cells * 1e9,
        unit=Unit.NSEC,
    )
