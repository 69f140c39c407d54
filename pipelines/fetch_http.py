"""Download over HTTP: streamed, resumed where it broke off, repeated with patience.

The bytes as they came lie in ``partial``; beside them, ``partial.json`` says which
version of the file they belong to (validators, length, encoding), so that a later
attempt, of this process or the next, asks only for the rest (RFC 9110: Range with
If-Range). A file that changed in between is begun anew.
"""

import contextlib
import gzip
import random
import re
import time
import zlib
from collections.abc import Callable
from dataclasses import replace
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TypeVar

import requests

from pipelines.addresses import redact_uri
from pipelines.fetch_body import blocks_of
from pipelines.fetch_limits import FetchLimits
from pipelines.fetch_partial import (
    Version,
    at_hand,
    begin,
    discard,
    plain_of,
    size_of,
)
from pipelines.fetch_request import Interrupted, get, host_of
from pipelines.fetch_turns import TURNS
from schemas.errors import FetchFailed, SourceMissing, SourceTooLarge

Result = TypeVar("Result")

_BLOCK_BYTES = 64 * 1024
# An attempt that got this much further was not in vain: the count of retries restarts.
_PROGRESS_BYTES = 1024 * 1024
_GZIP = ("gzip", "x-gzip")
_CONTENT_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")


def download_http(uri: str, partial: Path, limits: FetchLimits) -> Path:
    """Download a file completely and return where it lies: ``partial`` or beside it.

    Raises:
      SourceMissing, SourceRefused, SourceTooLarge, FetchFailed: as in ``fetch``.
    """

    def attempt(session: requests.Session) -> Path:
        version = _attempt(session, uri, partial, limits)
        return _decoded(redact_uri(uri), partial, version, limits)

    try:
        return _patiently(attempt, redact_uri(uri), partial, limits)
    except (SourceTooLarge, SourceMissing):
        discard(partial)
        raise


def is_unchanged_http(uri: str, known: Version, limits: FetchLimits) -> bool:
    """Ask a server whether a file is still the one that it was; no body is read.

    Raises:
      SourceMissing, SourceRefused, FetchFailed: as in ``fetch``.
    """
    headers = {"If-None-Match": known.etag, "If-Modified-Since": known.last_modified}
    headers = {name: value for name, value in headers.items() if value}

    def attempt(session: requests.Session) -> bool:
        with contextlib.ExitStack() as turn:
            response = get(session, uri, headers, limits, turn)
            if response.status_code == 304 and headers:
                return True
            _check_status(response, redact_uri(uri), limits)
            return known.is_described_by(_described(response))

    return _patiently(attempt, redact_uri(uri), None, limits)


def _patiently(
    attempt: Callable[[requests.Session], Result],
    shown: str,
    partial: Path | None,
    limits: FetchLimits,
) -> Result:
    """Try until it works, or fails too often without getting any further."""
    failures, furthest = 0, _reached(partial)
    with requests.Session() as session:
        session.headers["User-Agent"] = "pericope"
        # Compressed bodies would hide how much is still to come.
        session.headers["Accept-Encoding"] = "identity"
        while True:
            try:
                return attempt(session)
            except Interrupted as error:
                reached = _reached(partial)
                if reached >= furthest + _PROGRESS_BYTES:
                    failures, furthest = 0, reached
                failures += 1
                if failures > limits.retries:
                    # Causes are cut off: they quote the address with its signature.
                    raise FetchFailed(
                        f"{shown}: {error}, after {failures} attempts"
                    ) from None
                time.sleep(wait_sec(failures, error.retry_after, limits))


def _reached(partial: Path | None) -> int:
    return 0 if partial is None else size_of(partial)


def wait_sec(failures: int, retry_after: str | None, limits: FetchLimits) -> float:
    """Return how long to wait after so many failures in a row.

    Doubles from ``backoff_sec`` with up to half of it left to chance, so that workers
    do not come back all at once; a Retry-After header (seconds or a date) is kept to.
    Never more than ``backoff_max_sec``.
    """
    patience = limits.backoff_sec * 2.0 ** min(failures - 1, 60)
    patience = min(patience, limits.backoff_max_sec) * random.uniform(0.5, 1.0)
    return min(max(patience, _asked_sec(retry_after)), limits.backoff_max_sec)


def _asked_sec(retry_after: str | None) -> float:
    if retry_after is None:
        return 0.0
    if retry_after.isascii() and retry_after.isdigit():
        return float(retry_after)
    try:
        return parsedate_to_datetime(retry_after).timestamp() - time.time()
    except (ValueError, OverflowError):
        return 0.0


