"""Fetch sources: local files by reference, remote ones into the content store.

Everything is named by the SHA-256 of its bytes. What was fetched once is not asked for
again: ``store/fetch`` holds an entry from each address to its bytes' digest, with what
the server said of them. With that, a server can be asked whether a source has changed
under the same address; the bytes themselves travel again only if it has.
"""

import hashlib
import json
import os
import stat
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from pipelines.addresses import (
    HTTP_SCHEMES,
    check_remote_uri,
    identity_of_uri,
    local_path_of,
    redact_uri,
    scheme_of,
)
from pipelines.disk_full import told_if_full
from pipelines.fetch_http import download_http, is_unchanged_http
from pipelines.fetch_limits import FetchLimits
from pipelines.fetch_objects import download_object, version_of_object
from pipelines.fetch_partial import Version, at_hand, discard
from pipelines.store import Store, locked
from schemas.errors import (
    ArtifactError,
    FetchFailed,
    SourceMissing,
    SourceRefused,
)
from schemas.keys import digest_of

__all__ = ["FetchLimits", "FetchedFile", "fetch"]

_STAGE = "fetch"
_BODY = ".bin"
_ENTRY = ".json"
# A file that was just written may be written again within the clock's tick, which
# would leave size and time as they were; only after this is its digest remembered.
_SETTLED_SEC = 2.0


@dataclass(frozen=True)
class FetchedFile:
    """A source whose bytes are at hand.

    ``path`` is the local file itself or the copy in the store (a path or URI, see
    ``store.local_copy``). ``uri`` is the address without passwords and signatures.
    """

    uri: str
    sha256: str
    size_bytes: int
    path: str


@dataclass(frozen=True)
class _Entry:
    """What is remembered of a source."""

    sha256: str
    size_bytes: int
    version: Version | None = None
    """What its server said of it; None for local files."""
    asked_sec: float = 0.0
    """When that was, seconds since 1970."""


def fetch(
    uri: str, store: Store, limits: FetchLimits, asked_since_sec: float = 0.0
) -> FetchedFile:
    """Bring a source within reach and return where it is.

    A local file (path or ``file://``) is not copied, only hashed; its digest is
    remembered by path, size and times. Remote sources are copied into the store, and an
    interrupted copy is continued where the server allows it.

    Args:
      uri: what the manifest names.
      store: where copies and digests are kept.
      limits: patience and size.
      asked_since_sec: a remote source that was last asked for before this time (seconds
        since 1970) is asked whether it has changed.

    Raises:
      SourceMissing: there is nothing at the address.
      SourceRefused: the scheme is not allowed, or its library is not installed.
      SourceTooLarge: it has more than ``limits.max_bytes``.
      FetchFailed: it cannot be read, or not completely after all retries.
      DiskFull: there is no room for a copy; what has come of it stays.
    """
    path = local_path_of(uri)
    if path is not None:
        return _fetch_local(os.path.abspath(path), store, limits)
    check_remote_uri(uri)
    with told_if_full(redact_uri(uri)):
        return _fetch_remote(uri, store, limits, asked_since_sec)


def _fetch_remote(
    uri: str, store: Store, limits: FetchLimits, asked_since_sec: float
) -> FetchedFile:
    digest = digest_of("fetch", 1, identity_of_uri(uri))

    def known() -> FetchedFile | None:
        """Return what was fetched before, if it is there and need not be asked for."""
        entry = _read_entry(digest, store)
        if entry is None or entry.asked_sec < asked_since_sec:
            return None
        return _at_hand(uri, entry, store, limits)

    found = known()
    if found:
        return found
    with store.scratch(_STAGE) as folder, locked(folder / f"{digest}.lock"):
        # Another worker may have fetched it while this one waited for the lock.
        return known() or _ask(uri, digest, folder / digest, store, limits)


