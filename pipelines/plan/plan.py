"""A plan: rates, lengths and set-ups put together, as plain records and as text."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console
from rich.table import Table

from pipelines.config import CorpusConfig
from pipelines.gpus import gpus_with_worker, visible_gpus
from pipelines.manifest import read_manifest
from pipelines.plan.estimate import (
    Estimate,
    SetUp,
    Workload,
    estimate,
    memory_bytes,
    scaled,
    workload_of,
)
from pipelines.plan.lengths import Lengths, header_lengths
from pipelines.plan.probe import measure_rates
from pipelines.plan.rates import Rates
from pipelines.plan.sample import choose_sample
from pipelines.progress import hours_and_minutes
from pipelines.sharing import audio_hours
from schemas.errors import ConfigError

_GB = 1e9


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What the user wants to know besides this corpus on this machine."""

    hours: float = 0.0
    """Of audio; 0: those of the manifest."""
    machines: int = 0
    """Like this one, as a cluster; 0: no such line."""
    gpus: int = 8
    """In a machine with several."""
    gpu_speed: float = 0.0
    """Seconds of audio that one of those GPUs takes in a second; 0: as measured."""
    price_per_hour: float = 0.0
    """Of a machine like this one."""
    gpu_price_per_hour: float = 0.0
    """Of one GPU with its share of a machine."""
    minutes: float = 10.0
    """Audio of the sample."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What was measured, and what follows from it."""

    rates: Rates
    workload: Workload
    unknown_lengths: int
    estimates: tuple[Estimate, ...]
    """This machine first."""
    memory_bytes: int
    """Peak of a process on this machine."""
    store_bytes: Mapping[str, float]
    shard_bytes: float
    table_bytes: float

    @property
    def disk_bytes(self) -> float:
        """Everything that a run writes."""
        return sum(self.store_bytes.values()) + self.shard_bytes + self.table_bytes


def make_plan(config: CorpusConfig, workers: int, asked: Asked) -> Plan:
    """Measure a sample of a corpus on this machine and reckon with it.

    Raises:
      ConfigError: the manifest or the model cannot be used, it has no recordings, or
        none of the sample can be used.
    """
    corpus = config.corpus
    recordings = read_manifest(
        Path(corpus.manifest),
        allow_outside=corpus.allow_outside,
        default_licence=corpus.licence,
    ).recordings
    if not recordings:
        raise ConfigError(f"{corpus.manifest}: expected recordings, got none")
    lengths = header_lengths(recordings)
    sample = choose_sample(recordings, lengths.seconds, asked.minutes)
    rates = measure_rates(config, workers, sample)
    languages = len({recording.language for recording in recordings})
    return plan_of(rates, lengths, languages, config, asked)


def plan_of(
    rates: Rates, lengths: Lengths, languages: int, config: CorpusConfig, asked: Asked
) -> Plan:
    """Return what follows from rates and lengths."""
    measured = rates.sample_recordings - rates.sample_rejects
    mean_sec = rates.sample_hours * 3600 / measured
    workload = workload_of(lengths.filled(mean_sec), languages, rates.workers)
    if asked.hours:
        workload = scaled(workload, asked.hours, rates.workers)
    budget_sec = 3600 * audio_hours(config.run.max_audio_hours_in_flight, rates.workers)
    in_flight_sec = min(budget_sec, rates.workers * workload.longest_sec)
    return Plan(
        rates=rates,
        workload=workload,
        unknown_lengths=lengths.unknown,
        estimates=tuple(
            estimate(workload, set_up, _with_gpu_speed(rates, set_up, asked))
            for set_up in _set_ups(rates, config, asked)
        ),
        memory_bytes=memory_bytes(
            rates.base_bytes, rates.labels, workload.longest_sec, in_flight_sec
        ),
        store_bytes={
            stage: size * workload.hours for stage, size in rates.store_bytes.items()
        },
        shard_bytes=rates.shard_bytes * workload.hours,
        table_bytes=rates.table_bytes * workload.hours,
    )


