"""Batches from shards beside plain WebDataset over the same shards; memory; planning.

Both decode the same clips with the same functions and hand over the same: the audio of
a batch in one tensor. Each pair is measured in both orders, from the first batch on.
"""

import gc
import io
import json
import multiprocessing
import os
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from statistics import median

import numpy as np
import soundfile
import torch
import webdataset
from rich.console import Console

from benchmarks.figures import Figure, Unit, print_figures
from benchmarks.loader_shards import indexed_corpus, spoken_corpus, tars_of
from models.data import BatchPlan, BatchStream, Clip, SpeechShards
from models.data.kept_clips import clip_table
from models.data.plan import Position, planned_batches
from schemas.units import SAMPLE_RATE_HZ

_CLIPS, _QUICK_CLIPS = 3000, 300
_PAIRS, _QUICK_PAIRS = 8, 1
_COUNTED_SEC = (
    3000.0  # of audio in one measurement: short, so that a pair sees the same load
)
_PLANNED, _QUICK_PLANNED = 1_000_000, 20_000
_WORKERS = (0, 1, 2)
_BATCH_CLIPS = 16
_PLAN = BatchPlan(batch_sec=150.0, max_clip_sec=20.0)
_EPOCHS = 3
_MIB = 2**20
_NOTE = (
    "Clips of 2 to 16 s with text and row, decoded from FLAC; WebDataset reads the "
    "same shards in order. Ratio: median over pairs in both orders. Memory: resident "
    "size of the process and of its worker, after each of three epochs."
)

Counted = Iterator[tuple[int, torch.Tensor]]
"""Batches: how many clips, and their audio one after another."""


def measure(*, quick: bool) -> list[Figure]:
    """Read shards in both ways, with and without workers."""
    clips = _QUICK_CLIPS if quick else _CLIPS
    root = spoken_corpus(clips)
    figures = []
    for workers in _WORKERS:
        figures += _speed(root, workers, _QUICK_PAIRS if quick else _PAIRS)
    figures += _memory(root)
    return figures + _planning(_QUICK_PLANNED if quick else _PLANNED)


def raw_batches(root: Path, workers: int) -> Counted:
    """Return batches of WebDataset alone, without end."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # on how it deals shards to workers
        dataset = webdataset.WebDataset(tars_of(root), shardshuffle=False)
        dataset = dataset.map(_decoded).batched(_BATCH_CLIPS, collation_fn=_joined)
        loader = webdataset.WebLoader(
            dataset.repeat(),
            batch_size=None,
            num_workers=workers,
            prefetch_factor=4 if workers else None,
        )
        yield from loader


def our_batches(root: Path, workers: int) -> Counted:
    """Return the loader's batches, without end."""
    shards = SpeechShards(corpus=root, selection=None)
    return BatchStream([shards], _PLAN, _made, workers=workers)


def audio_per_sec(batches: Counted, audio_sec: float) -> tuple[float, float]:
    """Return seconds of audio in a second by the clock, and of processor time.

    Audio and not clips, because a few batches may have many short ones. The latter is
    of this process and of its workers.
    """
    next(batches)
    started_sec, started_cpu_sec, samples = time.perf_counter(), _processor_sec(), 0
    while samples < audio_sec * SAMPLE_RATE_HZ:
        samples += len(next(batches)[1])
    took_sec = time.perf_counter() - started_sec
    heard_sec = samples / SAMPLE_RATE_HZ
    return heard_sec / took_sec, heard_sec / (_processor_sec() - started_cpu_sec)


def _processor_sec() -> float:
    sec = time.process_time()
    for child in multiprocessing.active_children():
        fields = Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()
        sec += sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")
    return sec


def _decoded(raw: dict) -> np.ndarray:
    json.loads(raw["json"])
    raw["txt"].decode()
    return soundfile.read(io.BytesIO(raw["flac"]), dtype="float32")[0]


def _made(clips: list[Clip], rng: np.random.Generator) -> tuple[int, torch.Tensor]:
    return _joined([clip.samples for clip in clips])


