"""Download from object stores (s3, gs) through fsspec, which retries by itself."""

import importlib
from pathlib import Path

from pipelines.addresses import redact_uri, scheme_of
from pipelines.disk_full import is_no_room
from pipelines.fetch_limits import FetchLimits
from pipelines.fetch_partial import Version
from pipelines.store import filesystem_of
from schemas.errors import FetchFailed, SourceMissing, SourceRefused

# What these libraries raise besides OSError when access or the network fails.
_LIBRARY_ERRORS = {
    "s3": (("botocore.exceptions", "BotoCoreError"), ("aiohttp", "ClientError")),
    "gs": (
        ("gcsfs.retry", "HttpError"),
        ("google.auth.exceptions", "GoogleAuthError"),
        ("aiohttp", "ClientError"),
    ),
}


def download_object(uri: str, partial: Path, limits: FetchLimits) -> Path:
    """Copy an object to ``partial`` and return that path.

    Raises:
      SourceMissing, SourceRefused, SourceTooLarge, FetchFailed: as in ``fetch``.
    """
    shown = redact_uri(uri)
    try:
        filesystem, path = filesystem_of(uri)
    except ImportError as error:
        raise SourceRefused(f"{shown}: {error}") from error
    failures: tuple[type[Exception], ...] = (OSError, *_library_errors(scheme_of(uri)))
    try:
        status = filesystem.info(path)
        if status["type"] != "file":
            raise SourceMissing(f"{shown}: expected an object, got a folder")
        limits.check_size(shown, status["size"])
        filesystem.get_file(path, str(partial))
    except FileNotFoundError as error:
        raise SourceMissing(f"{shown}: expected an object, there is none") from error
    except failures as error:
        if is_no_room(error):
            raise  # here, not there
        raise FetchFailed(f"{shown}: {type(error).__name__}: {error}") from error
    received = partial.stat().st_size
    if received != status["size"]:
        raise FetchFailed(f"{shown}: got {received} of {status['size']} bytes")
    return partial


def version_of_object(uri: str) -> Version:
    """Return what tells an object from what lay at its address before.

    Raises:
      SourceMissing, SourceRefused, FetchFailed: as in ``fetch``.
    """
    shown = redact_uri(uri)
    try:
        filesystem, path = filesystem_of(uri)
    except ImportError as error:
        raise SourceRefused(f"{shown}: {error}") from error
    failures: tuple[type[Exception], ...] = (OSError, *_library_errors(scheme_of(uri)))
    try:
        return Version(str(filesystem.ukey(path)), "", "", None)
    except FileNotFoundError as error:
        raise SourceMissing(f"{shown}: expected an object, there is none") from error
    except failures as error:
        raise FetchFailed(f"{shown}: {type(error).__name__}: {error}") from error


def _library_errors(scheme: str) -> tuple[type[Exception], ...]:
    """Return the error classes of the scheme's library, as far as it is installed."""
    found = []
    for module, name in _LIBRARY_ERRORS[scheme]:
        try:
            found.append(getattr(importlib.import_module(module), name))
        except ModuleNotFoundError:
            continue
    return tuple(found)
