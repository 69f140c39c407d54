"""Object stores (s3, gs) through fsspec: connections, uploads, what errors mean.

One connection a process and scheme; requests are repeated by the libraries when a
store is busy or a connection breaks. What still fails is told as ``StoreUnavailable``,
which names the bucket and what to do. Credentials and endpoint come from where each
library looks for them, never from us, and are never shown.
"""

import functools
import importlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fsspec

from pipelines.addresses import redact_uri, scheme_of
from pipelines.disk_full import is_no_room
from schemas.errors import ConfigError, StoreUnavailable

_EXTRA_OF_SCHEME = {"s3": "s3", "gs": "gcs"}
_LOGIN_OF_SCHEME = {
    "s3": "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE or a role, and for "
    "a server of your own AWS_ENDPOINT_URL",
    "gs": "GOOGLE_APPLICATION_CREDENTIALS or `gcloud auth application-default login`",
}
# One request for one download: several side by side would be held in memory.
_OPTIONS: dict[str, dict[str, Any]] = {"s3": {"max_concurrency": 1}}
# What is in memory of an upload: parts of this size, so many of them.
_PART_BYTES = 16 * 2**20
_PARTS_AT_ONCE = 2
_MOST_PARTS = 10_000
# What these libraries raise besides OSError when access or the network fails.
_LIBRARY_ERRORS = {
    "s3": (
        ("botocore.exceptions", "BotoCoreError"),
        ("botocore.exceptions", "ClientError"),
        ("aiohttp", "ClientError"),
    ),
    "gs": (
        ("gcsfs.retry", "HttpError"),
        ("google.auth.exceptions", "GoogleAuthError"),
        ("aiohttp", "ClientError"),
    ),
}
_NO_LOGIN = ("NoCredentialsError", "PartialCredentialsError", "GoogleAuthError")
_NO_BUCKET = ("bucket does not exist", "NoSuchBucket", "specified bucket")
_REQUESTS = (
    "info exists find ls glob cat_file cat_ranges get_file put_file pipe_file rm_file "
    "open call_s3"
).split()


def filesystem_of(uri: str) -> tuple[Any, str]:
    """Return the fsspec file system of a URI and the path in it.

    Raises:
      ConfigError: the library for the scheme is not installed; says which extra has it.
    """
    scheme = scheme_of(uri)
    if scheme not in _EXTRA_OF_SCHEME:
        return fsspec.core.url_to_fs(uri)
    filesystem = _connection(scheme, os.getpid())
    return filesystem, filesystem._strip_protocol(uri)


def size_of_object(uri: str) -> int | None:
    """Return the size of an object by one request, None if it is not there."""
    filesystem, path = filesystem_of(uri)
    try:
        if scheme_of(uri) != "s3":
            return int(filesystem.info(path)["size"])
        # s3fs's own look-up would go on to ask whether it is a folder.
        bucket, _, key = path.partition("/")
        found = filesystem.call_s3("head_object", Bucket=bucket, Key=key)
        return int(found["ContentLength"])
    except FileNotFoundError:
        return None