def _attempt(
    session: requests.Session, uri: str, partial: Path, limits: FetchLimits
) -> Version:
    """Get the rest of the file, or all of it; return what it is."""
    version, offset = at_hand(partial)
    if version is not None and offset == version.total_bytes:
        return version
    headers = {}
    if version is not None and offset and version.validator:
        headers = {"Range": f"bytes={offset}-", "If-Range": version.validator}
    with contextlib.ExitStack() as turn:
        response = get(session, uri, headers, limits, turn)
        if response.status_code == 416:  # the file is now shorter than what is here
            discard(partial)
            raise Interrupted("HTTP 416")
        _check_status(response, redact_uri(uri), limits)
        if response.status_code == 206:
            version = _check_part(response, version, offset, partial)
        else:
            version = _begin(response, redact_uri(uri), partial, limits)
        _receive(response, redact_uri(uri), partial, limits)
    received = size_of(partial)
    if version.total_bytes is not None and received != version.total_bytes:
        if received > version.total_bytes:
            discard(partial)
        raise Interrupted(f"got {received} of {version.total_bytes} bytes")
    return version


def may_pass(status: int) -> bool:
    """Tell whether another attempt may get another answer than this one."""
    return status in (408, 425, 429) or status >= 500


def _check_status(response: requests.Response, shown: str, limits: FetchLimits) -> None:
    status = response.status_code
    if status in (200, 206):
        return
    if status in (404, 410):
        raise SourceMissing(f"{shown}: expected a file, got HTTP {status}")
    if may_pass(status):
        asked = response.headers.get("Retry-After")
        pause_sec = min(_asked_sec(asked), limits.backoff_max_sec)
        if pause_sec > 0:  # meant for all who ask this server
            TURNS.pause(host_of(response.url), pause_sec)
        raise Interrupted(f"HTTP {status}", asked)
    raise FetchFailed(f"{shown}: expected HTTP 200, got {status}")


def _check_part(
    response: requests.Response, version: Version | None, offset: int, partial: Path
) -> Version:
    """Return the version that the part continues; refuse any other part."""
    match = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
    if match and version and offset and int(match[1]) == offset:
        total = version.total_bytes if match[2] == "*" else int(match[2])
        if _is_of_version(response, version) and version.total_bytes in (None, total):
            return replace(version, total_bytes=total)
    discard(partial)
    raise Interrupted("the server sent another part than the one asked for")


def _is_of_version(response: requests.Response, version: Version) -> bool:
    """Tell whether nothing contradicts it; an answer to If-Range may say little."""
    got = _described(response)
    pairs = (
        (got.etag, version.etag),
        (got.last_modified, version.last_modified),
        (got.encoding, version.encoding),
    )
    return all(new in ("", old) for new, old in pairs)


def _begin(
    response: requests.Response, shown: str, partial: Path, limits: FetchLimits
) -> Version:
    """Note which version is coming."""
    version = _described(response)
    if version.encoding not in ("", "identity", *_GZIP):
        raise FetchFailed(
            f"{shown}: expected the file as it is, got it encoded as "
            f"{version.encoding!r:.40}"
        )
    limits.check_size(shown, version.total_bytes or 0)
    begin(partial, version)
    return version


def _described(response: requests.Response) -> Version:
    """Return what the headers of a whole answer say about the file."""
    headers = response.headers
    length = headers.get("Content-Length", "")
    chunked = "Transfer-Encoding" in headers
    known = length.isascii() and length.isdigit() and not chunked
    return Version(
        etag=headers.get("ETag", ""),
        last_modified=headers.get("Last-Modified", ""),
        encoding=headers.get("Content-Encoding", "").strip().lower(),
        total_bytes=int(length) if known else None,
    )


def _receive(
    response: requests.Response, shown: str, partial: Path, limits: FetchLimits
) -> None:
    """Append the body to the bytes at hand; what arrived stays, whatever happens."""
    received = size_of(partial)
    with partial.open("ab") as file:
        for block in blocks_of(response, limits):
            received += len(block)
            limits.check_size(shown, received)
            file.write(block)


def _decoded(shown: str, partial: Path, version: Version, limits: FetchLimits) -> Path:
    """Undo a compression that nobody asked for, within the limit of size."""
    if version.encoding not in _GZIP:
        return partial
    plain = plain_of(partial)
    size = 0
    try:
        with gzip.open(partial) as packed, plain.open("wb") as file:
            while block := packed.read(_BLOCK_BYTES):
                size += len(block)
                limits.check_size(shown, size)
                file.write(block)
    except (gzip.BadGzipFile, EOFError, zlib.error):
        discard(partial)
        raise Interrupted("the body is not the gzip it is said to be") from None
    return plain
