"""What is remembered of sources: an entry in the store from each to its bytes' digest.

``store/fetch`` has entries (JSON) beside the copies of remote sources. An entry is
written again when a server was asked anew, so it carries a digest of itself.
"""

import hashlib
import json
import os
from dataclasses import asdict, dataclass

from pipelines.addresses import identity_of_uri, local_path_of, redact_uri
from pipelines.fetch_partial import Version
from pipelines.store import Store
from schemas.errors import ArtifactError
from schemas.keys import digest_of

STAGE, BODY, ENTRY = "fetch", ".bin", ".json"
_CHECK = "check"


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
class Entry:
    """What is remembered of a source."""

    sha256: str
    size_bytes: int
    version: Version | None = None
    """What its server said of it; None for local files."""
    asked_sec: float = 0.0
    """When that was, seconds since 1970."""


def read_entry(digest: str, store: Store) -> Entry | None:
    """Return an entry, None if there is none.

    Raises:
      ArtifactError: it is damaged.
    """
    try:
        data = store.read_bytes(STAGE, digest, ENTRY)
    except FileNotFoundError:
        return None
    try:
        row = json.loads(data)
        if _CHECK in row:  # earlier versions wrote none
            row = checked_row(data)
        version = row.get("version")
        return Entry(
            sha256=str(row["sha256"]),
            size_bytes=int(row["size_bytes"]),
            version=None if version is None else Version(**version),
            asked_sec=float(row.get("asked_sec", 0.0)),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ArtifactError(
            f"{store.uri(STAGE, digest, ENTRY)}: damaged; delete it"
        ) from error


def checked_row(data: bytes) -> dict:
    """Return what an entry's bytes say.

    Raises:
      ValueError: they are not what was written.
      KeyError: the same.
    """
    row = json.loads(data)
    if row.pop(_CHECK) != digest_of(row):
        raise ValueError("its digest is another one")
    return row


def write_entry(
    fetched: FetchedFile,
    digest: str,
    store: Store,
    version: Version | None = None,
    asked_sec: float = 0.0,
) -> None:
    """Remember a source."""
    entry = Entry(fetched.sha256, fetched.size_bytes, version, asked_sec)
    row = {"uri": fetched.uri, **asdict(entry)}
    data = json.dumps({**row, _CHECK: digest_of(row)}).encode()
    store.write_bytes(data, STAGE, digest, ENTRY)


def known_source(uri: str, store: Store) -> tuple[str, FetchedFile | None]:
    """Return what names a source's entry in the store, and the source if it is known.

    Nothing is fetched; a local file that has no entry yet is read. The name is "" where
    there is no such file.
    """
    path = local_path_of(uri)
    if path is None:
        name = name_of_remote(uri)
        entry = read_entry(name, store)
        if entry is None or not _has_body(entry, store):
            return name, None
        body = store.uri(STAGE, entry.sha256, BODY)
        return name, FetchedFile(redact_uri(uri), entry.sha256, entry.size_bytes, body)
    path = os.path.abspath(path)
    own = local_entry_name(path)
    if own is None or not os.path.isfile(path):
        return "", None
    entry = read_entry(own, store)
    if entry is None:
        with open(path, "rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        entry = Entry(sha256, os.path.getsize(path))
    return own, FetchedFile(path, entry.sha256, entry.size_bytes, path)


def _has_body(entry: Entry, store: Store) -> bool:
    return store.size_bytes(STAGE, entry.sha256, BODY) == entry.size_bytes


def name_of_remote(uri: str) -> str:
    """Return what names the entry of a remote source."""
    return digest_of("fetch", 1, identity_of_uri(uri))


def local_entry_name(path: str) -> str | None:
    """Return what names the entry of a local file as it is now, None without one."""
    try:
        return name_of_local(path, os.stat(path))
    except OSError:
        return None


def name_of_local(path: str, status: os.stat_result) -> str:
    """Return what names the entry of a local file in some state."""
    return digest_of("local", 1, path, *state_of(status))


def state_of(status: os.stat_result) -> tuple[int, int, int]:
    """Return what tells that a file was written again."""
    # The time of the last change of state, too: copying can set the other one back.
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns
