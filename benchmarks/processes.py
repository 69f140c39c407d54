"""Time and memory of a command in a process of its own."""

import json
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from schemas.errors import PericopeError

_LAUNCHER = Path(__file__).with_name("launch.py")


@dataclass(frozen=True)
class Usage:
    """What a command took, its own children (ffmpeg) included.

    ``peak_bytes`` is the largest resident size that any single one of its processes
    reached (VmHWM).
    """

    wall_sec: float
    cpu_sec: float
    peak_bytes: int
    exit_status: int


def pericope_run(corpus_toml: Path, workers: int) -> Usage:
    """Run ``pericope run`` in a fresh process and measure it.

    Raises:
      PericopeError: it did not end with status 0; the message is its own.
    """
    command = [
        sys.executable, "-m", "pipelines", "run", str(corpus_toml),
        "--quiet", "--workers", str(workers),
    ]  # fmt: skip
    return measured(command)


def measured(command: list[str]) -> Usage:
    """Run a command and measure it.

    Raises:
      PericopeError: it did not end with status 0; the message is its own.
    """
    with tempfile.NamedTemporaryFile(suffix=".json") as report:
        launcher = [sys.executable, "-I", "-S", str(_LAUNCHER), report.name, *command]
        done = subprocess.run(launcher, capture_output=True, check=False)
        if done.returncode != 0:
            raise PericopeError(f"launcher: {_end_of(done.stderr)}")
        usage = Usage(**json.load(report))
    if usage.exit_status != 0:
        raise PericopeError(
            f"{' '.join(command)}: expected status 0, got {usage.exit_status}: "
            f"{_end_of(done.stdout + done.stderr)}"
        )
    return usage


def forget_peak() -> int:
    """Let this process's peak begin anew; return the bytes that are resident now."""
    Path("/proc/self/clear_refs").write_text("5")
    return resident_bytes("VmRSS")


def resident_bytes(name: str) -> int:
    """Return a size of this process: VmRSS for now, VmHWM for the peak."""
    status = Path("/proc/self/status").read_text()
    (kib,) = re.findall(rf"^{name}:\s+(\d+) kB$", status, re.M)
    return int(kib) * 1024


def _end_of(output: bytes) -> str:
    return output.decode(errors="replace").strip()[-2000:]