def _joined(waveforms: Sequence[np.ndarray]) -> tuple[int, torch.Tensor]:
    return len(waveforms), torch.from_numpy(np.concatenate(waveforms))


def _speed(root: Path, workers: int, pairs: int) -> list[Figure]:
    ways: dict[str, Callable[[Path, int], Counted]] = {
        "ours": our_batches,
        "webdataset": raw_batches,
    }
    rates: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for pair in range(pairs):
        for name in sorted(ways, reverse=pair % 2 == 1):
            rates[name].append(audio_per_sec(ways[name](root, workers), _COUNTED_SEC))
            gc.collect()  # ends the workers before others are measured
    case = f"{workers} workers"
    figures = [
        Figure(name=f"{name}, x real time", case=case, unit=Unit.COUNT,
               value=median(wall for wall, _ in rates[name]))
        for name in ways
    ]  # fmt: skip
    kinds = {"ours / webdataset": 0, "the same, processor time": 1}
    for name, kind in kinds.items():
        both = zip(rates["ours"], rates["webdataset"], strict=True)
        ratio = median(ours[kind] / raw[kind] for ours, raw in both)
        figures.append(
            Figure(name=name, case=case, value=ratio, unit=Unit.RATIO, at_least=0.95)
        )
    return figures


def _memory(root: Path) -> list[Figure]:
    shards = SpeechShards(corpus=root, selection=None)
    batches = BatchStream([shards], _PLAN, _made, workers=1)
    sizes = []
    for epoch in range(_EPOCHS):
        while batches.state_dict()["epoch"] <= epoch:
            next(batches)
        gc.collect()
        sizes.append(_resident_bytes())
    batches.close()
    figures = [
        Figure(name="resident size", case=f"epoch {epoch + 1}", value=size / _MIB,
               unit=Unit.MIB)
        for epoch, size in enumerate(sizes)
    ]  # fmt: skip
    growth = sizes[-1] / sizes[0]
    return [
        *figures,
        Figure(name="to the first", case=f"epoch {_EPOCHS}", value=growth,
               unit=Unit.RATIO, at_most=1.02),
    ]  # fmt: skip


def _resident_bytes() -> int:
    """Return the resident size of this process and of its workers together."""
    workers = [child.pid for child in multiprocessing.active_children()]
    return sum(_resident_bytes_of(pid) for pid in ("self", *workers))


def _resident_bytes_of(pid: int | str | None) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    (line,) = (line for line in lines if line.startswith("VmRSS:"))
    return int(line.split()[1]) * 1024


def _planning(clips: int) -> list[Figure]:
    root = indexed_corpus(clips)
    before = _resident_bytes_of("self")
    started_sec = time.process_time()
    table = clip_table([SpeechShards(corpus=root, selection=None)], 1.0, 20.0)
    table_sec = time.process_time() - started_sec
    grown = _resident_bytes_of("self") - before
    started_sec = time.process_time()
    count = _clips_of_epoch(table)
    assert count == len(table)
    epoch_sec = time.process_time() - started_sec
    case = f"{clips / 1e6:g} million clips"
    return [
        Figure(name="indexes read (processor)", case=case, value=table_sec,
               unit=Unit.SEC),
        Figure(name="an epoch's batches (processor)", case=case, value=epoch_sec,
               unit=Unit.SEC),
        Figure(name="memory", case=case, value=grown / _MIB, unit=Unit.MIB),
    ]  # fmt: skip


def _clips_of_epoch(table) -> int:
    batches: Iterable = planned_batches(table, _PLAN, Position())
    count = 0
    for rows, position in batches:
        if position.epoch:
            break
        count += len(rows)
    return count


def show(figures: Sequence[Figure], console: Console) -> None:
    """Print a table for speed, one for memory, one for planning."""
    rest = [figure for figure in figures if "workers" not in figure.case]
    print_figures(console, "Loader", [f for f in figures if "workers" in f.case], _NOTE)
    memory = [figure for figure in rest if "epoch" in figure.case]
    print_figures(console, "Memory of three epochs", memory)
    print_figures(console, "Planning", [f for f in rest if "million" in f.case])
