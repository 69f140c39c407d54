"""Forks the command on request; see ``forks``. Runs as a program of its own."""

import json
import logging
import os
import signal
import sys
from pathlib import Path
from typing import Any

import numpy as np

logging.disable(logging.WARNING)
# All that a run needs, before the first fork.
import pipelines.cli  # noqa: E402
import pipelines.job  # noqa: E402
import pipelines.stages  # noqa: E402
from aligner.viterbi import forced_align  # noqa: E402
from models.bundled import load_bundled  # noqa: E402

logging.disable(logging.NOTSET)

_CHANGES = ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate")


class _Watch:
    """Counts changes of files and decodings of audio; sends a signal before a change.

    The counts stand in memory that a killed process leaves in its file.
    """

    def __init__(self, counted: Path, kill_at: int, number: signal.Signals) -> None:
        self.counted, self.kill_at, self.number = str(counted), kill_at, number
        self.changes = self.decodings = 0
        self.descriptor = os.open(self.counted, os.O_WRONLY | os.O_CREAT)
        self._write()

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        """See an event of the interpreter before it happens."""
        if event == "subprocess.Popen":
            self.decodings += "-i" in arguments[1]
        elif event in _CHANGES or (event == "open" and _is_for_writing(*arguments)):
            self.changes += 1
            if self.changes == self.kill_at:
                os.kill(os.getpid(), self.number)
        else:
            return
        self._write()

    def _write(self) -> None:
        counts = {"changes": self.changes, "decodings": self.decodings}
        os.pwrite(self.descriptor, f"{json.dumps(counts):60}".encode(), 0)


def _is_for_writing(path: Any, _mode: Any, flags: Any) -> bool:
    is_file = isinstance(path, str) and not path.startswith("/dev/")
    return is_file and bool(flags & (os.O_WRONLY | os.O_RDWR))


def _become(request: dict[str, Any]) -> None:
    """Turn this fork into the command; returns only by SystemExit."""
    stem = Path(request["stem"])
    for descriptor, suffix in ((0, None), (1, ".out"), (2, ".err")):
        path = os.devnull if suffix is None else str(stem.with_suffix(suffix))
        opened = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        os.dup2(opened, descriptor)
        os.close(opened)
    number = signal.Signals(request["signal"])
    sys.addaudithook(_Watch(stem.with_suffix(".counts"), request["kill_at"], number))
    sys.argv = ["pericope", *request["start"]]
    pipelines.cli.main()


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    if "poll" in request:
        ended = os.waitid(
            os.P_PID, request["poll"], os.WEXITED | os.WNOHANG | os.WNOWAIT
        )
        return {"ended": ended is not None}
    _, status, usage = os.wait4(request["wait"], 0)
    return {
        "status": os.waitstatus_to_exitcode(status),
        "cpu_sec": usage.ru_utime + usage.ru_stime,
        "peak_bytes": usage.ru_maxrss * 1024,
    }


def _serve() -> None:
    for line in iter(sys.stdin.readline, ""):
        request = json.loads(line)
        if "start" in request:
            pid = os.fork()
            if pid == 0:
                _become(request)
                return
            answer = {"pid": pid}
        else:
            answer = _answer(request)
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    # Compiled once, for all forks; nothing else may compute before a fork.
    forced_align(np.log(np.full((3, 2), 0.5, np.float32)), np.array([1], np.int32))
    assert load_bundled is not None
    _serve()
