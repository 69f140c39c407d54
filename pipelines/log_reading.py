"""What the logs of a corpus say, read column-wise: a million lines take a second."""

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj

from pipelines.events import BEGIN, DONE, ENDED, FAILED, REJECTED, STARTED
from pipelines.run_log import FOLDER
from pipelines.store import filesystem_of

_COLUMNS = pa.schema(
    [
        *((name, pa.string()) for name in ("time", "event", "stage", "recording")),
        *((name, pa.string()) for name in ("reason", "message", "result")),
        *((name, pa.float64()) for name in ("seconds", "audio_sec")),
        ("reused", pa.bool_()),
    ]
)
_OF_RECORDINGS = (BEGIN, DONE, REJECTED)
_PART = ".jsonl"


@dataclass(frozen=True, eq=False)
class RunLog:
    """One run as its log has it."""

    name: str
    start: dict[str, Any]
    """Its first event: pid, host, recordings, workers, work."""
    end: dict[str, Any] | None
    """Its last event, None while it runs and where it was killed."""
    events: pa.Table
    """Of recordings: time, event, stage, recording and what is known of it."""
    last_time: str

    @property
    def work(self) -> str:
        """Names what was to be done."""
        return str(self.start.get("work", ""))


def read_logs(root: str) -> Iterator[RunLog]:
    """Yield the runs of a corpus, the latest first; those without a start are left out.

    A last line that is broken off is left out, and so is any that is no JSON: a log
    tells what it can.
    """
    filesystem, folder = filesystem_of(f"{root}/{FOLDER}")
    names = [path for path in filesystem.find(folder) if path.endswith(_PART)]
    for name, parts in groupby(sorted(names, reverse=True), _run_of):
        data = b"".join(filesystem.cat_file(part) for part in sorted(parts))
        log = _parsed(name.rsplit("/", 1)[-1], data)
        if log is not None:
            yield log


def last_lines(root: str, count: int) -> list[dict[str, Any]]:
    """Return the last events of the latest log."""
    filesystem, folder = filesystem_of(f"{root}/{FOLDER}")
    names = [path for path in filesystem.find(folder) if path.endswith(_PART)]
    if not names:
        return []
    size = filesystem.size(max(names))
    # Lines are about 200 bytes; a message may be longer.
    tail = filesystem.cat_file(max(names), start=max(0, size - 2000 * count), end=size)
    return [row for line in tail.splitlines() if (row := _row(line))][-count:]


def _run_of(path: str) -> str:
    """Return the name of a log without the number of its part."""
    stem = path.removesuffix(_PART)
    head, _, number = stem.rpartition("-")
    return head if len(number) == 6 and number.isdigit() else stem


def _row(line: bytes) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except ValueError:
        return {}
    return row if isinstance(row, dict) else {}


def _parsed(name: str, data: bytes) -> RunLog | None:
    whole = data[: data.rfind(b"\n") + 1]
    start = next(
        (row for line in _lines_with(whole, STARTED) if (row := _row(line))), None
    )
    if start is None:
        return None
    ends = [
        _row(line) for event in (ENDED, FAILED) for line in _lines_with(whole, event)
    ]
    try:
        events = pj.read_json(
            io.BytesIO(whole),
            parse_options=pj.ParseOptions(
                explicit_schema=_COLUMNS, unexpected_field_behavior="ignore"
            ),
        )
    except pa.ArrowInvalid:  # a line was damaged: read them one by one
        rows = (_row(line) for line in whole.splitlines())
        own = [row for row in rows if row.get("event") in _OF_RECORDINGS]
        events = pa.Table.from_pylist([start, *own], schema=_COLUMNS)
    last_time = events["time"][-1].as_py()
    told = pc.is_in(events["event"], pa.array(_OF_RECORDINGS))
    end = ends[-1] if ends else None
    return RunLog(name, start, end, events.filter(told), last_time)


def _lines_with(data: bytes, event: str) -> Iterator[bytes]:
    """Yield the lines that have an event, of which there are few."""
    wanted = json.dumps({"event": event})[1:-1].encode()
    at = data.find(wanted)
    while at >= 0:
        end = data.find(b"\n", at)
        yield data[data.rfind(b"\n", 0, at) + 1 : end]
        at = data.find(wanted, end)
