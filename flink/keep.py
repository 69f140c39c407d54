"""Keep a program running: start it again when it dies, as a cluster's manager would.

    python keep.py PIDFILE LOGFILE COMMAND...

The file has the program's present process id. SIGTERM ends both.
"""

import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType

_PAUSE_SEC = 0.5
_PATIENCE_SEC = 10.0


def keep(pid_file: Path, log_file: Path, command: list[str]) -> None:
    """Run the command for ever, one process at a time."""
    with log_file.open("ab") as log:
        while True:
            process = subprocess.Popen(command, stdout=log, stderr=log)
            pid_file.write_text(str(process.pid), encoding="utf-8")
            try:
                process.wait()
            finally:
                _end(process)
            time.sleep(_PAUSE_SEC)


def _end(process: subprocess.Popen) -> None:
    process.terminate()
    try:
        process.wait(_PATIENCE_SEC)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _leave(number: int, frame: FrameType | None) -> None:
    sys.exit(0)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _leave)
    keep(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
