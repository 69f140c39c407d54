"""How far a run is, or was when it died: from its logs and the store alone."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.addresses import local_path_of
from pipelines.alone import is_locked
from pipelines.events import BEGIN, DONE, FAILED, LAST_FILE, LAST_STAGE, REJECTED
from pipelines.log_reading import RunLog, last_lines, read_logs
from pipelines.runners import REMOTE
from pipelines.store import filesystem_of
from schemas.errors import ArtifactError

RUNNING, FINISHED, STOPPED = "running", "finished", "stopped"
BROKEN = "failed"
UNKNOWN = "unknown"
"""In a bucket, where a look does not tell whether somebody is still at work."""
_LAST_EVENTS = 5
_FOLDER_LETTERS = 2  # of the folders that a stage's results are spread over


@dataclass(frozen=True)
class InFlight:
    """A recording that a stage has begun with."""

    recording: str
    stage: str
    since: str
    """UTC."""


@dataclass(frozen=True)
class Rejected:
    """A recording that was rejected, and why."""

    recording: str
    stage: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Status:
    """How far a corpus is."""

    output: str
    state: str
    log: str
    """The latest log's name, "" if there is none."""
    started: str = ""
    last_event: str = ""
    error: str = ""
    recordings: int | None = None
    """How many there are to do; None without a log."""
    done: int | None = 0
    """How many are cut or rejected; None on a cluster, which has logs of its own."""
    rejected: tuple[Rejected, ...] = ()
    hours_done: float = 0.0
    in_flight: tuple[InFlight, ...] = ()
    seconds_left: float | None = None
    """At the pace of the latest run, None where it has none yet."""
    stored: dict[str, int] = field(default_factory=dict)
    """How many results the store has of each stage, of any configuration."""
    last_events: tuple[dict[str, Any], ...] = ()


def status_of(root: str, now: datetime | None = None) -> Status:
    """Find out how far a corpus is; nothing is locked and no model is loaded.

    Recordings count as done if a run of the same manifest, configuration and model has
    cut them and the store still has the clips, or if it rejected them.

    Raises:
      ArtifactError: there is neither a log nor a store.
    """
    filesystem, store = filesystem_of(f"{root}/store")
    logs = read_logs(root)
    latest = next(logs, None)
    if latest is None and not filesystem.isdir(store):
        raise ArtifactError(
            f"{root}: expected a corpus that a run has begun, found neither logs nor a "
            "store; say `pericope run` first"
        )
    stored = _stored(f"{root}/store")
    counts = {stage: len(names) for stage, names in stored.items()}
    is_alive = is_locked(root)
    if latest is None:
        state = {True: RUNNING, False: STOPPED, None: UNKNOWN}[is_alive]
        return Status(output=root, state=state, log="", stored=counts)
    same = [latest, *(log for log in logs if log.work == latest.work)]
    done, rejected = _done(same, stored.get(LAST_STAGE, set()))
    recordings = latest.start.get("recordings")
    state = _state(latest, is_alive)
    at = now or datetime.now(UTC)
    if state != RUNNING:
        at = _time(latest.last_time)
    left = None if recordings is None else max(0, recordings - len(done))
    return Status(
        output=root,
        state=state,
        log=latest.name,
        started=latest.start["time"],
        last_event=latest.last_time,
        error=str((latest.end or {}).get("message", "")) if state == BROKEN else "",
        recordings=recordings,
        done=None if latest.start.get("runner") in REMOTE else len(done),
        rejected=rejected,
        hours_done=sum(done.values()) / 3600,
        in_flight=() if state == FINISHED else in_flight(latest.events),
        seconds_left=0.0 if state == FINISHED else _seconds_left(latest, left, at),
        stored=counts,
        last_events=tuple(last_lines(root, _LAST_EVENTS)),
    )


def in_flight(events: pa.Table) -> tuple[InFlight, ...]:
    """Return the recordings whose last event is that a stage has begun."""
    last = events.group_by("recording", use_threads=False).aggregate(
        [("event", "last"), ("stage", "last"), ("time", "last")]
    )
    begun = last.filter(pc.equal(last["event_last"], BEGIN)).to_pylist()
    found = (
        InFlight(row["recording"], row["stage_last"], row["time_last"]) for row in begun
    )
    return tuple(sorted(found, key=lambda flight: (flight.since, flight.recording)))


def _done(
    logs: Iterable[RunLog], cut: set[str]
) -> tuple[dict[str, float], tuple[Rejected, ...]]:
    """Return the seconds of recordings that are done, and those that were rejected."""
    done: dict[str, float] = {}
    rejected: dict[str, Rejected] = {}
    for log in logs:  # the latest first
        events = log.events
        is_cut = pc.and_(
            pc.equal(events["event"], DONE), pc.equal(events["stage"], LAST_STAGE)
        )
        own = events.filter(is_cut).select(["recording", "result", "audio_sec"])
        for name, result, seconds in zip(
            *(c.to_pylist() for c in own.columns), strict=True
        ):
            if result in cut:
                done.setdefault(name, seconds or 0.0)
        for row in events.filter(pc.equal(events["event"], REJECTED)).to_pylist():
            name = row["recording"]
            if name not in done:
                done[name] = row["audio_sec"] or 0.0
                rejected[name] = Rejected(name, row["stage"], row["reason"])
    return done, tuple(rejected[name] for name in sorted(rejected))


def _state(log: RunLog, is_alive: bool | None) -> str:
    if log.end is not None:
        return BROKEN if log.end["event"] == FAILED else FINISHED
    return {True: RUNNING, False: STOPPED, None: UNKNOWN}[is_alive]


def _seconds_left(log: RunLog, left: int | None, at: datetime) -> float | None:
    """Return how long the rest takes at the pace of what this run made anew."""
    if not left:
        return None if left is None else 0.0
    events = log.events
    ended = pc.and_(
        pc.is_in(events["event"], pa.array([DONE, REJECTED])),
        pc.invert(pc.fill_null(events["reused"], False)),
    )
    worked = events.filter(ended)
    is_last = pc.or_(
        pc.equal(worked["stage"], LAST_STAGE), pc.equal(worked["event"], REJECTED)
    )
    made = len(worked.filter(is_last)["recording"].unique())
    if not made:
        return None
    begun = events.filter(pc.equal(events["event"], BEGIN))["time"]
    elapsed_sec = (at - _time(begun[0].as_py())).total_seconds()
    return left * elapsed_sec / made


def _stored(uri: str) -> dict[str, set[str]]:
    """Return the names of results by stage; of a cut, those that are whole."""
    found: dict[str, set[str]] = {}
    for stage, name in _names(uri):
        if stage != LAST_STAGE or name.endswith(LAST_FILE):
            found.setdefault(stage, set()).add(name.split(".")[0])
    return {stage: found[stage] for stage in sorted(found)}


def _names(uri: str) -> Iterator[tuple[str, str]]:
    """Yield stage and name of each file of a store; of local ones by names alone."""
    local = local_path_of(uri)
    if local is not None:
        for folder, _, names in os.walk(local):
            stage, name = os.path.split(folder)
            if len(name) == _FOLDER_LETTERS:
                yield from ((os.path.basename(stage), name) for name in names)
        return
    filesystem, folder = filesystem_of(uri)
    for path in filesystem.find(folder):
        *_, stage, inner, name = path.split("/")
        if len(inner) == _FOLDER_LETTERS:
            yield stage, name


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
