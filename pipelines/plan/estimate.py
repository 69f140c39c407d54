"""From rates and lengths to time, memory, disk and cost: plain arithmetic."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pipelines.plan.rates import Rates
from schemas.units import SAMPLE_RATE_HZ, frames_from_sec

_WAVEFORM_BYTES = 4
_EMISSION_BYTES = 10
"""Of one log-probability: float32 twice, as the model gives it and as it is read back,
and half precision on the way to the store."""
_LATTICE_BYTES_A_SEC = 18_000
"""64 MB an hour for the path, see ``aligner_size`` in benchmarks/README.md."""


@dataclass(frozen=True, kw_only=True)
class Workload:
    """What is to be done."""

    hours: float
    recordings: int
    languages: int
    longest_sec: float
    busiest_sec: float
    """Audio of the worker that gets most of it, where one machine has it all."""


@dataclass(frozen=True, kw_only=True)
class SetUp:
    """Machines of one kind, on which a corpus may be made."""

    name: str
    machines: int = 1
    gpus: int = 0
    """In each machine."""
    cores: int = 0
    """In each machine; 0: as many as keep its GPUs busy."""
    price_per_hour: float = 0.0
    """Of one machine."""


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """What a set-up takes for a workload."""

    set_up: SetUp
    seconds: float
    times_real_time: float
    cores: float
    """In each machine: those that it has, or those that its GPUs need beside them."""
    cost: float


def workload_of(lengths_sec: Sequence[float], languages: int, workers: int) -> Workload:
    """Return the work of recordings that are dealt to workers by turns."""
    dealt = [sum(lengths_sec[first::workers]) for first in range(workers)]
    return Workload(
        hours=sum(lengths_sec) / 3600,
        recordings=len(lengths_sec),
        languages=languages,
        longest_sec=max(lengths_sec, default=0.0),
        busiest_sec=max(dealt),
    )


def scaled(workload: Workload, hours: float, workers: int) -> Workload:
    """Return more of the same: so many hours of recordings as long as these."""
    times = hours / workload.hours
    return replace(
        workload,
        hours=hours,
        recordings=round(workload.recordings * times),
        busiest_sec=hours * 3600 / workers,
    )


def estimate(workload: Workload, set_up: SetUp, rates: Rates) -> Estimate:
    """Return what a set-up takes.

    A machine with GPUs works as fast as these or its cores allow, whichever is less;
    one without as fast as its workers did on the sample. The last recording to be begun
    may be the longest: on several machines it is added once, on one worker. Every
    machine meets every language.

    Args:
      workload: what is to be done.
      set_up: machines; without GPUs they are like the one that was measured.
      rates: with ``device_sec`` where there are GPUs.
    """
    if set_up.gpus:
        assert rates.device_sec is not None
        device_sec = rates.device_sec / set_up.gpus
        beside = rates.processor_sec if _has_gpu(rates) else _without_model(rates)
        cores = set_up.cores or beside / device_sec
        hour_sec = max(device_sec, beside / cores)
        work_sec = workload.hours * hour_sec / set_up.machines
    else:
        cores = rates.cores
        busiest_sec = workload.busiest_sec / set_up.machines
        bound_sec = workload.hours * rates.processor_sec / (cores * set_up.machines)
        work_sec = max(busiest_sec / 3600 * rates.total_worker_sec, bound_sec)
    if set_up.machines > 1:
        work_sec += workload.longest_sec / 3600 * rates.total_worker_sec
    languages_sec = workload.languages * rates.language_sec / rates.workers
    seconds = rates.start_sec + languages_sec + work_sec
    return Estimate(
        set_up=set_up,
        seconds=seconds,
        times_real_time=workload.hours * 3600 / seconds,
        cores=cores,
        cost=set_up.machines * set_up.price_per_hour * seconds / 3600,
    )


def memory_bytes(
    base_bytes: int, labels: int, longest_sec: float, in_flight_sec: float
) -> int:
    """Return the peak of a process's resident memory.

    Args:
      base_bytes: with everything loaded.
      labels: columns of the emissions.
      longest_sec: the longest recording; alone it always has room.
      in_flight_sec: audio that may be decoded at a time (run.max_audio_hours_in_flight)
        or that all workers together have at most, if that is less.
    """
    emissions = frames_from_sec(1.0) * labels * _EMISSION_BYTES
    second = SAMPLE_RATE_HZ * _WAVEFORM_BYTES + emissions + _LATTICE_BYTES_A_SEC
    return base_bytes + round(max(longest_sec, in_flight_sec) * second)


def _has_gpu(rates: Rates) -> bool:
    return rates.device.startswith("cuda")


def _without_model(rates: Rates) -> float:
    """Return processor seconds of an hour beside those of the model on a CPU."""
    model_share = rates.worker_sec.get("emissions", 0.0) / rates.total_worker_sec
    return rates.processor_sec * (1 - model_share)
