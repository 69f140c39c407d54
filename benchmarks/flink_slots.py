"""Two slots of a real Flink beside one: how much sooner is a corpus done?

The same chapters from an empty store, in turns, on the cluster that
``OMP_NUM_THREADS=1 make flink-up`` started: otherwise one slot takes both cores. Asked
of Flink is how long its job took; the command itself adds what the start of a process
costs. Four hours of audio, because some 20 s of a job are starts of workers, which
slots do not share. Two cores that nobody else uses are needed: under load the ratio
says nothing.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import requests
from rich.console import Console

from benchmarks.figures import Figure, Unit, print_figures
from benchmarks.speech import BENCH, recordings, speech_of, write_corpus
from flink.cluster import STATE, Cluster, read_cluster, slots_of

_LANGUAGES = ("swh", "rus", "hin", "cat")
_SEED = 991_001
_CHAPTERS, _QUICK_CHAPTERS, _MINUTES = 48, 12, 5.0
_WARM_CHAPTERS = 4
_PAIRS, _QUICK_PAIRS = 3, 1
_NAME = "flink-slots"
_AIM = 1.6
_NOTE = (
    "Ratios are medians over pairs that ran one after the other, one slot first; "
    "load: processes that wanted a core before a pair, at most."
)


@dataclass(frozen=True)
class Run:
    """How long Flink's job and the whole command took."""

    job_sec: float
    command_sec: float


def measure(*, quick: bool) -> list[Figure]:
    """Run pairs of one slot and two; no figures where no cluster runs."""
    if not STATE.exists() or slots_of(read_cluster()) < 2:
        return []
    cluster = read_cluster()
    chapters = _QUICK_CHAPTERS if quick else _CHAPTERS
    names = [_LANGUAGES[number % len(_LANGUAGES)] for number in range(chapters)]
    speech = speech_of(recordings(names, _MINUTES, seed=_SEED, name="slots"))
    # The inner loops are compiled in the workers' environment, and Java warms up.
    _run(cluster, str(write_corpus(speech, _NAME, _WARM_CHAPTERS)), 2)
    toml = str(write_corpus(speech, _NAME))
    loads, pairs = [], []
    for _ in range(_QUICK_PAIRS if quick else _PAIRS):
        loads.append(os.getloadavg()[0])
        pairs.append((_run(cluster, toml, 1), _run(cluster, toml, 2)))
    return [
        Figure(name="audio", value=speech.duration_sec, unit=Unit.SEC),
        Figure(name="load", value=max(loads), unit=Unit.RATIO),
        *_seconds(pairs),
        Figure(
            name="one slot over two, Flink's job",
            value=median(one.job_sec / two.job_sec for one, two in pairs),
            unit=Unit.RATIO,
            at_least=_AIM,
        ),
        Figure(
            name="one slot over two, command",
            value=median(one.command_sec / two.command_sec for one, two in pairs),
            unit=Unit.RATIO,
        ),
    ]


def show(figures: Sequence[Figure], console: Console) -> None:
    """Print the table."""
    if not figures:
        console.print("Flink: no cluster with two slots runs here (make flink-up)")
        return
    print_figures(console, "Two slots of Flink beside one", figures, _NOTE)


def _seconds(pairs: Sequence[tuple[Run, Run]]) -> list[Figure]:
    return [
        Figure(
            name="Flink's job",
            case=case,
            value=median(pair[at].job_sec for pair in pairs),
            unit=Unit.SEC,
        )
        for at, case in enumerate(("one slot", "two slots"))
    ]


def _run(cluster: Cluster, toml: str, slots: int) -> Run:
    shutil.rmtree(BENCH / _NAME, ignore_errors=True)
    known = set(_jobs(cluster))
    command = [sys.executable, "-m", "pipelines", "run", toml, "--quiet"]
    options = [*cluster.run_options(), "--workers", str(slots)]
    began_sec = time.perf_counter()
    subprocess.run([*command, *options], check=True, stdout=subprocess.DEVNULL)
    took_sec = time.perf_counter() - began_sec
    (job_msec,) = (
        duration for job, duration in _jobs(cluster).items() if job not in known
    )
    return Run(job_msec / 1000, took_sec)


def _jobs(cluster: Cluster) -> dict[str, int]:
    """Return how many milliseconds each job of the cluster took."""
    answer = requests.get(f"http://{cluster.master}/jobs/overview", timeout=30)
    return {job["jid"]: int(job["duration"]) for job in answer.json()["jobs"]}