def upload(source: Path, uri: str) -> None:
    """Put a local file in its place in a bucket.

    Readers see the object before or the new one, whole: a store shows an object once
    its last byte is there, and the parts of a large one only when all are joined.

    Raises:
      StoreUnavailable: the store does not take it.
    """
    filesystem, path = filesystem_of(uri)
    if scheme_of(uri) != "s3":
        filesystem.put_file(str(source), path)
        return
    part = max(_PART_BYTES, source.stat().st_size // (_MOST_PARTS - 1))
    filesystem.put_file(
        str(source), path, chunksize=part, max_concurrency=_PARTS_AT_ONCE
    )


def abort_uploads(uri: str) -> int:
    """Delete the parts of uploads below a URI that were broken off; return how many.

    They are never shown, but take room. A bucket on gs forgets them by itself.
    """
    if scheme_of(uri) != "s3":
        return 0
    filesystem, path = filesystem_of(uri)
    bucket, _, prefix = f"{path}/".partition("/")
    aborted = 0
    place: dict[str, str] = {}
    while True:
        found = filesystem.call_s3(
            "list_multipart_uploads", Bucket=bucket, Prefix=prefix, **place
        )
        for begun in found.get("Uploads", ()):
            filesystem.call_s3(
                "abort_multipart_upload",
                Bucket=bucket,
                Key=begun["Key"],
                UploadId=begun["UploadId"],
            )
            aborted += 1
        if not found.get("IsTruncated"):
            return aborted
        place = {
            "KeyMarker": found["NextKeyMarker"],
            "UploadIdMarker": found["NextUploadIdMarker"],
        }


def failures_of(scheme: str) -> tuple[type[Exception], ...]:
    """Return what a scheme's library raises when access or the network fails."""
    found: list[type[Exception]] = [OSError]
    for module, name in _LIBRARY_ERRORS.get(scheme, ()):
        try:
            found.append(getattr(importlib.import_module(module), name))
        except ModuleNotFoundError:
            continue
    return tuple(found)


@functools.lru_cache
def _connection(scheme: str, _process: int) -> Any:
    """Return this process's file system; a fork must not share its parent's."""
    try:
        kind = fsspec.get_filesystem_class(scheme)
    except ImportError as error:
        extra = _EXTRA_OF_SCHEME[scheme]
        raise ConfigError(
            f"{scheme}:// needs another library: pip install 'pericope[{extra}]'"
        ) from error
    # Listings that were kept from earlier would hide what others have written.
    options = {"use_listings_cache": False, "skip_instance_cache": True}
    filesystem = kind(**options, **_OPTIONS.get(scheme, {}))
    for name in _REQUESTS:
        if hasattr(filesystem, name):
            request = getattr(filesystem, name)
            setattr(filesystem, name, _telling(request, scheme, failures_of(scheme)))
    return filesystem


def _telling(
    request: Callable, scheme: str, failures: tuple[type[Exception], ...]
) -> Callable:
    """Return a request whose errors name the bucket and what to do."""

    @functools.wraps(request)
    def told(*arguments: Any, **options: Any) -> Any:
        try:
            return request(*arguments, **options)
        except failures as error:
            meaning = _meaning_of(error, scheme)
            if meaning is None:
                raise
            raise StoreUnavailable(
                f"{_place_of(scheme, arguments, options)}: {meaning}"
            ) from error

    return told


def _place_of(scheme: str, arguments: tuple[Any, ...], options: dict[str, Any]) -> str:
    """Return the bucket that a request is about."""
    paths = [options.get("Bucket"), *arguments[1::-1], options.get("path")]
    for path in paths:  # the last of two is the remote one when a file is put there
        first = path[0] if isinstance(path, list) and path else path
        if isinstance(first, str) and not first.startswith("/"):
            bucket = first.removeprefix(f"{scheme}://").partition("/")[0]
            return redact_uri(f"{scheme}://{bucket}")
    return f"{scheme}://"


def _meaning_of(error: Exception, scheme: str) -> str | None:
    """Return what to do about an error, None if the store has done what it should."""
    told = f"{type(error).__name__}: {error}"
    if any(sign in str(error) for sign in _NO_BUCKET):
        return f"there is no such bucket; create it, or correct its name ({told})"
    if isinstance(error, FileNotFoundError | FileExistsError | IsADirectoryError):
        return None
    if is_no_room(error):
        return None  # here, not there
    if isinstance(error, PermissionError) or type(error).__name__ in _NO_LOGIN:
        return (
            "access is refused; give credentials that may list, read, write and "
            f"delete there: {_LOGIN_OF_SCHEME[scheme]} ({told})"
        )
    return (
        f"the object store does not do what it should ({told}); it was asked "
        "repeatedly. What is finished is kept: start the same command again later"
    )
