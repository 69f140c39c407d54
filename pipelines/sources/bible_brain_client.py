"""Questions to Bible Brain (the Digital Bible Platform, version 4) over HTTP.

The key goes into every question and nowhere else: not into messages, not into files,
not to another host, and not over an open line to any but this machine.
"""

import contextlib
import json
import os
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote, quote_plus, urlencode, urlsplit

import requests
from pydantic import TypeAdapter, ValidationError

from pipelines.addresses import (
    HTTP_SCHEMES,
    check_remote_uri,
    redact_uri,
    scheme_of,
)
from pipelines.fetch_body import blocks_of
from pipelines.fetch_http import may_pass, wait_sec
from pipelines.fetch_limits import FetchLimits
from pipelines.fetch_request import Interrupted, get, host_of
from pipelines.fetch_turns import TURNS
from schemas.errors import ConfigError, FetchFailed, SourceMissing, SourceRefused

SERVER = "https://4.dbt.io/api"
KEY_VARIABLE = "PERICOPE_DBP_KEY"

_MAX_ANSWER_BYTES = 64 * 2**20
_PAGE_ITEMS = 50
_MAX_PAGES = 10_000
_KEY = re.compile(r"[\x21-\x7e]{8,200}")
_LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")

_T = TypeVar("_T")


class NotAllowed(FetchFailed):
    """The key is good, but not for this (HTTP 403)."""


def read_key(key_file: Path | None) -> str:
    """Return the key from a file or else from the environment.

    Raises:
      ConfigError: there is none, or it cannot be one; the key is not quoted.
    """
    if key_file is None:
        key, where = os.environ.get(KEY_VARIABLE, "").strip(), KEY_VARIABLE
    else:
        where = str(key_file)
        try:
            key = key_file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"{where}: the key cannot be read") from error
    if not _KEY.fullmatch(key):
        got = f"{len(key)} characters" if key else "nothing"
        raise ConfigError(
            f"{where}: expected the key of Bible Brain, got {got}; set {KEY_VARIABLE} "
            "or name a file with --key-file"
        )
    return key


def checked_address(address: str, name: str) -> str:
    """Return the address of a file that the server named.

    Raises:
      SourceRefused: it is not on the web; nobody but the user names local files.
    """
    if scheme_of(address) not in HTTP_SCHEMES:
        raise SourceRefused(
            f"{name}: expected an address with https://, got "
            f"{redact_uri(address)!r:.80}"
        )
    check_remote_uri(address)
    return address


