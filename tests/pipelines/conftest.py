"""A real HTTP server on loopback that fails on request."""

import contextlib
import http.server
import os
import re
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pipelines.object_stores import _connection
from schemas.keys import digest_of
from tests.pipelines.faulty_proxy import FaultyProxy
from tests.pipelines.s3_server import S3Server


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves the server's content; acts of its script come first, one a request."""

    protocol_version = "HTTP/1.1"
    server: "FaultyServer"

    def do_GET(self) -> None:
        self.server.requests.append((self.path, dict(self.headers)))
        act = self.server.script.pop(0) if self.server.script else self.server.serve()
        act(self)

    def log_message(self, *_: object) -> None:
        """Keep the test's output clean."""

    def send(self, status: int, headers: dict[str, str], body: bytes = b"") -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def send_until_gone(self, block: bytes) -> None:
        while not self.server.stopping.is_set():
            self.wfile.write(block)

    def break_off(self) -> None:
        """Close the connection with a reset (RST)."""
        linger = struct.pack("ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        os.close(self.connection.detach())
        self.close_connection = True


Act = Callable[[Handler], None]


class FaultyServer(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.content = bytes(range(256)) * 1_000
        self.etag = '"v1"'
        self.ranges = True
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.script: list[Act] = []
        self.stopping = threading.Event()

    def url(self, path: str = "/a.mp3") -> str:
        return f"http://127.0.0.1:{self.server_port}{path}"

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that hang up are what is tested here."""

    @staticmethod
    def serve(
        limit: int | None = None,
        then: Callable[[Handler], None] | None = None,
        **headers: str,
    ) -> Act:
        """Answer as a good server does; with a limit send only so much of the body."""

        def act(handler: Handler) -> None:
            server = handler.server
            content, status = server.content, 200
            fields = {"ETag": server.etag} if server.etag else {}
            match = re.fullmatch(r"bytes=(\d+)-", handler.headers.get("Range", ""))
            if (
                match
                and server.ranges
                and handler.headers.get("If-Range") == server.etag
            ):
                start = int(match[1])
                if start >= len(content):
                    handler.send(416, {"Content-Length": "0"})
                    return
                status = 206
                fields["Content-Range"] = (
                    f"bytes {start}-{len(content) - 1}/{len(content)}"
                )
                content = content[start:]
            fields["Content-Length"] = str(len(content))
            fields.update(
                {name.replace("_", "-"): value for name, value in headers.items()}
            )
            handler.send(status, fields, content[:limit])
            if limit is not None:
                handler.close_connection = True
            if then is not None:
                then(handler)

        return act

    @staticmethod
    def status(code: int, **headers: str) -> Act:
        """Answer with a status and no body."""
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        return lambda handler: handler.send(code, {"Content-Length": "0", **fields})


@contextlib.contextmanager
def serving() -> Iterator[FaultyServer]:
    with FaultyServer() as faulty:
        thread = threading.Thread(target=faulty.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield faulty
        finally:
            faulty.stopping.set()
            faulty.shutdown()
            thread.join()


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    with serving() as faulty:
        yield faulty


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """A real object store, which this process and its children find by themselves."""
    pytest.importorskip("s3fs", reason="needs pip install 'pericope[s3]'")
    folder = tmp_path_factory.mktemp("s3")
    with S3Server(folder) as running, pytest.MonkeyPatch.context() as patch:
        for name, value in running.environment.items():
            patch.setenv(name, value)
        _connection.cache_clear()
        yield running
    _connection.cache_clear()


@pytest.fixture
def bucket(s3: S3Server, request: pytest.FixtureRequest) -> tuple[str, Path]:
    """A bucket of the test's own: its URI and the folder that is it for the server."""
    name = f"b{digest_of(request.node.name)[:12]}"
    return f"s3://{name}", s3.bucket(name)


@pytest.fixture
def proxy(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyProxy]:
    """All requests go through it."""
    with FaultyProxy(s3.port) as standing:
        thread = threading.Thread(target=standing.serve_forever, args=(0.01,))
        thread.start()
        monkeypatch.setenv("AWS_ENDPOINT_URL", standing.url)
        monkeypatch.setenv("AWS_MAX_ATTEMPTS", "2")
        _connection.cache_clear()
        yield standing
        _connection.cache_clear()
        standing.shutdown()
        thread.join()
