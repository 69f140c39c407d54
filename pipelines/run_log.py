"""The log of a run: one JSON object a line, in the corpus and, if asked, on stderr.

``logs/<run>.jsonl`` belongs to the corpus but is no result: two runs with the same
result have different logs. It begins with the first event, which a run tells once it
has the corpus to itself.
"""

import json
import logging
import os
import secrets
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from io import FileIO

from pipelines.addresses import local_path_of
from pipelines.disk_full import told_if_full
from pipelines.events import FIELDS, redacted
from pipelines.store import write_atomic
from schemas.errors import ConfigError

FOLDER = "logs"
LEVELS = ("debug", "info", "warning", "error")
# An object in a bucket cannot grow: what was told since the last one is another part.
_PART_SEC = 20.0


def log_uri(root: str, command: str) -> str:
    """Return the place of a new log of a corpus; later ones sort behind it."""
    now = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%fZ")
    return f"{root}/{FOLDER}/{now}-{command}-{secrets.token_hex(2)}.jsonl"


_current = ("", "")


def current_log() -> tuple[str, str]:
    """Return the arguments of ``logging_to`` for another process of the same run.

    It adds its lines to the same local file; an object of a bucket is one process's.
    """
    file_uri, level = _current
    return ("" if local_path_of(file_uri) is None else file_uri), level


@contextmanager
def logging_to(file_uri: str, stderr_level: str = "") -> Iterator[None]:
    """Log all that the pipeline tells while the block runs.

    Args:
      file_uri: of the file that gets all events, "" for none.
      stderr_level: the least level that stderr gets, as JSON; "" for warnings alone,
        as plain text and without the events, which the command itself tells.

    Raises:
      ConfigError: there is no such level.
    """
    global _current  # noqa: PLW0603  other processes of the run ask for it
    if stderr_level and stderr_level not in LEVELS:
        raise ConfigError(
            f"--log-level: expected one of {', '.join(LEVELS)}, got {stderr_level!r}"
        )
    handlers: list[logging.Handler] = [_Stderr(stderr_level)]
    if file_uri:
        local = local_path_of(file_uri)
        handlers.append(_Parts(file_uri) if local is None else _File(local))
    logger = logging.getLogger("pipelines")
    before, log_before = (logger.level, logger.propagate), _current
    _current = file_uri, stderr_level
    logger.setLevel(min(handler.level for handler in handlers))
    logger.propagate = False  # else a library's handler would say all of it again
    for handler in handlers:
        logger.addHandler(handler)
    try:
        yield
    finally:
        _current = log_before
        logger.setLevel(before[0])
        logger.propagate = before[1]
        for handler in handlers:
            logger.removeHandler(handler)
            handler.close()


def tell_stderr() -> None:
    """Let a worker without a log tell its events on stderr, which its pool keeps.

    Beam starts the processes of a pool without any handler, so that nothing below a
    warning would be heard of.
    """
    logger = logging.getLogger("pipelines")
    if not any(isinstance(handler, _Stderr) for handler in logger.handlers):
        logger.addHandler(_Stderr("info"))
        logger.setLevel(logging.INFO)
        logger.propagate = False


def json_line(record: logging.LogRecord) -> str:
    """Return a log record as a line of JSON, without the line's end."""
    when = datetime.fromtimestamp(record.created, UTC)
    line = {
        "time": when.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "level": record.levelname.lower(),
    }
    fields = getattr(record, FIELDS, None)
    if fields is None:
        fields = {"logger": record.name, "message": redacted(record.getMessage())}
    return json.dumps({**line, **fields}, ensure_ascii=False)


def _encoded(record: logging.LogRecord) -> bytes:
    # Half characters, as of a file's name that is no UTF-8, become JSON's own escapes.
    return f"{json_line(record)}\n".encode(errors="backslashreplace")


class _Stderr(logging.Handler):
    """Writes to stderr as it is at that moment: a progress bar may have replaced it."""

    def __init__(self, level: str) -> None:
        super().__init__((level or "warning").upper())
        self._as_json = bool(level)

    def emit(self, record: logging.LogRecord) -> None:
        if self._as_json:
            print(json_line(record), file=sys.stderr)
        elif not hasattr(record, FIELDS):
            print(redacted(record.getMessage()), file=sys.stderr)


class _File(logging.Handler):
    """Adds lines to a local file, each of them at once and in one piece.

    Nothing is buffered: other processes add lines, too, and what a full disk refused
    must not come up again when the file is closed.
    """

    def __init__(self, path: str) -> None:
        super().__init__(logging.DEBUG)
        self._path = path
        self._file: FileIO | None = None

    def emit(self, record: logging.LogRecord) -> None:
        with told_if_full(self._path):
            if self._file is None:
                os.makedirs(os.path.dirname(os.path.abspath(self._path)), exist_ok=True)
                self._file = FileIO(self._path, "a")
            line = _encoded(record)
            while line:  # a disk with little room left takes a part of it
                line = line[self._file.write(line) :]

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
        super().close()


class _Parts(logging.Handler):
    """Writes what was told in the last seconds as one object of a bucket."""

    def __init__(self, uri: str) -> None:
        super().__init__(logging.DEBUG)
        self._stem = uri.removesuffix(".jsonl")
        self._lines: list[bytes] = []
        self._parts = 0
        self._written_sec = time.monotonic() - _PART_SEC

    def emit(self, record: logging.LogRecord) -> None:
        self._lines.append(_encoded(record))
        if time.monotonic() - self._written_sec >= _PART_SEC:
            self._write()

    def close(self) -> None:
        self._write()
        super().close()

    def _write(self) -> None:
        if self._lines:
            uri = f"{self._stem}-{self._parts:06d}.jsonl"
            write_atomic(uri, b"".join(self._lines))
            self._lines, self._parts = [], self._parts + 1
        self._written_sec = time.monotonic()
