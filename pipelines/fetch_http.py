"""Download over HTTP: streamed, resumed where it broke off, repeated with patience.

The bytes as they came lie in ``partial``; beside them, ``partial.json`` says which
version of the file they belong to (validators, length, encoding), so that a later
attempt, of this process or the next, asks only for the rest (RFC 9110: Range with
If-Range). A file that changed in between is begun anew.
"""

import gzip
import random
import re
import time
import zlib
from dataclasses import replace
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import urljoin

import requests
import urllib3

from pipelines.addresses import HTTP_SCHEMES, redact_uri, scheme_of
from pipelines.fetch_limits import FetchLimits
from pipelines.fetch_partial import (
    Version,
    at_hand,
    begin,
    discard,
    plain_of,
    size_of,
)
from schemas.errors import FetchFailed, SourceMissing, SourceRefused, SourceTooLarge

_BLOCK_BYTES = 64 * 1024
# An attempt that got this much further was not in vain: the count of retries restarts.
_PROGRESS_BYTES = 1024 * 1024
_RETRIED_STATUS = (408, 425, 429)
_GZIP = ("gzip", "x-gzip")
_CONTENT_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")


class _Interrupted(Exception):
    """The attempt failed in a way that another one may not."""

    def __init__(self, why: str, retry_after: str | None = None):
        super().__init__(why)
        self.retry_after = retry_after


def download_http(uri: str, partial: Path, limits: FetchLimits) -> Path:
    """Download a file completely and return where it lies: ``partial`` or beside it.

    Raises:
      SourceMissing, SourceRefused, SourceTooLarge, FetchFailed: as in ``fetch``.
    """
    failures, furthest = 0, size_of(partial)
    with requests.Session() as session:
        session.headers["User-Agent"] = "pericope"
        # Compressed bodies would hide how much is still to come.
        session.headers["Accept-Encoding"] = "identity"
        while True:
            try:
                version = _attempt(session, uri, partial, limits)
                return _decoded(redact_uri(uri), partial, version, limits)
            except _Interrupted as error:
                reached = size_of(partial)
                if reached >= furthest + _PROGRESS_BYTES:
                    failures, furthest = 0, reached
                failures += 1
                if failures > limits.retries:
                    # Causes are cut off: they quote the address with its signature.
                    raise FetchFailed(
                        f"{redact_uri(uri)}: {error}, after {failures} attempts"
                    ) from None
                time.sleep(wait_sec(failures, error.retry_after, limits))
            except (SourceTooLarge, SourceMissing):
                discard(partial)
                raise


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
    with _get(session, uri, headers, limits) as response:
        _check_status(response, redact_uri(uri), partial)
        if response.status_code == 206:
            version = _check_part(response, version, offset, partial)
        else:
            version = _begin(response, redact_uri(uri), partial, limits)
        _receive(response, redact_uri(uri), partial, limits)
    received = size_of(partial)
    if version.total_bytes is not None and received != version.total_bytes:
        if received > version.total_bytes:
            discard(partial)
        raise _Interrupted(f"got {received} of {version.total_bytes} bytes")
    return version


def _get(
    session: requests.Session, uri: str, headers: dict[str, str], limits: FetchLimits
) -> requests.Response:
    """Send the request and follow redirects without reading their bodies."""
    shown, address = redact_uri(uri), uri
    for _ in range(limits.max_redirects + 1):
        if scheme_of(address) not in HTTP_SCHEMES:
            raise SourceRefused(f"{shown}: redirected to {redact_uri(address)!r:.80}")
        try:
            response = _send(session, address, headers, limits)
        except (requests.exceptions.InvalidURL, urllib3.exceptions.LocationParseError):
            raise SourceRefused(
                f"{shown}: expected a valid address, got {redact_uri(address)}"
            ) from None
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            raise _Interrupted(f"no answer ({type(error).__name__})") from None
        if not response.is_redirect:
            return response
        response.close()
        address = _redirected(address, response.headers["Location"])
    raise FetchFailed(
        f"{shown}: expected at most {limits.max_redirects} redirects, got more"
    )


def _send(
    session: requests.Session,
    address: str,
    headers: dict[str, str],
    limits: FetchLimits,
) -> requests.Response:
    """Send one request and return the answer with its body unread.

    Not by ``session.get``: even when told not to follow a redirect, it reads the whole
    body of one, however long that is, to know where it would lead.
    """
    request = session.prepare_request(requests.Request("GET", address, headers))
    settings = session.merge_environment_settings(
        address, proxies={}, stream=True, verify=None, cert=None
    )
    timeout = (limits.connect_timeout_sec, limits.timeout_sec)
    adapter = session.get_adapter(address)
    response = adapter.send(request, timeout=timeout, **settings)
    requests.cookies.extract_cookies_to_jar(session.cookies, request, response.raw)
    return response


def _redirected(address: str, location: str) -> str:
    """Return where a redirect leads, "" if that is no address."""
    # Headers arrive as Latin-1 whatever their bytes are.
    target = location.encode("latin-1").decode(errors="replace")
    try:
        return urljoin(address, target)
    except ValueError:
        return ""


def _check_status(response: requests.Response, shown: str, partial: Path) -> None:
    status = response.status_code
    if status in (200, 206):
        return
    if status in (404, 410):
        raise SourceMissing(f"{shown}: expected a file, got HTTP {status}")
    if status == 416:  # the file is now shorter than what is here of it
        discard(partial)
        raise _Interrupted("HTTP 416")
    if status in _RETRIED_STATUS or status >= 500:
        raise _Interrupted(f"HTTP {status}", response.headers.get("Retry-After"))
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
    raise _Interrupted("the server sent another part than the one asked for")


def _is_of_version(response: requests.Response, version: Version) -> bool:
    """Tell whether nothing contradicts it; an answer to If-Range may say little."""
    got = _described(response, None)
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
    length = response.headers.get("Content-Length", "")
    chunked = "Transfer-Encoding" in response.headers
    known = length.isascii() and length.isdigit() and not chunked
    version = _described(response, int(length) if known else None)
    if version.encoding not in ("", "identity", *_GZIP):
        raise FetchFailed(
            f"{shown}: expected the file as it is, got it encoded as "
            f"{version.encoding!r:.40}"
        )
    limits.check_size(shown, version.total_bytes or 0)
    begin(partial, version)
    return version


def _described(response: requests.Response, total_bytes: int | None) -> Version:
    headers = response.headers
    return Version(
        etag=headers.get("ETag", ""),
        last_modified=headers.get("Last-Modified", ""),
        encoding=headers.get("Content-Encoding", "").strip().lower(),
        total_bytes=total_bytes,
    )


def _receive(
    response: requests.Response, shown: str, partial: Path, limits: FetchLimits
) -> None:
    """Append the body to the bytes at hand; what arrived stays, whatever happens."""
    received = size_of(partial)
    with partial.open("ab") as file:
        try:
            for block in response.raw.stream(_BLOCK_BYTES, decode_content=False):
                received += len(block)
                limits.check_size(shown, received)
                file.write(block)
        except urllib3.exceptions.HTTPError as error:
            raise _Interrupted(
                f"broke off after {received} bytes ({type(error).__name__})"
            ) from None


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
        raise _Interrupted("the body is not the gzip it is said to be") from None
    return plain
