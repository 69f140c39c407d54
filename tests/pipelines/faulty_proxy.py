"""Stands between a client and a real server and breaks some of the requests."""

import http.client
import http.server
import os
import socket
import struct
import threading
from collections.abc import Callable
from typing import Any

SLOW_DOWN = b"<Error><Code>SlowDown</Code><Message>Reduce your rate</Message></Error>"


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: "FaultyProxy"

    def handle_any(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        fault = self.server.next_fault(f"{self.command} {self.path}")
        if fault == "slow down":
            self._answer(503, {"Content-Type": "application/xml"}, SLOW_DOWN)
            return
        if fault == "reset":
            self._reset()
            return
        upstream = http.client.HTTPConnection("127.0.0.1", self.server.upstream)
        upstream.request(self.command, self.path, body, dict(self.headers))
        answer = upstream.getresponse()
        data = answer.read()
        upstream.close()
        fields = {
            name: value
            for name, value in answer.getheaders()
            if name.lower() not in ("transfer-encoding", "connection", "date", "server")
        }
        if fault == "cut":
            self._answer(answer.status, fields, data[: len(data) // 2])
            self._reset()
            return
        if fault is not None:
            fault_act: Any = fault
            fault_act()
        self._answer(answer.status, fields, data)

    do_GET = do_PUT = do_POST = do_DELETE = handle_any

    def do_HEAD(self) -> None:
        self.handle_any()

    def _answer(self, status: int, fields: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        fields.setdefault("Content-Length", str(len(body)))
        for name, value in fields.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
            self.wfile.flush()

    def _reset(self) -> None:
        linger = struct.pack("ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        os.close(self.connection.detach())
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Keep the test's output clean."""


class FaultyProxy(http.server.ThreadingHTTPServer):
    """Forwards requests; ``choose`` names the fault of each, by its first line.

    A fault is "slow down", "reset", "cut" (half of the answer), a function that is
    called before the answer goes out, or None.
    """

    daemon_threads = True

    def __init__(self, upstream: int) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.upstream = upstream
        self.choose: Callable[[str], Any] = lambda _: None
        self.requests: list[str] = []
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def next_fault(self, line: str) -> Any:
        with self._lock:
            self.requests.append(line)
            return self.choose(line)

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that hang up are what is tested."""
