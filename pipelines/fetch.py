"""Fetch sources: local files by reference, remote ones into the content store.

Everything is named by the SHA-256 of its bytes. What was fetched once is never asked
for again: ``store/fetch`` holds an entry from each address to its bytes' digest. To
fetch anew after a source has changed under the same address, delete that folder.
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
from pipelines.events import worked
from pipelines.fetch_http import download_http
from pipelines.fetch_limits import FetchLimits
from pipelines.fetch_objects import download_object
from pipelines.fetch_partial import discard
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


def fetch(uri: str, store: Store, limits: FetchLimits) -> FetchedFile:
    """Bring a source within reach and return where it is.

    A local file (path or ``file://``) is not copied, only hashed; its digest is
    remembered by path, size and times. Remote sources are copied into the store, and an
    interrupted copy is continued where the server allows it.

    Raises:
      SourceMissing: there is nothing at the address.
      SourceRefused: the scheme is not allowed, or its library is not installed.
      SourceTooLarge: it has more than ``limits.max_bytes``.
      FetchFailed: it cannot be read, or not completely after all retries.
    """
    path = local_path_of(uri)
    if path is not None:
        return _fetch_local(os.path.abspath(path), store, limits)
    check_remote_uri(uri)
    digest = digest_of("fetch", 1, identity_of_uri(uri))
    known = _known(uri, digest, store, limits)
    if known:
        return known
    download = download_http if scheme_of(uri) in HTTP_SCHEMES else download_object
    with store.scratch(_STAGE) as folder:
        partial = folder / digest
        with locked(folder / f"{digest}.lock"):
            # Another worker may have fetched it while this one waited for the lock.
            known = _known(uri, digest, store, limits)
            if known:
                return known
            worked()
            whole = download(uri, partial, limits)
            fetched = _keep(whole, uri, digest, store)
            discard(partial)
            return fetched


def _known(
    uri: str, digest: str, store: Store, limits: FetchLimits
) -> FetchedFile | None:
    """Return a source that was fetched before, if its bytes are still there."""
    entry = _read_entry(digest, store)
    if entry is None:
        return None
    sha256, size_bytes = entry
    if store.size_bytes(_STAGE, sha256, _BODY) != size_bytes:
        return None
    limits.check_size(redact_uri(uri), size_bytes)
    path = store.uri(_STAGE, sha256, _BODY)
    return FetchedFile(redact_uri(uri), sha256, size_bytes, path)


def _keep(whole: Path, uri: str, digest: str, store: Store) -> FetchedFile:
    """Move a finished download to its place and remember what it was."""
    size_bytes = whole.stat().st_size
    with whole.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    path = store.adopt(whole, _STAGE, sha256, _BODY)
    fetched = FetchedFile(redact_uri(uri), sha256, size_bytes, path)
    _write_entry(fetched, digest, store)
    return fetched


def _fetch_local(path: str, store: Store, limits: FetchLimits) -> FetchedFile:
    try:
        before = os.stat(path)
        if stat.S_ISDIR(before.st_mode):
            raise SourceMissing(f"{path}: expected a file, got a folder")
        if not stat.S_ISREG(before.st_mode):  # a pipe or device would never end
            raise SourceRefused(f"{path}: expected a file, got a pipe or device")
        limits.check_size(path, before.st_size)
        identity = _state_of(before)
        digest = _name_of_local(path, before)
        entry = _read_entry(digest, store)
        if entry is not None:
            return FetchedFile(path, entry[0], entry[1], path)
        worked()
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


def known_source(uri: str, store: Store) -> tuple[str, FetchedFile | None]:
    """Return what names a source's entry in the store, and the source if it is known.

    Nothing is fetched; a local file that has no entry yet is read. The name is "" where
    there is no such file.
    """
    path = local_path_of(uri)
    if path is None:
        name = digest_of("fetch", 1, identity_of_uri(uri))
        entry = _read_entry(name, store)
        if entry is None or store.size_bytes(_STAGE, entry[0], _BODY) != entry[1]:
            return name, None
        body = store.uri(_STAGE, entry[0], _BODY)
        return name, FetchedFile(redact_uri(uri), *entry, body)
    path = os.path.abspath(path)
    own = local_entry_name(path)
    if own is None or not os.path.isfile(path):
        return "", None
    entry = _read_entry(own, store)
    if entry is None:
        with open(path, "rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        entry = sha256, os.path.getsize(path)
    return own, FetchedFile(path, *entry, path)


def local_entry_name(path: str) -> str | None:
    """Return what names the digest of a local file as it is now, None without one."""
    try:
        return _name_of_local(path, os.stat(path))
    except OSError:
        return None


def _name_of_local(path: str, status: os.stat_result) -> str:
    return digest_of("local", 1, path, *_state_of(status))


def _state_of(status: os.stat_result) -> tuple[int, int, int]:
    # The time of the last change of state, too: copying can set the other one back.
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _read_entry(digest: str, store: Store) -> tuple[str, int] | None:
    try:
        data = store.read_bytes(_STAGE, digest, _ENTRY)
    except FileNotFoundError:
        return None
    try:
        entry = json.loads(data)
        return str(entry["sha256"]), int(entry["size_bytes"])
    except (ValueError, KeyError, TypeError) as error:
        raise ArtifactError(
            f"{store.uri(_STAGE, digest, _ENTRY)}: damaged; delete it"
        ) from error


def _write_entry(fetched: FetchedFile, digest: str, store: Store) -> None:
    entry = asdict(fetched)
    del entry["path"]
    store.write_bytes(json.dumps(entry).encode(), _STAGE, digest, _ENTRY)
