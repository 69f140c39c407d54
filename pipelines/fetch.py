"""Fetch sources: local files by reference, remote ones into the content store.

Everything is named by the SHA-256 of its bytes. What was fetched once is not asked for
again: ``store/fetch`` holds an entry from each address to its bytes' digest, with what
the server said of them. With that, a server can be asked whether a source has changed
under the same address; the bytes themselves travel again only if it has.
"""

import hashlib
import os
import stat
import time
from pathlib import Path

from pipelines.addresses import (
    HTTP_SCHEMES,
    check_remote_uri,
    local_path_of,
    redact_uri,
    scheme_of,
)
from pipelines.disk_full import told_if_full
from pipelines.events import worked
from pipelines.fetch_entries import (
    BODY,
    STAGE,
    Entry,
    FetchedFile,
    name_of_local,
    name_of_remote,
    read_entry,
    state_of,
    write_entry,
)
from pipelines.fetch_http import download_http, is_unchanged_http
from pipelines.fetch_limits import FetchLimits
from pipelines.fetch_objects import download_object, version_of_object
from pipelines.fetch_partial import at_hand, discard
from pipelines.store import Store, locked
from schemas.errors import (
    FetchFailed,
    SourceMissing,
    SourceRefused,
)

__all__ = ["FetchLimits", "FetchedFile", "fetch"]

# A file that was just written may be written again within the clock's tick, which
# would leave size and time as they were; only after this is its digest remembered.
_SETTLED_SEC = 2.0


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
    digest = name_of_remote(uri)

    def known() -> FetchedFile | None:
        """Return what was fetched before, if it is there and need not be asked for."""
        entry = read_entry(digest, store)
        if entry is None or entry.asked_sec < asked_since_sec:
            return None
        return _at_hand(uri, entry, store, limits)

    found = known()
    if found:
        return found
    with store.scratch(STAGE) as folder, locked(folder / f"{digest}.lock"):
        # Another worker may have fetched it while this one waited for the lock.
        return known() or _ask(uri, digest, folder / digest, store, limits)


def _ask(
    uri: str, digest: str, partial: Path, store: Store, limits: FetchLimits
) -> FetchedFile:
    """Download a source, unless its server says that it is what is at hand."""
    asked_sec, entry = time.time(), read_entry(digest, store)
    is_http = scheme_of(uri) in HTTP_SCHEMES
    found = None if entry is None else _at_hand(uri, entry, store, limits)
    if found and entry and entry.version:
        if is_http:
            is_same = is_unchanged_http(uri, entry.version, limits)
        else:
            is_same = version_of_object(uri) == entry.version
        if is_same:
            write_entry(found, digest, store, entry.version, asked_sec)
            return found
    worked()
    download = download_http if is_http else download_object
    whole = download(uri, partial, limits)
    version, _ = at_hand(partial)
    fetched = _keep(whole, uri, store)
    write_entry(fetched, digest, store, version, asked_sec)
    discard(partial)
    return fetched


def _at_hand(
    uri: str, entry: Entry, store: Store, limits: FetchLimits
) -> FetchedFile | None:
    """Return a source that was fetched before, if its bytes are still there."""
    if store.size_bytes(STAGE, entry.sha256, BODY) != entry.size_bytes:
        return None
    limits.check_size(redact_uri(uri), entry.size_bytes)
    path = store.uri(STAGE, entry.sha256, BODY)
    return FetchedFile(redact_uri(uri), entry.sha256, entry.size_bytes, path)


def _keep(whole: Path, uri: str, store: Store) -> FetchedFile:
    """Move a finished download to its place."""
    size_bytes = whole.stat().st_size
    with whole.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    path = store.adopt(whole, STAGE, sha256, BODY)
    return FetchedFile(redact_uri(uri), sha256, size_bytes, path)


def _fetch_local(path: str, store: Store, limits: FetchLimits) -> FetchedFile:
    try:
        before = os.stat(path)
        if stat.S_ISDIR(before.st_mode):
            raise SourceMissing(f"{path}: expected a file, got a folder")
        if not stat.S_ISREG(before.st_mode):  # a pipe or device would never end
            raise SourceRefused(f"{path}: expected a file, got a pipe or device")
        limits.check_size(path, before.st_size)
        identity = state_of(before)
        digest = name_of_local(path, before)
        entry = read_entry(digest, store)
        if entry is not None:
            return FetchedFile(path, entry.sha256, entry.size_bytes, path)
        worked()
        with open(path, "rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            after = os.fstat(file.fileno())
    except (FileNotFoundError, NotADirectoryError) as error:
        raise SourceMissing(f"{path}: expected a file, there is none") from error
    except OSError as error:
        raise FetchFailed(f"{path}: cannot be read: {error.strerror}") from error
    if state_of(after) != identity:
        raise FetchFailed(
            f"{path}: changed while it was read; run again when it is done"
        )
    fetched = FetchedFile(path, sha256, after.st_size, path)
    if time.time() - max(after.st_mtime, after.st_ctime) > _SETTLED_SEC:
        write_entry(fetched, digest, store)
    return fetched
