"""Everything a server can do instead of sending a recording."""

import gzip
import random
import socket

from tests.pipelines.bad_inputs.kinds import Bad
from tests.pipelines.conftest import Act, FaultyServer, Handler

MAX_BYTES = 2**25
NOISE = random.Random(9).randbytes(50_000)
SETTINGS = f"""
[fetch]
max_bytes = {MAX_BYTES}
max_hours = 0.1
timeout_sec = 1.5
connect_timeout_sec = 1.5
retries = 1
backoff_sec = 0.01
backoff_max_sec = 0.05
max_redirects = 4
min_bytes_per_sec = 2000.0
"""


def says(status: int, body: bytes = b"", **headers: str) -> Act:
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda handler: handler.send(
        status, {"Content-Length": str(len(body)), **fields}, body
    )


def raw(data: bytes, *, stay: bool = False) -> Act:
    """Send these bytes and nothing else, and keep the connection or close it."""

    def act(handler: Handler) -> None:
        handler.wfile.write(data)
        handler.wfile.flush()
        if stay:
            handler.server.stopping.wait()
        handler.close_connection = True

    return act


def endlessly(head: bytes, block: bytes, *, pause_sec: float = 0.0) -> Act:
    def act(handler: Handler) -> None:
        handler.wfile.write(head)
        while not handler.server.stopping.wait(pause_sec):
            handler.wfile.write(block)

    return act


def reset(after: bytes = b"") -> Act:
    def act(handler: Handler) -> None:
        handler.wfile.write(after)
        handler.wfile.flush()
        handler.break_off()

    return act


def to(location: str, status: int = 302) -> Act:
    return says(status, Location=location)


def bomb() -> bytes:
    """Return a gigabyte of zeros in a megabyte, one member after another."""
    return gzip.compress(bytes(2**24), mtime=0) * 64


_OK = b"HTTP/1.1 200 OK\r\n"
_CHUNKED = _OK + b"Transfer-Encoding: chunked\r\n\r\n"
_LONG = b"Content-Length: 50000\r\n\r\n"


def statuses() -> dict[str, Act]:
    kinds = {f"http-status-{code}": says(code) for code in
             (204, 205, 300, 304, 400, 401, 402, 403, 405, 406, 408, 409, 416, 418, 425,
              429, 451, 500, 501, 502, 504, 507)}  # fmt: skip
    return kinds | {
        "http-503-later": says(503, Retry_After="3600"),
        "http-429-on-a-date": says(429, Retry_After="Fri, 01 Jan 2100 10:00:00 GMT"),
        "http-429-some-time": says(429, Retry_After="soon"),
        "http-302-nowhere": says(302),
        "http-status-299": says(299, NOISE),
        "http-part-unasked": says(206, b"x", Content_Range="bytes 9-9/10"),
    }


def broken_answers() -> dict[str, Act]:
    many = b"".join(b"X-%d: y\r\n" % number for number in range(2_000))
    return {
        "http-no-answer": raw(b"", stay=True),
        "http-closed": raw(b""),
        "http-reset": reset(),
        "http-reset-in-the-head": reset(_OK + b"Content-Le"),
        "http-reset-in-the-body": reset(_OK + _LONG + NOISE[:9_000]),
        "http-other-protocol": raw(b"220 mail.example ESMTP\r\n"),
        "http-noise": raw(NOISE),
        "http-status-of-letters": raw(b"HTTP/1.1 OK 200\r\n\r\n"),
        "http-status-too-high": raw(b"HTTP/1.1 99999 OK\r\n\r\n"),
        "http-head-too-long": raw(_OK + b"X: " + b"y" * 100_000 + b"\r\n\r\n"),
        "http-too-many-headers": raw(_OK + many + b"\r\n"),
        "http-endless-head": endlessly(_OK, b"X-Y: z\r\n"),
        "http-head-stalls": raw(_OK + b"X-Y: ", stay=True),
        "http-body-stalls": raw(_OK + _LONG + NOISE[:9_000], stay=True),
        "http-body-drips": endlessly(_OK + _LONG, b"x", pause_sec=0.05),
        "http-drips-without-end": endlessly(
            _OK + b"Connection: close\r\n\r\n", b"x", pause_sec=0.05
        ),
        "http-body-too-short": raw(_OK + _LONG + NOISE[:40_000]),
        "http-no-body": raw(_OK + _LONG),
        "http-chunk-of-letters": raw(_CHUNKED + b"zz\r\nabc\r\n0\r\n\r\n"),
        "http-chunk-too-short": raw(_CHUNKED + b"ffff\r\nabc"),
        "http-chunks-without-end": raw(_CHUNKED + b"3\r\nabc\r\n"),
        "http-chunk-negative": raw(_CHUNKED + b"-5\r\nabc\r\n0\r\n\r\n"),
        "http-not-gzip": says(200, NOISE, Content_Encoding="gzip"),
        "http-gzip-broken-off": says(
            200, gzip.compress(NOISE)[:9_000], Content_Encoding="gzip"
        ),
        "http-brotli": says(200, NOISE, Content_Encoding="br"),
        "http-packed-twice": says(200, NOISE, Content_Encoding="gzip, gzip"),
    }


