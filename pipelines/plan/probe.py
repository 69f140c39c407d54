"""Measures rates on this machine: a sample goes all the way, in a process of its own.

The process begins as that of a run does, so that its start-up is a run's. Everything is
written to a folder that is removed afterwards.
"""

import hashlib
import multiprocessing
import os
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection
from pathlib import Path

from models.devices import choose_device
from pipelines.build import build_plainly, recording_steps
from pipelines.config import CorpusConfig
from pipelines.context import RunContext
from pipelines.emission_store import emissions_of
from pipelines.fetch_recording import FetchedRecording
from pipelines.job import Job, knowing_texts, prepare_job, run_job
from pipelines.memory import resident_bytes, return_freed_memory
from pipelines.plan.rates import Rates
from pipelines.runners import EMBEDDED
from pipelines.waveforms import waveform_of_file
from schemas.errors import ConfigError, InputError, PericopeError
from schemas.source import Recording

SHARDS = "shards and tables"
_STAGES = ("fetch", "align", "score", "speech", "cut")


@dataclass
class _Clock:
    """Seconds by stage, of all threads together."""

    seconds: dict[str, float] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def timed(self, stage: str):
        started_sec = time.perf_counter()
        try:
            yield
        finally:
            took_sec = time.perf_counter() - started_sec
            with self.lock:
                self.seconds[stage] = self.seconds.get(stage, 0.0) + took_sec


def choose_sample(
    recordings: Sequence[Recording],
    lengths_sec: Sequence[float | None],
    minutes: float,
) -> list[Recording]:
    """Return recordings that stand for all of them, the shortest first.

    They are drawn by a hash of their ids, so that the same ones are drawn every time,
    until there are two of them and so many minutes. Those whose length is unknown are
    drawn only where no other is there: four of them, which have to be fetched.
    """
    drawn = sorted(
        zip(recordings, lengths_sec, strict=True),
        key=lambda pair: hashlib.sha256(pair[0].recording_id.encode()).digest(),
    )
    known = [(recording, sec) for recording, sec in drawn if sec is not None]
    if not known:
        return [recording for recording, _ in drawn[:4]]
    chosen: list[tuple[Recording, float]] = []
    for recording, sec in known:
        if len(chosen) >= 2 and sum(sec for _, sec in chosen) >= minutes * 60:
            break
        chosen.append((recording, sec))
    return [recording for recording, _ in sorted(chosen, key=lambda pair: pair[1])]


def measure_rates(
    config: CorpusConfig, workers: int, sample: Sequence[Recording]
) -> Rates:
    """Take a sample all the way in a fresh process; returns what it took.

    Raises:
      ConfigError: none of the sample can be used.
      PericopeError: the process broke off.
    """
    spawn = multiprocessing.get_context("spawn")
    own, theirs = spawn.Pipe(duplex=False)
    with tempfile.TemporaryDirectory(prefix="pericope-plan-") as folder:
        corpus = replace(config.corpus, output=folder)
        process = spawn.Process(
            target=_probe,
            args=(
                theirs,
                replace(config, corpus=corpus),
                workers,
                {recording.recording_id for recording in sample},
                time.time(),
            ),
        )
        process.start()
        theirs.close()
        try:
            answer = own.recv()
        except EOFError:
            process.join()
            raise PericopeError(
                f"the process that measures broke off with status {process.exitcode}; "
                "what it says is above"
            ) from None
        process.join()
    if isinstance(answer, PericopeError):
        raise answer
    return answer


def _probe(
    connection: Connection,
    config: CorpusConfig,
    workers: int,
    ids: set[str],
    started_sec: float,
) -> None:
    try:
        connection.send(_rates(config, workers, ids, started_sec))
    except PericopeError as error:
        connection.send(error)


