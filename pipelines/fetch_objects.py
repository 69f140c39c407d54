"""Download from object stores (s3, gs): goes on where it was broken off.

The libraries repeat requests that fail. Each request names the version (ETag) that was
begun with, so that bytes of two versions never come together.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipelines.addresses import redact_uri, scheme_of
from pipelines.disk_full import is_no_room
from pipelines.fetch_limits import FetchLimits
from pipelines.fetch_partial import Version, at_hand, begin
from pipelines.object_stores import failures_of
from pipelines.store import filesystem_of
from schemas.errors import (
    ConfigError,
    FetchFailed,
    SourceMissing,
    SourceRefused,
    StoreUnavailable,
)

_AT_ONCE_BYTES = 8 * 2**20
_TRIES = 3


def download_object(uri: str, partial: Path, limits: FetchLimits) -> Path:
    """Copy an object to ``partial``, from the bytes that are there, and return it.

    Raises:
      SourceMissing, SourceRefused, SourceTooLarge, FetchFailed: as in ``fetch``.
    """
    shown = redact_uri(uri)
    with _explained(shown, scheme_of(uri)):
        filesystem, path = filesystem_of(uri)
        for _ in range(_TRIES):
            if _is_whole(filesystem, path, partial, shown, limits):
                return partial
    raise FetchFailed(
        f"{shown}: changed {_TRIES} times while it was read; run again when it is done"
    )


def version_of_object(uri: str) -> Version:
    """Return what tells an object from what lay at its address before.

    Raises:
      SourceMissing, SourceRefused, FetchFailed: as in ``fetch``.
    """
    shown = redact_uri(uri)
    with _explained(shown, scheme_of(uri)):
        filesystem, path = filesystem_of(uri)
        return _version_of(filesystem.info(path), shown)


@contextlib.contextmanager
def _explained(shown: str, scheme: str) -> Iterator[None]:
    """Turn errors of a store into those of a source."""
    failures: tuple[type[Exception], ...] = (StoreUnavailable, *failures_of(scheme))
    try:
        yield
    except ConfigError as error:
        raise SourceRefused(f"{shown}: {error}") from error
    except FileNotFoundError as error:
        raise SourceMissing(f"{shown}: expected an object, there is none") from error
    except failures as error:
        if is_no_room(error):
            raise  # here, not there
        raise FetchFailed(f"{shown}: {type(error).__name__}: {error}") from error


def _is_whole(
    filesystem: Any, path: str, partial: Path, shown: str, limits: FetchLimits
) -> bool:
    """Read on to the end; tell whether it is there, else the object has changed."""
    try:
        # No cache: each byte is read once, in order.
        with filesystem.open(path, "rb", cache_type="none") as remote:
            version = _version_of(remote.details, shown)
            size = version.total_bytes or 0
            limits.check_size(shown, size)
            known, have = at_hand(partial)
            if known != version or have > size:
                begin(partial, version)
                have = 0
            remote.seek(have)
            with partial.open("ab") as file:
                while have < size:
                    data = remote.read(min(_AT_ONCE_BYTES, size - have))
                    if not data:
                        raise FetchFailed(f"{shown}: got {have} of {size} bytes")
                    have += file.write(data)
    except OSError as error:
        if type(error).__name__ == "FileExpired":  # s3fs: the ETag is another one
            return False
        raise
    # Only s3fs looks at the version with each request.
    return _version_of(filesystem.info(path), shown) == version


def _version_of(status: dict[str, Any], shown: str) -> Version:
    if status["type"] != "file":
        raise SourceMissing(f"{shown}: expected an object, got a folder")
    etag = str(status.get("ETag") or status.get("etag") or "")
    changed = str(status.get("LastModified") or status.get("updated") or "")
    return Version(etag, changed, "", int(status["size"]))
