"""A store that speaks Google's protocol, on loopback: fake-gcs-server, from the PATH.

Neither it nor gcsfs belongs to what the project installs (gcsfs wants an fsspec of its
own very day, which s3fs then has not); where one is missing, tests that need it are
skipped. ``go install github.com/fsouza/fake-gcs-server@latest`` builds it.
"""

import importlib.util
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

_START_SEC = 20.0


@contextmanager
def gs_server(folder: Path, bucket: str) -> Iterator[tuple[str, Path]]:
    """Run the server with one bucket; yields its address and the bucket's folder."""
    program = shutil.which("fake-gcs-server")
    if program is None or importlib.util.find_spec("gcsfs") is None:
        pytest.skip("needs fake-gcs-server on the PATH, and gcsfs")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    options = {
        "backend": "filesystem",
        "filesystem-root": str(folder),
        "scheme": "http",
        "host": "127.0.0.1",
        "port": str(port),
        "public-host": f"127.0.0.1:{port}",
        "external-url": url,
        "log-level": "warn",
    }
    command = [program, *(f"-{name}={value}" for name, value in options.items())]
    with subprocess.Popen(command) as server:
        try:
            _create(url, bucket)
            yield url, folder / bucket
        finally:
            server.kill()


def _create(url: str, bucket: str) -> None:
    ends_sec = time.monotonic() + _START_SEC
    while True:
        try:
            place = f"{url}/storage/v1/b?project=tests"
            requests.post(place, json={"name": bucket}, timeout=5).raise_for_status()
        except requests.ConnectionError:
            assert time.monotonic() < ends_sec, "fake-gcs-server does not come up"
            time.sleep(0.05)
        else:
            return
