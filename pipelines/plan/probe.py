"""Measures rates on this machine: a sample goes all the way, in a process of its own.

The process begins as that of a run does, so that its start-up is a run's. Everything is
written to a folder that is removed afterwards.
"""

import multiprocessing
import os
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import fmean

from models.devices import choose_device
from pipelines.build import build_plainly, recording_steps
from pipelines.config import CorpusConfig
from pipelines.context import RunContext
from pipelines.digests import run_listed
from pipelines.emission_store import emissions_of
from pipelines.fetch_recording import FetchedRecording, fetch_recording
from pipelines.job import Job, knowing_texts, prepare_job, run_job
from pipelines.memory import resident_bytes, return_freed_memory
from pipelines.plan.rates import Rates
from pipelines.runners import EMBEDDED
from pipelines.waveforms import forget_waveform, waveform_of_file
from schemas.errors import ConfigError, InputError, PericopeError
from schemas.source import Recording
from schemas.units import sec_from_samples

SHARDS = "shards and tables"
_STAGES = ("fetch", "align", "score", "speech", "cut")


@dataclass
class _Clock:
    """Seconds by stage, of all threads together."""

    seconds: dict[str, float] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Add what the block takes to a stage."""
        started_sec = time.perf_counter()
        try:
            yield
        finally:
            took_sec = time.perf_counter() - started_sec
            with self.lock:
                self.seconds[stage] = self.seconds.get(stage, 0.0) + took_sec


@dataclass(frozen=True)
class _First:
    """What the first recording of a language took."""

    took_sec: float
    hours: float

    def beyond(self, warm_sec: float) -> float:
        """Return what it took beyond a later one, of which an hour takes so long."""
        return max(0.0, self.took_sec - self.hours * warm_sec)


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
    ids = [recording.recording_id for recording in sample]
    process = spawn.Process(
        target=_probe, args=(theirs, config, workers, ids, time.time()), daemon=True
    )
    process.start()
    theirs.close()
    try:
        answer = own.recv()
    except EOFError:
        answer = None
    process.join()
    if isinstance(answer, Rates):
        return answer
    raise answer or PericopeError(
        f"the process that measures broke off with exit status {process.exitcode}; "
        "what it says is above"
    )


def _probe(
    connection: Connection,
    config: CorpusConfig,
    workers: int,
    ids: Sequence[str],
    started_sec: float,
) -> None:
    # Left this way, and not at once, it removes what it wrote.
    signal.signal(signal.SIGINT, lambda *_: sys.exit(1))
    with tempfile.TemporaryDirectory(prefix="pericope-plan-") as folder:
        config = replace(config, corpus=replace(config.corpus, output=folder))
        try:
            connection.send(_rates(config, workers, ids, started_sec))
        except PericopeError as error:
            connection.send(error)


def _rates(
    config: CorpusConfig, workers: int, ids: Sequence[str], started_sec: float
) -> Rates:
    return_freed_memory()
    job = prepare_job(config, workers)
    by_id = {recording.recording_id: recording for recording in job.recordings}
    chosen = [by_id[recording_id] for recording_id in ids]
    nothing = replace(job.manifest, recordings=(), rejects=())
    run_job(replace(job, manifest=nothing), EMBEDDED)
    ready_sec = time.time() - started_sec
    if config.identity.check:
        job = knowing_texts(job)
    first, *others = _firsts(chosen, job.context)
    base_bytes = resident_bytes()
    clock, before = _Clock(), _processor_sec()
    with ThreadPoolExecutor(job.workers) as pool:
        seconds = list(pool.map(lambda one: _through(one, job.context, clock), chosen))
    usable = [one for one, sec in zip(chosen, seconds, strict=True) if sec is not None]
    hours = sum(sec for sec in seconds if sec is not None) / 3600
    if not hours:
        raise ConfigError(
            f"none of the {len(chosen)} recordings of the sample could be used; "
            "`pericope run` on them says why"
        )
    _written(chosen, job, clock)
    processor_sec = _processor_sec() - before
    worker_sec = {stage: sec / hours for stage, sec in clock.seconds.items()}
    warm_sec = sum(worker_sec.values())
    sizes = _sizes(Path(config.corpus.output))
    return Rates(
        device=str(choose_device(config.model.device)),
        workers=job.workers,
        cores=len(os.sched_getaffinity(0)),
        sample_hours=hours,
        sample_recordings=len(chosen),
        sample_rejects=seconds.count(None),
        start_sec=ready_sec + first.beyond(warm_sec),
        language_sec=fmean([one.beyond(warm_sec) for one in others] or [0.0]),
        worker_sec=worker_sec,
        processor_sec=processor_sec / hours,
        device_sec=_device_sec(usable, job.context),
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


def _firsts(chosen: Sequence[Recording], context: RunContext) -> list[_First]:
    """Take the shortest recording of each language through once, one after the other.

    The first of all loads what is loaded once: compiled kernels, the model's device.
    Each loads what its language needs, such as romanisation and spoken numbers.
    """
    shortest: dict[str, Recording] = {}
    for recording in chosen:
        shortest.setdefault(recording.language, recording)
    firsts = []
    for recording in shortest.values():
        with _own_store(context) as own:
            started_sec = time.perf_counter()
            sec = _through(recording, own, _Clock())
            took_sec = time.perf_counter() - started_sec
        firsts.append(_First(took_sec, (sec or 0.0) / 3600))
    return firsts


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
    """Write shards and tables of what is in the store, and the lists of digests."""
    context = job.context
    with clock.timed(SHARDS), run_listed(context.output, context.store):
        build_plainly(chosen, (), context)


def _device_sec(usable: Sequence[Recording], context: RunContext) -> float | None:
    """Return seconds of the GPU for an hour, None where the model is on the CPU."""
    has_text = [one for one in usable if one.text is not None and one.timing is None]
    if choose_device(context.device).type == "cpu" or not has_text:
        return None
    return alone_in_model(has_text[0], context)


def alone_in_model(recording: Recording, context: RunContext) -> float:
    """Return seconds of the model for an hour of audio while nobody else is in it."""
    with _own_store(context) as own:
        fetched = fetch_recording(recording, own)
        waveform_N = waveform_of_file(fetched.audio, own.max_hours)
        started_sec = time.perf_counter()
        emissions_of(fetched, own)
        took_sec = time.perf_counter() - started_sec
        forget_waveform()
    return took_sec / sec_from_samples(len(waveform_N)) * 3600


@contextmanager
def _own_store(context: RunContext) -> Iterator[RunContext]:
    """Give a context whose store is empty, and is removed."""
    with tempfile.TemporaryDirectory(dir=context.output) as folder:
        yield replace(context, output=folder)


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