def _set_ups(rates: Rates, config: CorpusConfig, asked: Asked) -> list[SetUp]:
    own_gpus = gpus_with_worker(config.model.device, config.run.gpus, visible_gpus())
    own = SetUp(
        name="this machine",
        # What one GPU does is in what the workers took.
        gpus=len(own_gpus) if rates.device_sec is not None else 0,
        cores=rates.cores,
        price_per_hour=asked.price_per_hour,
    )
    set_ups = [own]
    if asked.machines > 1:
        name = f"{asked.machines} machines like it"
        set_ups.append(replace(own, name=name, machines=asked.machines))
    if rates.device_sec is not None or asked.gpu_speed:
        price = asked.gpus * asked.gpu_price_per_hour
        name = f"one machine with {asked.gpus} GPUs"
        set_ups.append(SetUp(name=name, gpus=asked.gpus, price_per_hour=price))
    return set_ups


def _with_gpu_speed(rates: Rates, set_up: SetUp, asked: Asked) -> Rates:
    """Return rates with the speed that the user knows of other machines' GPUs."""
    if set_up.cores or not asked.gpu_speed:
        return rates
    return replace(rates, device_sec=3600 / asked.gpu_speed)


def print_plan(plan: Plan, console: Console) -> None:
    """Print what was measured and what follows."""
    rates, work = plan.rates, plan.workload
    console.print(
        f"{work.recordings:,} recordings, {work.hours:,.2f} h, languages: "
        f"{work.languages}, the longest {hours_and_minutes(work.longest_sec)}"
    )
    if plan.unknown_lengths:
        console.print(
            f"{plan.unknown_lengths} have no length that their header tells here: they "
            "are taken to be as long as the others"
        )
    console.print(
        f"measured on {rates.sample_recordings} of them, {rates.sample_hours:.2f} h, "
        f"{rates.sample_rejects} rejected; {rates.workers} workers, {rates.cores} "
        f"cores, model on {rates.device}\n"
    )
    console.print(_stages(rates))
    console.print(
        f"start-up {rates.start_sec:.1f} s, {rates.language_sec:.1f} s of a worker for "
        f"each further language; all cores together "
        f"{rates.processor_sec:.1f} s an hour of audio\n"
    )
    console.print(_estimates(plan.estimates))
    console.print(
        f"\nmemory of a process: {plan.memory_bytes / _GB:.1f} GB at most"
        + (f"; on the GPU {rates.gpu_bytes / _GB:.1f} GB" if rates.gpu_bytes else "")
    )
    kept = ", ".join(
        f"{stage} {_size(size)}" for stage, size in sorted(plan.store_bytes.items())
    )
    console.print(
        f"disk: {_size(plan.disk_bytes)}: shards {_size(plan.shard_bytes)}, tables "
        f"{_size(plan.table_bytes)}, store {_size(sum(plan.store_bytes.values()))} "
        f"({kept})"
    )


def _stages(rates: Rates) -> Table:
    table = _table("stage", "s of a worker for an hour", "share")
    for stage, sec in rates.worker_sec.items():
        table.add_row(stage, f"{sec:.2f}", f"{sec / rates.total_worker_sec:.0%}")
    return table


def _estimates(estimates: Sequence[Estimate]) -> Table:
    table = _table("on", "time", "x real time", "cores", "cost")
    for one in estimates:
        machines, price = one.set_up.machines, one.set_up.price_per_hour
        cores = f"{machines} x {one.cores:.0f}" if machines > 1 else f"{one.cores:.0f}"
        cost = f"{one.cost:,.0f}" if price else ""
        time = hours_and_minutes(one.seconds)
        table.add_row(one.set_up.name, time, f"{one.times_real_time:,.0f}", cores, cost)
    return table


def _table(first: str, *others: str) -> Table:
    table = Table(box=None, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column(first, no_wrap=True)
    for name in others:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _size(count: float) -> str:
    for unit in ("kB", "MB", "GB"):
        count /= 1000
        if count < 1000:
            return f"{count:.1f} {unit}"
    return f"{count / 1000:.1f} TB"
