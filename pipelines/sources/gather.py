"""Fetch what sources have listed: audio, texts and word times, into one folder."""

import os
import shutil
from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from pipelines.addresses import identity_of_uri, local_path_of
from pipelines.fetch import FetchLimits, fetch
from pipelines.fetch_request import host_of
from pipelines.sources.bible_brain import BibleBrain
from pipelines.sources.local_audio import listed_local, rejected
from pipelines.sources.options import SourceOptions
from pipelines.sources.source import Listing, Source, SourceRecording
from pipelines.store import Store, writing
from schemas.errors import FetchFailed, InputError, SourceMissing
from schemas.keys import digest_of
from schemas.segment import Reject

OnRecording = Callable[[SourceRecording], None]


_Outcome = tuple[SourceRecording | None, list[Reject]]


@dataclass(frozen=True)
class Gathered:
    """What is at hand, with local addresses, and what could not be had."""

    recordings: tuple[SourceRecording, ...]
    rejects: tuple[Reject, ...]


@dataclass(frozen=True)
class _Place:
    """The folder that is fetched into, and how."""

    output: Path
    limits: FetchLimits
    timestamps: bool


def gather(
    listing: Listing, options: SourceOptions, on_recording: OnRecording
) -> Gathered:
    """Bring all recordings of a listing within reach, each with its text or not at all.

    Remote files come to lie below ``output``; local ones stay where they are. What lies
    there already is neither fetched again nor replaced.

    Args:
      listing: what there is.
      options: the folder, the limits of each fetch, and whether to write down verse
        times where a source has them.
      on_recording: told of each recording that is done with, from other threads.
    """
    place = _Place(options.output.resolve(), options.limits, options.timestamps)

    def gathered(source: Source, listed: SourceRecording) -> _Outcome:
        result = _gather_one(source, listed, place)
        on_recording(listed)
        return result

    # Each host has threads of its own: those that wait for a slow one keep no other
    # host waiting. More than it may have connections would only wait.
    threads = place.limits.max_connections_per_host
    with ExitStack() as stack:
        pools: dict[str, ThreadPoolExecutor] = {}
        for _, listed in listing.recordings:
            host = _host_of(listed)
            if host not in pools:
                pools[host] = stack.enter_context(ThreadPoolExecutor(threads))
        futures = [
            pools[_host_of(listed)].submit(gathered, source, listed)
            for source, listed in listing.recordings
        ]
        try:
            ended, _ = wait(futures, return_when=FIRST_EXCEPTION)
        finally:  # what stops one stops all: begin no more
            for future in futures:
                future.cancel()
        for future in ended:
            future.result()  # raises what has stopped it, before any that was cancelled
        results = [future.result() for future in futures]
    rejects = [reject for _, rejects in results for reject in rejects]
    return Gathered(
        tuple(recording for recording, _ in results if recording is not None),
        (*listing.rejects, *rejects),
    )


def _host_of(listed: SourceRecording) -> str:
    return host_of(listed.recording.audio)


def _gather_one(source: Source, listed: SourceRecording, place: _Place) -> _Outcome:
    recording = listed.recording
    rejects: list[Reject] = []
    try:
        text, timing = source.open_text(listed), recording.timing
        at_hand = replace(
            recording,
            audio=_fetch_audio(source, listed, place),
            text=None if text is None else _fetch_text(text, place),
            timing=None if timing is None else _fetch_text(timing, place),
        )
    except InputError as error:
        return None, [rejected(recording.recording_id, error, recording.language)]
    if place.timestamps and isinstance(source, BibleBrain):
        try:
            source.write_timestamps(listed)
        except InputError as error:
            reject = rejected(recording.recording_id, error, recording.language)
            rejects.append(replace(reject, stage="timestamps"))
    return listed_local(at_hand), rejects


def _fetch_audio(source: Source, listed: SourceRecording, place: _Place) -> str:
    recording = listed.recording
    if local_path_of(recording.audio) is not None:
        return _local(recording.audio)
    target = place.output / "audio" / _name_of(recording.recording_id, recording.audio)
    if not target.exists():
        try:
            fetched = _fetched(recording.audio, place)
        except FetchFailed:
            address = source.open_audio(listed)
            if address == recording.audio:
                raise
            fetched = _fetched(address, place)  # the signature may have run out
        target.parent.mkdir(parents=True, exist_ok=True)
        _link(fetched, target)
    return str(target)


def _fetch_text(address: str, place: _Place) -> str:
    """Fetch a text or its times; a copy, since people correct texts."""
    if local_path_of(address) is not None:
        return _local(address)
    name = PurePosixPath(urlsplit(address).path)
    stem = "".join(c if c.isalnum() or c in "-_" else "_" for c in name.stem)[:60]
    target = place.output / "text" / _name_of(stem, address)
    if not target.exists():
        _copy(_fetched(address, place), target)
    return str(target)


def _fetched(address: str, place: _Place) -> str:
    return fetch(address, Store(str(place.output)), place.limits).path


def _local(address: str) -> str:
    path = local_path_of(address)
    if path is None or not os.path.isfile(path):
        raise SourceMissing(f"{address}: expected a file, there is none")
    return os.path.realpath(path)


def _name_of(stem: str, address: str) -> str:
    """Return a name of what lies at an address, and of nothing else.

    Books of two Bibles have files of one name, and a recording may move to another
    address: what was fetched from the former one is not what is meant then.
    """
    digest = digest_of(identity_of_uri(address))[:8]
    return f"{stem}-{digest}{_suffix_of(address)}"


def _suffix_of(address: str) -> str:
    suffix = PurePosixPath(urlsplit(address).path).suffix.lower()
    return suffix if suffix[1:].isalnum() else ""


def _link(source: str, target: Path) -> None:
    """Give a file of the store a name, on one disk without a second copy."""
    try:
        os.link(source, target)
    except FileExistsError:  # another thread or process was quicker
        return
    except OSError:  # a disk without links, or another one
        _copy(source, target)


def _copy(source: str, target: Path) -> None:
    with open(source, "rb") as file, writing(str(target)) as copy:
        shutil.copyfileobj(file, copy)