def _ask(
    uri: str, digest: str, partial: Path, store: Store, limits: FetchLimits
) -> FetchedFile:
    """Download a source, unless its server says that it is what is at hand."""
    asked_sec, entry = time.time(), _read_entry(digest, store)
    is_http = scheme_of(uri) in HTTP_SCHEMES
    found = None if entry is None else _at_hand(uri, entry, store, limits)
    if found and entry and entry.version:
        if is_http:
            is_same = is_unchanged_http(uri, entry.version, limits)
        else:
            is_same = version_of_object(uri) == entry.version
        if is_same:
            _write_entry(found, digest, store, entry.version, asked_sec)
            return found
    if is_http:
        whole = download_http(uri, partial, limits)
        version, _ = at_hand(partial)
    else:
        version = version_of_object(uri)
        whole = download_object(uri, partial, limits)
    fetched = _keep(whole, uri, store)
    _write_entry(fetched, digest, store, version, asked_sec)
    discard(partial)
    return fetched


def _at_hand(
    uri: str, entry: _Entry, store: Store, limits: FetchLimits
) -> FetchedFile | None:
    """Return a source that was fetched before, if its bytes are still there."""
    if store.size_bytes(_STAGE, entry.sha256, _BODY) != entry.size_bytes:
        return None
    limits.check_size(redact_uri(uri), entry.size_bytes)
    path = store.uri(_STAGE, entry.sha256, _BODY)
    return FetchedFile(redact_uri(uri), entry.sha256, entry.size_bytes, path)


def _keep(whole: Path, uri: str, store: Store) -> FetchedFile:
    """Move a finished download to its place."""
    size_bytes = whole.stat().st_size
    with whole.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    path = store.adopt(whole, _STAGE, sha256, _BODY)
    return FetchedFile(redact_uri(uri), sha256, size_bytes, path)


def _fetch_local(path: str, store: Store, limits: FetchLimits) -> FetchedFile:
    try:
        before = os.stat(path)
        if stat.S_ISDIR(before.st_mode):
            raise SourceMissing(f"{path}: expected a file, got a folder")
        if not stat.S_ISREG(before.st_mode):  # a pipe or device would never end
            raise SourceRefused(f"{path}: expected a file, got a pipe or device")
        limits.check_size(path, before.st_size)
        identity = _state_of(before)
        digest = digest_of("local", 1, path, *identity)
        entry = _read_entry(digest, store)
        if entry is not None:
            return FetchedFile(path, entry.sha256, entry.size_bytes, path)
        with open(path, "rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            after = os.fstat(file.fileno())
    except (FileNotFoundError, NotADirectoryError) as error:
        raise SourceMissing(f"{path}: expected a file, there is none") from error
    except OSError as error:
        raise FetchFailed(f"{path}: cannot be read: {error.strerror}") from error
    if _state_of(after) != identity:
        raise FetchFailed(
            f"{path}: changed while it was read; run again when it is done"
        )
    fetched = FetchedFile(path, sha256, after.st_size, path)
    if time.time() - max(after.st_mtime, after.st_ctime) > _SETTLED_SEC:
        _write_entry(fetched, digest, store)
    return fetched


def _state_of(status: os.stat_result) -> tuple[int, int, int]:
    # The time of the last change of state, too: copying can set the other one back.
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _read_entry(digest: str, store: Store) -> _Entry | None:
    try:
        data = store.read_bytes(_STAGE, digest, _ENTRY)
    except FileNotFoundError:
        return None
    try:
        entry = json.loads(data)
        version = entry.get("version")
        return _Entry(
            sha256=str(entry["sha256"]),
            size_bytes=int(entry["size_bytes"]),
            version=None if version is None else Version(**version),
            asked_sec=float(entry.get("asked_sec", 0.0)),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ArtifactError(
            f"{store.uri(_STAGE, digest, _ENTRY)}: damaged; delete it"
        ) from error


def _write_entry(
    fetched: FetchedFile,
    digest: str,
    store: Store,
    version: Version | None = None,
    asked_sec: float = 0.0,
) -> None:
    entry = _Entry(fetched.sha256, fetched.size_bytes, version, asked_sec)
    data = json.dumps({"uri": fetched.uri, **asdict(entry)}).encode()
    store.write_bytes(data, _STAGE, digest, _ENTRY)