def redirects(server: FaultyServer) -> dict[str, Act]:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        closed = f"http://127.0.0.1:{unused.getsockname()[1]}/a"
    chain = {f"http-hop-{hop}": to(f"/http-hop-{hop + 1}") for hop in range(1, 9)}
    return chain | {
        "http-redirect-to-itself": to("/http-redirect-to-itself"),
        "http-redirect-in-a-circle": to("/http-redirect-back", 301),
        "http-redirect-back": to("/http-redirect-in-a-circle", 308),
        "http-redirect-too-far": to("/http-hop-1", 307),
        "http-redirect-to-nobody": to(closed),
        "http-redirect-to-login": to("/http-login-page", 303),
        "http-login-page": says(401),
    }


HELPERS = {*(f"http-hop-{hop}" for hop in range(1, 9)), "http-redirect-back",
           "http-login-page"}  # fmt: skip
"""Where redirects lead; no inputs of their own."""


def refused_redirects() -> dict[str, Act]:
    return {
        "http-redirect-to-a-file": to("file:///etc/passwd"),
        "http-redirect-to-ftp": to("ftp://h.example/a"),
        "http-redirect-to-data": to("data:audio/wav;base64,UklGRg=="),
        "http-redirect-to-no-address": to("http://[::1/a"),
        "http-redirect-to-a-bucket": to("s3://bucket/a.wav"),
    }


def too_large() -> dict[str, Act]:
    return {
        "http-gzip-bomb": says(200, bomb(), Content_Encoding="gzip"),
        "http-claims-a-terabyte": raw(_OK + b"Content-Length: 1000000000000\r\n\r\n"),
        "http-endless-body": endlessly(_OK + b"\r\n", bytes(2**20)),
        "http-chunk-of-minus-one": endlessly(_CHUNKED + b"-1\r\n", bytes(2**20)),
        "http-endless-chunks": endlessly(
            _CHUNKED, b"100000\r\n" + bytes(2**20) + b"\r\n"
        ),
    }


def not_a_recording() -> dict[str, tuple[Act, str]]:
    page = b"<!DOCTYPE html><p>Please sign in</p>" * 20
    return {
        "http-page-for-audio": (says(200, page), "audio_unreadable"),
        "http-empty-for-audio": (says(200), "audio_empty"),
        "http-wrong-type": (says(200, b"{}", Content_Type="audio/wav"),
                            "audio_unreadable"),
    }  # fmt: skip


def bad_answers(server: FaultyServer) -> list[Bad]:
    """Return inputs whose addresses lead to this server, which then plays its part."""
    gone = {"http-status-404": says(404), "http-status-410": says(410)}
    acts: dict[str, Act] = {}
    bads: list[Bad] = []

    def take(kinds: dict[str, Act], reason: str, stage: str = "fetch") -> None:
        acts.update(kinds)
        bads.extend(
            Bad(name=name, stage=stage, reason=reason,
                cells={"audio": server.url(f"/{name}")})
            for name in kinds
            if name not in HELPERS
        )  # fmt: skip

    for kinds in (statuses(), broken_answers(), redirects(server)):
        take(kinds, "fetch_failed")
    take(refused_redirects(), "source_refused")
    take(too_large(), "source_too_large")
    take(gone, "source_missing")
    for name, (act, reason) in not_a_recording().items():
        take({name: act}, reason, "align")
    by_path = {f"/{name}": act for name, act in acts.items()}
    server.serve = lambda: lambda handler: by_path[handler.path](handler)  # type: ignore[method-assign]
    bads.append(
        Bad(
            name="http-text-missing",
            stage="fetch",
            reason="source_missing",
            cells={"text": server.url("/http-status-404")},
        )
    )
    bads.append(
        Bad(name="https-without-tls", stage="fetch", reason="fetch_failed",
            cells={"audio": server.url("/x").replace("http:", "https:")})
    )  # fmt: skip
    return bads