@dataclass(frozen=True)
class BibleBrainClient:
    """One key at one server; may be used from many threads."""

    key: str = field(repr=False)
    server: str = SERVER
    limits: FetchLimits = field(default_factory=FetchLimits)
    _local: threading.local = field(default_factory=threading.local, repr=False)

    def __post_init__(self) -> None:
        shown = redact_uri(self.server)
        try:
            check_remote_uri(self.server)
            parts = urlsplit(self.server)
        except (SourceRefused, ValueError) as error:
            raise ConfigError(f"--server: expected an address: {error}") from None
        is_local = parts.hostname in _LOCAL_HOSTS
        if not (parts.scheme == "https" or (parts.scheme == "http" and is_local)):
            raise ConfigError(
                f"--server: expected https:// (the key would go over an open line), "
                f"got {shown!r}"
            )
        if "@" in parts.netloc or parts.query or parts.fragment:
            raise ConfigError(  # every message names the server
                f"--server: expected host and path alone, got {shown!r} with a "
                "password or parameters"
            )

    def get(self, path: str, kind: type[_T], **parameters: str) -> _T:
        """Ask one question and return the answer, checked.

        Answers that say that they will pass (429, 5xx), silence, and JSON that breaks
        off are asked for again, as often and as patiently as ``limits`` say.

        Args:
          path: below the server's address, such as "bibles/ENGESV".
          kind: what the answer must be (a type that pydantic knows).
          **parameters: further ones of the question.

        Raises:
          ConfigError: the key is refused (401).
          NotAllowed: the key does not reach this (403).
          SourceMissing: there is no such thing (404).
          FetchFailed: no answer, or none of this kind, after all retries.
        """
        failures = 0
        while True:
            try:
                return self._checked(path, self._ask(path, parameters), kind)
            except Interrupted as error:
                failures += 1
                if failures > self.limits.retries:
                    # Causes are cut off: they quote the address with the key.
                    raise FetchFailed(
                        f"{self._shown(path)}: {error}, after {failures} attempts"
                    ) from None
                pause_sec = wait_sec(failures, error.retry_after, self.limits)
                if error.retry_after:  # meant for all who ask this server
                    TURNS.pause(host_of(self.server), pause_sec)
                time.sleep(pause_sec)

    def get_pages(self, path: str, kind: type[_T], **parameters: str) -> Iterator[_T]:
        """Yield the items of all pages of an answer, in their order.

        Raises:
          PericopeError: as ``get``; also where pages do not come to an end.
        """
        for page in range(1, _MAX_PAGES + 1):
            answer = self.get(path, dict[str, Any], **parameters, page=str(page))
            items = [
                self._checked(path, item, kind)
                for item in self._checked(path, answer.get("data"), list[Any])
            ]
            yield from items
            if not items or page >= _pages_of(answer):
                return
        raise FetchFailed(f"{self._shown(path)}: expected an end, got page after page")

    def _ask(self, path: str, parameters: dict[str, str]) -> Any:
        """Return one answer's JSON."""
        questions = {"v": "4", "limit": str(_PAGE_ITEMS), **parameters, "key": self.key}
        # Not led on by redirects: the key is for this server alone.
        limits = replace(self.limits, max_redirects=0)
        with contextlib.ExitStack() as turn:
            response = get(
                self._session(),
                f"{self._shown(path)}?{urlencode(questions)}",
                {},
                limits,
                turn,
            )
            body = self._read(response, path)
        self._check_status(response, body, path)
        try:
            return json.loads(body)
        except (ValueError, RecursionError) as error:
            raise Interrupted(
                f"expected JSON, got {len(body)} bytes of something else "
                f"({type(error).__name__})"
            ) from None

    def _session(self) -> requests.Session:
        if not hasattr(self._local, "session"):
            self._local.session = requests.Session()
            self._local.session.headers["User-Agent"] = "pericope"
            self._local.session.headers["Accept-Encoding"] = "identity"
        session: requests.Session = self._local.session
        return session

    def _read(self, response: requests.Response, path: str) -> bytes:
        body = bytearray()
        for block in blocks_of(response, self.limits):
            body += block
            if len(body) > _MAX_ANSWER_BYTES:
                raise FetchFailed(
                    f"{self._shown(path)}: expected an answer of at most "
                    f"{_MAX_ANSWER_BYTES} bytes, got more"
                )
        length = response.headers.get("Content-Length", "")
        if length.isdecimal() and len(body) < int(length):
            raise Interrupted(f"got {len(body)} of {length} bytes")
        return bytes(body)

    def _check_status(
        self, response: requests.Response, body: bytes, path: str
    ) -> None:
        status = response.status_code
        if status == 200:
            return
        said = f"HTTP {status}{self._words_of(body)}"
        if status == 401:
            raise ConfigError(
                f"{self._shown(path)}: the key of Bible Brain was refused: {said}; "
                f"check {KEY_VARIABLE} or --key-file"
            )
        if status == 403:
            raise NotAllowed(f"{self._shown(path)}: not for this key: {said}")
        if status in (404, 410):
            raise SourceMissing(f"{self._shown(path)}: there is none: {said}")
        if may_pass(status):
            raise Interrupted(said, response.headers.get("Retry-After"))
        raise FetchFailed(f"{self._shown(path)}: expected HTTP 200, got {said}")

    def _words_of(self, body: bytes) -> str:
        """Return what the server says about an error, without the key, or nothing."""
        try:
            said = json.loads(body)["error"]["message"]
        except (ValueError, KeyError, TypeError, RecursionError):
            return ""
        words = str(said)
        for form in (self.key, quote_plus(self.key), quote(self.key)):
            words = words.replace(form, "***")
        words = " ".join(words.split())
        return f" ({words:.200})"

    def _checked(self, path: str, answer: Any, kind: type[_T]) -> _T:
        try:
            return TypeAdapter(kind).validate_python(answer)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            place = ".".join(map(str, first["loc"])) or "the answer"
            raise FetchFailed(
                f"{self._shown(path)}: expected an answer as documented, got at "
                f"{place}: {first['msg']}"
            ) from None

    def _shown(self, path: str) -> str:
        return f"{self.server.rstrip('/')}/{path}"


def _pages_of(answer: dict[str, Any]) -> int:
    """Return how many pages there are, 1 where the answer does not say it."""
    try:
        return int(answer["meta"]["pagination"]["total_pages"])
    except (KeyError, TypeError, ValueError):
        return 1
