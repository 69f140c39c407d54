"""The command in processes that can be killed, started from one that imported all.

A start from nothing spends seconds on imports; a fork spends them at once on the work,
so that a kill at a random moment hits the work, too.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Ended:
    """How a process ended; ``status`` is negative for a signal."""

    status: int
    stdout: str
    stderr: str
    changes: int
    """How many changes of files it began."""
    decodings: int
    """How many times it started to decode a recording."""
    cpu_sec: float
    peak_bytes: int
    """Of memory, of the process or one of those that it started."""


@dataclass
class Running:
    """A process that runs the command."""

    server: "Forks"
    pid: int
    stem: Path

    def signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def has_ended(self) -> bool:
        return bool(self.server.ask({"poll": self.pid})["ended"])

    def kill_after(self, cpu_sec: float) -> None:
        """Kill it once it has worked so long, if it has not ended before.

        Its own time: how busy the machine is does not matter.
        """
        ticks = os.sysconf("SC_CLK_TCK")
        while not self.has_ended():
            fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2]
            user, system = fields.split()[11:13]
            if (int(user) + int(system)) / ticks >= cpu_sec:
                self.signal(signal.SIGKILL)
                return
            time.sleep(0.002)

    def wait(self) -> Ended:
        answer = self.server.ask({"wait": self.pid})
        return Ended(
            status=answer["status"],
            cpu_sec=answer["cpu_sec"],
            peak_bytes=answer["peak_bytes"],
            stdout=self.stem.with_suffix(".out").read_text(),
            stderr=self.stem.with_suffix(".err").read_text(),
            **json.loads(self.stem.with_suffix(".counts").read_text()),
        )


class Forks:
    """Starts ``pericope`` in forks of one process; a context manager."""

    def __init__(self) -> None:
        self._started = 0

    def __enter__(self) -> "Forks":
        self._folder = tempfile.TemporaryDirectory(prefix="pericope-forks-")
        self._server = subprocess.Popen(
            [sys.executable, "-m", "tests.pipelines.fork_server"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        return self

    def __exit__(self, *_: object) -> None:
        assert self._server.stdin is not None and self._server.stdout is not None
        self._server.stdin.close()
        self._server.wait()
        self._server.stdout.close()
        self._folder.cleanup()

    def start(
        self, *arguments: object, kill_at: int = 0, signal_number: int = signal.SIGKILL
    ) -> Running:
        """Start the command; it signals itself before its n-th change of a file."""
        self._started += 1
        stem = Path(self._folder.name, str(self._started))
        request = {
            "start": [str(argument) for argument in arguments],
            "stem": str(stem),
            "kill_at": kill_at,
            "signal": int(signal_number),
        }
        return Running(self, self.ask(request)["pid"], stem)

    def run(self, *arguments: object, **more: int) -> Ended:
        return self.start(*arguments, **more).wait()

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        assert self._server.stdin is not None and self._server.stdout is not None
        self._server.stdin.write(json.dumps(request) + "\n")
        self._server.stdin.flush()
        return json.loads(self._server.stdout.readline())
