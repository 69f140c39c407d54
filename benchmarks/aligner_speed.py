"""Our aligner beside torchaudio's and ctc-segmentation's, on the same emissions.

A cell is one frame of one lattice state, T x (2 L + 1) of them, counted alike for all,
whatever they really compute.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from rich.console import Console

from aligner.backends import align_with
from aligner.path import AlignmentPath
from aligner.viterbi import forced_align
from benchmarks.figures import Figure, Unit, print_figures
from benchmarks.problems import (
    BLANK,
    Problem,
    chapter_problem,
    planted_problem,
    random_problem,
)

_SIZE, _QUICK_SIZE = (15_000, 4_000), (3_000, 800)
_MINUTES, _QUICK_MINUTES = 5.0, 0.5
_LANGUAGE = "rus"
_ROUNDS = 3
_THREADS_ROUNDS = 30  # short ones, to find two free cores
# Its authors' C++, measured on another machine: no package of it is installed here.
_CTC_FORCED_ALIGNER_NSEC = 2.5
OURS, PRUNED = "ours, full lattice", "ours, pruned"
TORCHAUDIO, CTC_SEGMENTATION = "torchaudio", "ctc-segmentation"
RANDOM, PLANTED, CHAPTER = "random", "planted, clean", f"chapter ({_LANGUAGE})"
_NOTE = (
    "Processor time of one thread, best of three rounds in which each takes its turn. "
    "'Planted' emissions are made up around a path; those of the chapter are what the "
    "bundled model hears in synthetic speech. ctc-segmentation has no blank states, so "
    "that its path is another one and scores lower. Two threads: wall clock, "
    "and their processor time over that of one: at 1 they hinder each other nowhere."
)

Aligner = Callable[[Problem], AlignmentPath]
ALIGNERS: dict[str, Aligner] = {
    OURS: lambda problem: forced_align(*problem, BLANK, prune=False),
    PRUNED: lambda problem: forced_align(*problem, BLANK, prune=True),
    TORCHAUDIO: lambda problem: align_with("torchaudio", *problem, BLANK),
    CTC_SEGMENTATION: lambda problem: align_with("ctc-segmentation", *problem, BLANK),
}


@dataclass(frozen=True)
class Run:
    """The best of some runs."""

    sec: float
    path: AlignmentPath


def measure(*, quick: bool) -> list[Figure]:
    """Align three kinds of emissions by all; then two chapters in two threads."""
    size = _QUICK_SIZE if quick else _SIZE
    problems = {
        RANDOM: random_problem(*size),
        PLANTED: planted_problem(*size),
        CHAPTER: chapter_problem(_LANGUAGE, _QUICK_MINUTES if quick else _MINUTES),
    }
    figures = []
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for case, problem in problems.items():
            figures += case_figures(case, problem, fastest(problem))
    finally:
        torch.set_num_threads(threads)
    return figures + thread_figures(*size)


def show(figures: Sequence[Figure], console: Console) -> None:
    """Print the table."""
    print_figures(console, "Aligners", figures, _NOTE)


def fastest(problem: Problem) -> dict[str, Run]:
    """Align a problem by all, one after the other, several times."""
    start = Problem(problem.emissions[:200], problem.tokens[:50])
    runs: dict[str, Run] = {}
    for align in ALIGNERS.values():
        align(start)  # compiled and loaded
    for _ in range(_ROUNDS):
        for name, align in ALIGNERS.items():
            started_sec = time.process_time()
            path = align(problem)
            sec = time.process_time() - started_sec
            if name not in runs or sec < runs[name].sec:
                runs[name] = Run(sec, path)
    return runs


def case_figures(case: str, problem: Problem, runs: dict[str, Run]) -> list[Figure]:
    """Return times, ratios and scores; aims where the emissions are such as meant."""
    full, pruned, other = runs[OURS], runs[PRUNED], runs[TORCHAUDIO]
    own_nsec = full.sec / problem.cells * 1e9
    figures = [
        Figure(name="frames T", value=len(problem.emissions), unit=Unit.COUNT),
        Figure(name="tokens L", value=len(problem.tokens), unit=Unit.COUNT),
        *(
            Figure(name=name, value=run.sec * 1000, unit=Unit.MSEC)
            for name, run in runs.items()
        ),
        Figure(name=f"{OURS}, a cell", value=own_nsec, unit=Unit.NSEC),
        Figure(name="torchaudio / full", value=other.sec / full.sec, unit=Unit.RATIO,
               at_least=12.0),
        Figure(name="ctc-forced-aligner, published / full",
               value=_CTC_FORCED_ALIGNER_NSEC / own_nsec, unit=Unit.RATIO,
               at_least=7.0),
        Figure(name="ctc-segmentation / full", unit=Unit.RATIO, at_least=30.0,
               value=runs[CTC_SEGMENTATION].sec / full.sec),
        Figure(name="torchaudio / pruned", value=other.sec / pruned.sec,
               unit=Unit.RATIO, at_least=None if case == RANDOM else 50.0),
        Figure(name="pruned, computed share", value=pruned.path.computed_share,
               unit=Unit.SHARE),
        Figure(name="score, apart from torchaudio's",
               value=abs(full.path.score / other.path.score - 1), unit=Unit.SHARE,
               at_most=1e-3),
        Figure(name="score, full less pruned",
               value=full.path.score - pruned.path.score, unit=Unit.NATS, at_most=0.0),
    ]  # fmt: skip
    return [replace(figure, case=case) for figure in figures]


def thread_figures(frames: int, length: int) -> list[Figure]:
    """Return how much faster two chapters are in two threads than in one."""
    problems = [random_problem(frames, length, seed=seed) for seed in range(2)]
    emissions = [problem.emissions for problem in problems]
    tokens = [problem.tokens for problem in problems]
    wall_sec: dict[int, list[float]] = {1: [], 2: []}
    cpu_sec: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(_THREADS_ROUNDS):
        for threads in (1, 2):
            started_sec, started_cpu_sec = time.perf_counter(), time.process_time()
            forced_align(emissions, tokens, BLANK, prune=False, threads=threads)
            wall_sec[threads].append(time.perf_counter() - started_sec)
            cpu_sec[threads].append(time.process_time() - started_cpu_sec)
    return [
        Figure(name="two chapters, one thread / two", case=RANDOM, unit=Unit.RATIO,
               value=min(wall_sec[1]) / min(wall_sec[2]), at_least=1.8),
        Figure(name="two chapters, processor time, two / one", case=RANDOM,
               value=min(cpu_sec[2]) / min(cpu_sec[1]), unit=Unit.RATIO),
    ]  # fmt: skip
