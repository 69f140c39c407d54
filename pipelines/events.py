"""What happens to each recording, told through standard logging with its key.

On a worker of a cluster the lines go where Beam sends all logging, so that Flink's logs
have them, too; ``pipelines/run_log.py`` writes them as JSON where the command runs.
Nothing secret is told: addresses lose passwords and signatures here.
"""

import logging
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from pipelines.addresses import redact_uri

FIELDS = "pericope_event"
"""The attribute of a log record that has the event."""
BEGIN, DONE, REJECTED = "begin", "done", "rejected"
STARTED, ENDED, FAILED = "run_started", "run_ended", "run_failed"
LAST_STAGE, LAST_FILE = "cut", ".json"
"""What a recording is done with: the stage, and the ending of what it writes last."""

_LOG = logging.getLogger(__name__)
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s'\"<>]+")


def redacted(text: str) -> str:
    """Return a text whose addresses have no password, signature or token."""
    return _ADDRESS.sub(lambda found: redact_uri(found[0]), text)


def tell(
    event: str,
    *,
    stage: str = "",
    recording: str = "",
    level: int = logging.INFO,
    **more: Any,
) -> None:
    """Log one event.

    Args:
      event: what happened.
      stage: where in the pipeline.
      recording: whose id.
      level: of ``logging``.
      more: further facts, ready for JSON, with their units in their names.
    """
    if not _LOG.isEnabledFor(level):
        return
    fields = {"event": event, "stage": stage, "recording": recording, **more}
    fields = {
        name: redacted(value) if isinstance(value, str) else value
        for name, value in fields.items()
        if value not in ("", None)
    }
    text = " ".join(
        str(value) if name in ("event", "stage", "recording") else f"{name}={value}"
        for name, value in fields.items()
    )
    _LOG.log(level, "%s", text, extra={FIELDS: fields})


@dataclass
class Attempting:
    """One stage at work on one recording."""

    stage: str
    recording: str
    has_worked: bool = False
    """False where all was in the store already."""
    facts: dict[str, Any] = field(default_factory=dict)
    """What else is told when it is done."""
    reason: str = ""
    """Why the recording was rejected, "" if it was not."""


class _Here(threading.local):
    attempting: Attempting | None = None


_here = _Here()


def worked() -> None:
    """Say that the stage at work in this thread does something anew."""
    if _here.attempting is not None:
        _here.attempting.has_worked = True


@contextmanager
def attempting(stage: str, recording: str) -> Iterator[Attempting]:
    """Tell when a stage begins with a recording, and what came of it.

    An error that is not the input's own ends the run, and is told there.
    """
    own = Attempting(stage, recording)
    before, _here.attempting = _here.attempting, own
    started_sec = time.monotonic()
    tell(BEGIN, stage=stage, recording=recording, level=logging.DEBUG)
    try:
        yield own
    finally:
        _here.attempting = before
    seconds = round(time.monotonic() - started_sec, 3)
    about = {"seconds": seconds, "reused": not own.has_worked, **own.facts}
    if own.reason:
        about = {"seconds": seconds, "reason": own.reason, **own.facts}
    event = REJECTED if own.reason else DONE
    level = logging.WARNING if own.reason else logging.INFO
    tell(event, stage=stage, recording=recording, level=level, **about)
