"""A real object store on loopback: versitygw in a process of its own.

Buckets are folders, so a test can look at them without asking the server. `make
s3-server` builds the server; where it is not, the tests that need it are skipped.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

VERSION = "1.8.0"
_CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
_BUILT = _CACHE / "pericope" / f"versitygw-{VERSION}" / "versitygw"
ACCESS, SECRET = "tester", "not-a-real-secret"
_LINE = re.compile(
    r"\| vgw \| +(\d+) \|[^|]*\|[^|]*\| (\w+) +\| (\S+) \| [^|]* \| (.*)"
)
_START_SEC = 20.0


def server_binary() -> str:
    """Return the server's program; skips the test where there is none."""
    found = str(_BUILT) if _BUILT.exists() else shutil.which("versitygw")
    if found is None:
        pytest.skip("needs a server that speaks S3: make s3-server (with Go at hand)")
    return found


class S3Server:
    """The server on a free port, with its buckets in a folder; a context manager."""

    def __init__(self, folder: Path) -> None:
        self.buckets, self._side = folder / "buckets", folder / "side"
        self._log = folder / "requests.log"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """What a client finds it by."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": ACCESS,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",  # nothing beyond this machine is asked
        }

    def __enter__(self) -> "S3Server":
        program = server_binary()
        self.buckets.mkdir()
        self._side.mkdir()  # not every file system has extended attributes
        login = {"ROOT_ACCESS_KEY": ACCESS, "ROOT_SECRET_KEY": SECRET}
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [
                    *(program, "--port", f"127.0.0.1:{self.port}", "--keep-alive"),
                    *("posix", "--sidecar", str(self._side), str(self.buckets)),
                ],
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **login},
            )
        until = time.monotonic() + _START_SEC
        while not self._answers():
            assert self._process.poll() is None, self._log.read_text()
            assert time.monotonic() < until, "the server does not start"
            time.sleep(0.02)
        return self

    def __exit__(self, *_: Any) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def bucket(self, name: str) -> Path:
        """Make a bucket and return its folder."""
        folder = self.buckets / name
        folder.mkdir()
        return folder

    def requests(self) -> list[tuple[str, str, int]]:
        """Return method, path with query, and status of all requests so far."""
        found = map(_LINE.search, self._log.read_text().splitlines())
        return [
            (match[2], f"{match[3]}?{match[4].strip()}", int(match[1]))
            for match in found
            if match
        ]

    def _answers(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return True
