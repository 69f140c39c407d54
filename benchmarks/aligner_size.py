"""How time and memory of our aligner grow, up to ten hours of clear speech.

Each run has a process of its own. Memory is what its peak grows by during alignment,
the emissions being there already.
"""

import multiprocessing
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

from rich.console import Console

from aligner.viterbi import forced_align
from benchmarks.figures import Figure, Unit, print_figures
from benchmarks.problems import BLANK, planted_problem
from benchmarks.processes import forget_peak, resident_bytes
from schemas.keys import digest_of

Size = tuple[int, int]
_THIRD, _HOUR, _TEN_HOURS = (60_000, 15_000), (180_000, 45_000), (1_800_000, 450_000)
_QUICK = 10  # times smaller, both T and L
_ROUNDS = 3
_MIB = 2**20
_MOST_MIB = 500e6 / _MIB
FULL, PRUNED = "full", "pruned"
_NOTE = (
    "Frames T x tokens L, 50 frames a second. Planted clean emissions of 28 labels; "
    "processor time, best of three (of one for the longest). Growth 1 is in proportion."
)


@dataclass(frozen=True)
class Usage:
    """What an alignment took and found."""

    sec: float
    extra_bytes: int
    score: float
    digest: str
    """Of all starts and ends: equal paths have equal ones."""


def measure(*, quick: bool) -> list[Figure]:
    """Align a third of an hour, an hour, and ten hours pruned."""
    third, hour, ten = (
        (size[0] // _QUICK, size[1] // _QUICK) if quick else size
        for size in (_THIRD, _HOUR, _TEN_HOURS)
    )
    sizes = {FULL: (third, hour), PRUNED: (third, hour, ten)}
    usages = {
        (kind, size): in_new_process(size, prune=kind == PRUNED,
                                     rounds=_ROUNDS if size != ten else 1)
        for kind, chosen in sizes.items()
        for size in chosen
    }  # fmt: skip
    figures = []
    for (kind, size), usage in usages.items():
        figures += usage_figures(kind, size, usage)
    same = usages[FULL, hour].digest == usages[PRUNED, hour].digest
    return [*figures, *growth_figures(usages, third, hour),
            Figure(name="same path", case=case_of(hour),
                   value=float(same), unit=Unit.SHARE, at_least=1.0)]  # fmt: skip


def show(figures: Sequence[Figure], console: Console) -> None:
    """Print the table."""
    print_figures(console, "Aligner, long recordings", figures, _NOTE)


def case_of(size: Size) -> str:
    """Return a size as it heads a column."""
    return f"{size[0] / 1000:g}k x {size[1] / 1000:g}k"


def usage_figures(kind: str, size: Size, usage: Usage) -> list[Figure]:
    """Return time and memory; the aim is for recordings up to an hour."""
    cells = size[0] * (2 * size[1] + 1)
    aim = _MOST_MIB if size[0] <= _HOUR[0] else None
    return [
        Figure(name=f"{kind}, time", case=case_of(size), value=usage.sec,
               unit=Unit.SEC),
        Figure(name=f"{kind}, a cell", case=case_of(size),
               value=usage.sec / cells * 1e9, unit=Unit.NSEC),
        Figure(name=f"{kind}, extra memory", case=case_of(size),
               value=usage.extra_bytes / _MIB, unit=Unit.MIB, at_most=aim),
    ]  # fmt: skip


def growth_figures(
    usages: dict[tuple[str, Size], Usage], small: Size, large: Size
) -> list[Figure]:
    """Return by how much time grows faster than T x L, and pruned than T."""
    frames = large[0] / small[0]
    products = {FULL: frames * large[1] / small[1], PRUNED: frames}
    named = {FULL: "full, growth over T x L", PRUNED: "pruned, growth over T"}
    return [
        Figure(name=named[kind], case=case_of(large), unit=Unit.RATIO, at_most=1.2,
               value=usages[kind, large].sec / usages[kind, small].sec / product)
        for kind, product in products.items()
    ]  # fmt: skip


def in_new_process(size: Size, *, prune: bool, rounds: int) -> Usage:
    """Align a planted problem in a fresh process."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(usage_of, size, prune, rounds).result()


def usage_of(size: Size, prune: bool, rounds: int) -> Usage:
    """Align a planted problem and measure this process."""
    emissions, tokens = planted_problem(*size)
    forced_align(emissions[:200], tokens[:20], BLANK, prune=prune)
    before = forget_peak()
    times = []
    for _ in range(rounds):
        started_sec = time.process_time()
        path = forced_align(emissions, tokens, BLANK, prune=prune)
        times.append(time.process_time() - started_sec)
    extra_bytes = max(0, resident_bytes("VmHWM") - before)
    digest = digest_of("path", path.starts.tolist(), path.ends.tolist())
    return Usage(min(times), extra_bytes, path.score, digest)