def _rates(
    config: CorpusConfig, workers: int, ids: set[str], started_sec: float
) -> Rates:
    return_freed_memory()
    job = prepare_job(config, workers)
    chosen = [one for one in job.recordings if one.recording_id in ids]
    nothing = replace(job.manifest, recordings=(), rejects=())
    run_job(replace(job, manifest=nothing), EMBEDDED)
    ready_sec = time.time() - started_sec
    if config.identity.check:
        job = knowing_texts(job)
    cold_sec, cold_hours = _warmed_up(chosen, job.context)
    base_bytes = resident_bytes()
    clock, before = _Clock(), _processor_sec()
    with ThreadPoolExecutor(job.workers) as pool:
        seconds = list(pool.map(lambda one: _through(one, job.context, clock), chosen))
    hours = sum(sec for sec in seconds if sec is not None) / 3600
    if not hours:
        raise ConfigError(
            f"none of the {len(chosen)} recordings of the sample could be used; "
            "`pericope run` on them says why"
        )
    _written(chosen, job, clock)
    processor_sec = _processor_sec() - before
    worker_sec = {stage: sec / hours for stage, sec in clock.seconds.items()}
    warm_sec = cold_hours * sum(worker_sec.values())
    sizes = _sizes(Path(config.corpus.output))
    return Rates(
        device=str(choose_device(config.model.device)),
        workers=job.workers,
        cores=len(os.sched_getaffinity(0)),
        sample_hours=hours,
        sample_recordings=len(chosen),
        sample_rejects=seconds.count(None),
        start_sec=ready_sec + max(0.0, cold_sec - warm_sec),
        worker_sec=worker_sec,
        processor_sec=processor_sec / hours,
        device_sec=_device_sec(job, worker_sec),
        base_bytes=base_bytes,
        labels=_labels(job.context),
        store_bytes={
            name.partition("/")[2]: size / hours
            for name, size in sizes.items()
            if name.startswith("store/")
        },
        shard_bytes=sizes["shards"] / hours,
        table_bytes=sum(
            size
            for name, size in sizes.items()
            if name != "shards" and not name.startswith("store/")
        )
        / hours,
        gpu_bytes=_gpu_bytes(job),
    )


def _labels(context: RunContext) -> int:
    """Return the columns of the emissions; 0 where nothing is to be aligned."""
    return len(context.model().labels) if context.model_fingerprint != "none" else 0


def _warmed_up(chosen: Sequence[Recording], context: RunContext) -> tuple[float, float]:
    """Take the shortest recording through once; returns what it took, and its hours.

    It loads what is loaded once: compiled kernels, romanisation, the model's device.
    """
    with tempfile.TemporaryDirectory(dir=context.output) as folder:
        own = replace(context, output=folder)
        started_sec = time.perf_counter()
        sec = _through(chosen[0], own, _Clock())
        return time.perf_counter() - started_sec, (sec or 0.0) / 3600


def _through(recording: Recording, context: RunContext, clock: _Clock) -> float | None:
    """Take a recording from fetch to cut; returns its seconds, None if rejected."""
    fetch, *others = recording_steps(context)
    try:
        with clock.timed("fetch"):
            item = fetch.run(recording)
        _in_parts(item, context, clock)
        for stage, step in zip(_STAGES[1:], others, strict=True):
            with clock.timed(stage):
                item = step.run(item)
    except InputError:
        return None
    return item.duration_sec


def _in_parts(fetched: FetchedRecording, context: RunContext, clock: _Clock) -> None:
    """Decode, and run the model, which aligning would do otherwise."""
    with clock.timed("decode"):
        waveform_of_file(fetched.audio, context.max_hours)
    if fetched.text is not None and fetched.timing is None:
        with clock.timed("emissions"):
            emissions_of(fetched, context)


def _written(chosen: Sequence[Recording], job: Job, clock: _Clock) -> None:
    """Write shards and tables of what is in the store."""
    with clock.timed(SHARDS):
        build_plainly(chosen, (), job.context)


def _device_sec(job: Job, worker_sec: dict[str, float]) -> float | None:
    """Return seconds of the GPU for an hour.

    One recording at a time is in the model, and the others of the workers wait for it.
    """
    if choose_device(job.config.model.device).type == "cpu":
        return None
    return worker_sec.get("emissions", 0.0) / job.workers


def _gpu_bytes(job: Job) -> int | None:
    import torch

    if choose_device(job.config.model.device).type == "cpu":
        return None
    return torch.cuda.max_memory_reserved()


def _sizes(root: Path) -> Counter[str]:
    """Return bytes by folder of the corpus, those of the store by stage."""
    sizes: Counter[str] = Counter()
    for path in root.rglob("*"):
        if path.is_file():
            parts = path.relative_to(root).parts
            name = "/".join(parts[:2]) if parts[0] == "store" else parts[0]
            sizes[name] += path.stat().st_size
    return sizes


def _processor_sec() -> float:
    times = os.times()
    return time.process_time() + times.children_user + times.children_system
