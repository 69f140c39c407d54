import contextlib
import email.utils
import gzip
import socket
import threading
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.fetch_http import download_http, is_unchanged_http, wait_sec
from pipelines.fetch_limits import FetchLimits
from pipelines.fetch_partial import Version
from pipelines.fetch_request import check_redirect
from schemas.errors import (
    ConfigError,
    FetchFailed,
    SourceMissing,
    SourceRefused,
    SourceTooLarge,
)

QUICK = FetchLimits(
    backoff_sec=0.001, backoff_max_sec=0.01, retries=3, timeout_sec=5.0
)  # fmt: skip


@pytest.fixture
def partial(tmp_path):
    return tmp_path / "part"


def files(partial) -> list[str]:
    return sorted(path.name for path in partial.parent.iterdir())


def test_a_plain_download(server, partial):
    assert download_http(server.url(), partial, QUICK).read_bytes() == server.content
    ((path, headers),) = server.requests
    assert path == "/a.mp3"
    assert headers["Accept-Encoding"] == "identity"
    assert "Range" not in headers


def test_an_empty_file_is_a_file(server, partial):
    server.content = b""
    assert download_http(server.url(), partial, QUICK).read_bytes() == b""
    assert download_http(server.url(), partial, QUICK).read_bytes() == b""
    assert len(server.requests) == 1


def test_a_complete_download_is_not_asked_for_again(server, partial):
    download_http(server.url(), partial, QUICK)
    assert download_http(server.url(), partial, QUICK).read_bytes() == server.content
    assert len(server.requests) == 1


@pytest.mark.parametrize("code", [404, 410])
def test_what_is_not_there_is_missing(server, partial, code):
    server.script = [server.status(code)]
    with pytest.raises(SourceMissing, match=f"a.mp3: expected a file, got HTTP {code}"):
        download_http(server.url(), partial, QUICK)
    assert len(server.requests) == 1


@pytest.mark.parametrize("code", [400, 401, 403, 204, 304, 300])
def test_other_answers_fail_at_once(server, partial, code):
    server.script = [server.status(code)]
    with pytest.raises(FetchFailed, match=f"expected HTTP 200, got {code}"):
        download_http(server.url(), partial, QUICK)
    assert len(server.requests) == 1


@pytest.mark.parametrize("code", [500, 502, 503, 429, 408])
def test_passing_trouble_passes(server, partial, code):
    server.script = [server.status(code), server.status(code, Retry_After="9999")]
    assert download_http(server.url(), partial, QUICK).read_bytes() == server.content
    assert len(server.requests) == 3


def test_lasting_trouble_is_told_with_its_status(server, partial):
    server.script = [server.status(503)] * 9
    with pytest.raises(FetchFailed, match="HTTP 503, after 4 attempts"):
        download_http(server.url(), partial, QUICK)
    assert len(server.requests) == 4


def test_no_server_at_all(partial):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{unused.getsockname()[1]}/a?token=secret"
        with pytest.raises(FetchFailed, match="no answer") as caught:
            download_http(address, partial, QUICK)
    assert "secret" not in str(caught.value)
    # A cause would carry the whole address into tracebacks.
    assert caught.value.__cause__ is None and caught.value.__suppress_context__


def test_a_truncated_body_is_continued(server, partial):
    server.script = [server.serve(limit=1_000), server.serve(limit=500)]
    assert download_http(server.url(), partial, QUICK).read_bytes() == server.content
    asked = [headers.get("Range") for _, headers in server.requests]
    assert asked == [None, "bytes=1000-", "bytes=1500-"]
    assert server.requests[1][1]["If-Range"] == server.etag


def test_a_reset_connection_is_continued(server, partial):
    server.script = [server.serve(limit=200_000, then=lambda h: h.break_off())]
    assert download_http(server.url(), partial, QUICK).read_bytes() == server.content
    assert len(server.requests) == 2


def test_a_stalled_body_is_continued(server, partial):
    stall = server.serve(limit=200_000, then=lambda h: h.server.stopping.wait())
    server.script = [stall]
    limits = FetchLimits(backoff_sec=0.001, timeout_sec=0.2)
    assert download_http(server.url(), partial, limits).read_bytes() == server.content
    assert len(server.requests) == 2


def test_a_server_that_never_answers(server, partial):
    server.script = [lambda h: h.server.stopping.wait()] * 2
    limits = FetchLimits(backoff_sec=0.001, timeout_sec=0.1, retries=1)
    with pytest.raises(FetchFailed, match=r"ReadTimeout.*after 2 attempts"):
        download_http(server.url(), partial, limits)


def test_a_server_without_ranges_starts_over(server, partial):
    server.ranges = False
    server.script = [server.serve(limit=1_000)]
    assert download_http(server.url(), partial, QUICK).read_bytes() == server.content
    assert "Range" in server.requests[1][1]


@pytest.mark.parametrize("etag", [None, 'W/"v1"'])
def test_without_a_validator_nothing_is_continued(server, partial, etag):
    server.etag = etag
    server.script = [server.serve(limit=1_000)]
    assert download_http(server.url(), partial, QUICK).read_bytes() == server.content
    assert "Range" not in server.requests[1][1]


def test_the_date_is_a_validator_too(server, partial):
    server.etag = None
    date = "Wed, 01 Apr 2026 10:00:00 GMT"
    server.script = [server.serve(limit=1_000, Last_Modified=date)]
    assert download_http(server.url(), partial, QUICK).read_bytes() == server.content
    assert server.requests[1][1]["If-Range"] == date


def change(server, content: bytes, etag: str | None = '"v2"'):
    def act(_: object) -> None:
        server.content, server.etag = content, etag

    return act


@pytest.mark.parametrize("length", [0, 10, 256_000, 300_000])
def test_a_file_that_changes_between_attempts_is_begun_anew(server, partial, length):
    new = b"x" * length
    server.script = [server.serve(limit=1_000, then=change(server, new))]
    assert download_http(server.url(), partial, QUICK).read_bytes() == new


@pytest.mark.parametrize(
    "lie",
    [
        {"ETag": '"v2"'},
        {"Last_Modified": "Wed, 01 Apr 2026 10:00:00 GMT"},
        {"Content_Range": "bytes 0-255999/256000"},
        {"Content_Range": "bytes 1000-255999/999999"},
        {"Content_Range": "nonsense"},
        {"Content_Encoding": "gzip"},
    ],
)
def test_a_part_that_does_not_fit_is_not_used(server, partial, lie):
    server.script = [server.serve(limit=1_000), server.serve(**lie)]
    assert download_http(server.url(), partial, QUICK).read_bytes() == server.content
    assert "Range" not in server.requests[2][1]


def test_a_part_that_nobody_asked_for_is_not_used(server, partial):
    server.script = [
        lambda h: h.send(
            206, {"Content-Range": "bytes 9-9/10", "Content-Length": "1"}, b"x"
        )
    ]
    assert download_http(server.url(), partial, QUICK).read_bytes() == server.content


def test_a_file_that_got_shorter_without_a_new_tag(server, partial):
    server.script = [server.serve(limit=1_000, then=change(server, b"short", '"v1"'))]
    assert download_http(server.url(), partial, QUICK).read_bytes() == b"short"


def test_a_length_that_is_never_reached_fails(server, partial):
    wrong = str(len(server.content) + 1)
    server.script = [server.serve(limit=10**6, Content_Length=wrong) for _ in range(4)]
    with pytest.raises(FetchFailed, match="got 256000 of 256001 bytes"):
        download_http(server.url(), partial, FetchLimits(backoff_sec=0, retries=0))


def send_chunks(handler, *, whole: bool) -> None:
    content = handler.server.content
    handler.send(200, {"Transfer-Encoding": "chunked", "ETag": handler.server.etag})
    for start in range(0, len(content), 10_000):
        chunk = content[start : start + 10_000]
        handler.wfile.write(b"%x\r\n%b\r\n" % (len(chunk), chunk))
        if not whole:
            handler.close_connection = True
            return
    handler.wfile.write(b"0\r\n\r\n")


def test_chunked_bodies(server, partial):
    server.script = [lambda h: send_chunks(h, whole=True)]
    assert download_http(server.url(), partial, QUICK).read_bytes() == server.content


def test_a_chunked_body_that_breaks_off_is_noticed(server, partial):
    server.script = [lambda h: send_chunks(h, whole=False)]
    assert download_http(server.url(), partial, QUICK).read_bytes() == server.content
    assert len(server.requests) == 2


def test_a_length_above_the_limit_is_refused_before_the_body(server, partial):
    server.script = [
        lambda h: h.send(200, {"Content-Length": str(10**12), "ETag": '"v"'})
    ]
    with pytest.raises(
        SourceTooLarge, match="got 1000000000000 or more; raise max_bytes"
    ):
        download_http(server.url(), partial, QUICK)
    assert files(partial) == []


@pytest.mark.parametrize(
    "block", [b"x" * 10_000, b"2710\r\n" + b"x" * 10_000 + b"\r\n"]
)
def test_an_endless_body_is_cut_at_the_limit(server, partial, block):
    def act(handler):
        chunked = {"Transfer-Encoding": "chunked"} if block.startswith(b"2") else {}
        handler.send(200, {**chunked, "Connection": "close"})
        handler.send_until_gone(block)

    server.script = [act]
    with pytest.raises(SourceTooLarge):
        download_http(server.url(), partial, FetchLimits(max_bytes=100_000))
    assert files(partial) == []


def test_the_limit_counts_what_is_there_already(server, partial):
    server.script = [server.serve(limit=90_000, Content_Length="90000")]
    download_http(server.url(), partial, FetchLimits(max_bytes=100_000))
    server.script = []
    with pytest.raises(SourceTooLarge):
        download_http(
            server.url(), partial.with_name("b"), FetchLimits(max_bytes=100_000)
        )


def test_redirects_are_followed(server, partial):
    server.script = [
        server.status(302, Location="/b"),
        server.status(307, Location=server.url("/ü").encode().decode("latin-1")),
        server.serve(limit=1_000),
        server.status(301, Location="/c"),
    ]
    assert download_http(server.url(), partial, QUICK).read_bytes() == server.content
    paths = [path for path, _ in server.requests]
    assert paths == ["/a.mp3", "/b", "/%C3%BC", "/a.mp3", "/c"]
    assert server.requests[4][1]["Range"] == "bytes=1000-"


def test_the_body_of_a_redirect_is_not_read(server, partial):
    def act(handler):
        handler.send(302, {"Location": "/b", "Connection": "close"})
        handler.send_until_gone(b"x" * 10_000)

    server.script = [act]
    assert download_http(server.url(), partial, QUICK).read_bytes() == server.content


def test_a_redirect_loop_ends(server, partial):
    server.script = [server.status(302, Location="/a.mp3")] * 20
    limits = FetchLimits(max_redirects=3)
    with pytest.raises(FetchFailed, match="at most 3 redirects"):
        download_http(server.url(), partial, limits)
    assert len(server.requests) == 4


@pytest.mark.parametrize(
    "location", ["file:///etc/passwd", "ftp://h.example/a", "http://[::1/a",
                 "data:text/plain,a", "http://127.0.0.1:99999/"]
)  # fmt: skip
def test_redirects_to_other_places_are_refused(server, partial, location):
    server.script = [server.status(302, Location=location)]
    with pytest.raises(SourceRefused):
        download_http(server.url(), partial, QUICK)


@pytest.mark.parametrize(
    "host", ["a" * 64 + ".example", ".example", "*.example", "ü" * 64]
)
def test_impossible_hosts_are_refused_or_fail(partial, host):
    with pytest.raises((SourceRefused, FetchFailed)):
        download_http(f"http://{host}/a", partial, QUICK)


def test_a_compressed_body_is_unpacked(server, partial):
    plain = server.content
    server.content = gzip.compress(plain, mtime=0)
    encoding = {"Content_Encoding": "gzip"}
    server.script = [server.serve(limit=100, **encoding), server.serve(**encoding)]
    assert download_http(server.url(), partial, QUICK).read_bytes() == plain
    assert server.requests[1][1]["Range"] == "bytes=100-"


def test_a_compressed_body_does_not_get_past_the_limit(server, partial):
    server.content = gzip.compress(bytes(10**7), mtime=0)
    server.script = [server.serve(Content_Encoding="gzip")]
    with pytest.raises(SourceTooLarge):
        download_http(server.url(), partial, FetchLimits(max_bytes=100_000))
    assert files(partial) == []


def test_a_body_that_is_not_compressed_as_said(server, partial):
    server.script = [server.serve(Content_Encoding="gzip")]
    assert download_http(server.url(), partial, QUICK).read_bytes() == server.content
    assert len(server.requests) == 2


def test_other_encodings_are_refused(server, partial):
    server.script = [server.serve(Content_Encoding="br")]
    with pytest.raises(FetchFailed, match="encoded as 'br'"):
        download_http(server.url(), partial, QUICK)


def test_getting_on_renews_the_patience(server, partial):
    server.content = bytes(5 * 2**20)
    server.script = [server.serve(limit=2**20) for _ in range(4)]
    limits = FetchLimits(backoff_sec=0, retries=1)
    assert download_http(server.url(), partial, limits).read_bytes() == server.content
    assert len(server.requests) == 5


def test_starting_over_does_not_renew_the_patience(server, partial):
    server.content = bytes(5 * 2**20)
    server.ranges = False
    server.script = [server.serve(limit=2**21) for _ in range(9)]
    with pytest.raises(FetchFailed, match="after 2 attempts"):
        download_http(server.url(), partial, FetchLimits(backoff_sec=0, retries=1))
    assert len(server.requests) <= 3


def test_passwords_are_used_but_not_told(server, partial):
    server.script = [server.status(403)]
    address = server.url("/a?X-Amz-Signature=secret").replace("//", "//me:secret@")
    with pytest.raises(FetchFailed) as caught:
        download_http(address, partial, QUICK)
    path, headers = server.requests[0]
    assert headers["Authorization"].startswith("Basic ")
    assert path == "/a?X-Amz-Signature=secret"
    assert "secret" not in str(caught.value)


def test_waits_double_within_bounds():
    limits = FetchLimits(backoff_sec=1.0, backoff_max_sec=10.0)
    for failures, longest in [(1, 1), (2, 2), (3, 4), (4, 8), (5, 10), (10_000, 10)]:
        waits = [wait_sec(failures, None, limits) for _ in range(50)]
        assert longest / 2 <= min(waits) < max(waits) <= longest


@pytest.mark.parametrize(
    ("header", "low", "high"),
    [
        ("7", 7, 7),
        ("0", 0.5, 1),
        ("3600", 10, 10),
        ("9" * 400, 10, 10),
        ("soon", 0.5, 1),
        ("-5", 0.5, 1),
        ("Wed, 01 Apr 2020 10:00:00 GMT", 0.5, 1),
        ("Wed, 01 Apr 9999 10:00:00 GMT", 10, 10),
        ("", 0.5, 1),
    ],
)
def test_retry_after_is_kept_to_within_bounds(header, low, high):
    limits = FetchLimits(backoff_sec=1.0, backoff_max_sec=10.0)
    assert low <= wait_sec(1, header, limits) <= high


def test_retry_after_as_a_date():
    limits = FetchLimits(backoff_sec=0.0, backoff_max_sec=10_000.0)
    header = email.utils.formatdate(time.time() + 5_000, usegmt=True)
    assert 4_000 < wait_sec(1, header, limits) <= 5_000


@pytest.mark.parametrize(
    "field", ["max_bytes", "timeout_sec", "retries", "backoff_sec"]
)
def test_impossible_limits_are_refused(field):
    with pytest.raises(ConfigError, match=f"fetch.{field}: expected .*, got -1"):
        FetchLimits(**{field: -1})


faults = st.lists(
    st.one_of(
        st.tuples(st.just("cut"), st.integers(0, 9_999)),
        st.tuples(st.just("reset"), st.integers(0, 9_999)),
        st.tuples(st.just("status"), st.sampled_from([500, 503, 429])),
        st.tuples(st.just("change"), st.integers(0, 9_999)),
    ),
    max_size=6,
)


@settings(
    deadline=None,
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(faults, st.booleans(), st.booleans())
def test_whatever_breaks_the_bytes_are_those_of_one_version(
    server, tmp_path, plan, ranges, tagged
):
    server.ranges, server.etag = ranges, '"0"' if tagged else None
    server.content, server.requests = b"0" * 10_000, []
    versions = [server.content]

    def act_of(number: int, kind: str, value: int):
        new = str(number + 1).encode() * 10_000
        etag = f'"{number + 1}"' if tagged else None
        if kind == "status":
            return server.status(value)
        if kind == "change":
            versions.append(new)
            return server.serve(limit=value, then=change(server, new, etag))
        return server.serve(
            limit=value, then=(lambda h: h.break_off()) if kind == "reset" else None
        )

    server.script = [act_of(number, *fault) for number, fault in enumerate(plan)]
    partial = tmp_path / f"part{threading.get_ident()}{time.monotonic_ns()}"
    limits = FetchLimits(backoff_sec=0, retries=len(plan))
    assert download_http(server.url(), partial, limits).read_bytes() in versions


def drip(handler) -> None:
    """Send a byte now and then: never silent for long, and never done."""
    handler.send(200, {"Content-Length": "256000", "ETag": handler.server.etag})
    while not handler.server.stopping.wait(0.02):
        handler.wfile.write(b"x")


def test_a_server_that_drips_is_given_up_and_asked_again(server, partial):
    server.script = [drip]
    limits = FetchLimits(backoff_sec=0.001, timeout_sec=0.3, retries=1)
    server.content = b"x" * 256_000
    assert download_http(server.url(), partial, limits).read_bytes() == server.content
    assert len(server.requests) == 2


def drip_without_length(handler) -> None:
    handler.send(200, {"Connection": "close"})
    while not handler.server.stopping.wait(0.02):
        handler.wfile.write(b"x")


@pytest.mark.parametrize("act", [drip, drip_without_length])
def test_a_server_that_only_drips_fails(server, partial, act):
    """Without a length, too, where the end of the connection is that of the file."""
    server.script = [act] * 2
    limits = FetchLimits(backoff_sec=0.001, timeout_sec=0.2, retries=1)
    with pytest.raises(FetchFailed, match="slower than 1024 bytes a second"):
        download_http(server.url(), partial, limits)


def test_any_pace_will_do_if_none_is_asked_for(server, partial):
    def slowly(handler) -> None:
        handler.send(200, {"Content-Length": "10", "ETag": '"v"'})
        for _ in range(10):
            handler.wfile.write(b"x")
            time.sleep(0.05)

    server.script = [slowly]
    limits = FetchLimits(timeout_sec=0.2, min_bytes_per_sec=0, retries=0)
    assert download_http(server.url(), partial, limits).read_bytes() == b"x" * 10


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("form", ["seconds", "date"])
def test_retry_after_is_waited_for(server, partial, status, form):
    later = email.utils.formatdate(time.time() + 2, usegmt=True)
    server.script = [
        server.status(status, Retry_After="1" if form == "seconds" else later)
    ]
    started = time.monotonic()
    limits = FetchLimits(backoff_sec=0.001)
    assert download_http(server.url(), partial, limits).read_bytes() == server.content
    assert time.monotonic() - started >= 0.9


@pytest.mark.parametrize(
    ("address", "target", "allowed"),
    [
        ("http://a.example/x", "https://b.example/x", True),
        ("https://a.example/x", "https://b.example/x", True),
        ("http://a.example/x", "http://b.example/x", True),
        ("https://a.example/x", "http://a.example/x", False),
        ("https://a.example/x", "HTTP://a.example/x", False),
    ],
)
def test_redirects_do_not_lead_out_of_https(address, target, allowed):
    with (
        contextlib.nullcontext()
        if allowed
        else pytest.raises(SourceRefused, match="redirected from https to")
    ):
        check_redirect("shown", address, target)


@pytest.mark.parametrize(
    ("known", "asked"),
    [
        (Version('"v1"', "", "", 256_000), {"If-None-Match": '"v1"'}),
        (Version('"v2"', "", "", 256_000), {"If-None-Match": '"v2"'}),
        (
            Version('W/"v1"', "Wed, 01 Apr 2026 10:00:00 GMT", "", None),
            {
                "If-None-Match": 'W/"v1"',
                "If-Modified-Since": "Wed, 01 Apr 2026 10:00:00 GMT",
            },
        ),
    ],
)
def test_asking_whether_a_file_has_changed(server, known, asked):
    assert is_unchanged_http(server.url(), known, QUICK) == (known.etag == server.etag)
    server.script = [server.status(304)]
    assert is_unchanged_http(server.url(), known, QUICK)
    for _, headers in server.requests:
        assert asked.items() <= headers.items()


@pytest.mark.parametrize(
    ("known", "headers", "same"),
    [
        (Version("", "Wed, 01 Apr 2026 10:00:00 GMT", "", 256_000),
         {"Last_Modified": "Wed, 01 Apr 2026 10:00:00 GMT"}, True),
        (Version("", "Wed, 01 Apr 2026 10:00:00 GMT", "", 255_999),
         {"Last_Modified": "Wed, 01 Apr 2026 10:00:00 GMT"}, False),
        (Version("", "Wed, 01 Apr 2026 10:00:00 GMT", "", 256_000),
         {"Last_Modified": "Wed, 01 Apr 2026 10:00:01 GMT"}, False),
        (Version("", "", "", 256_000), {}, False),
    ],
)  # fmt: skip
def test_servers_without_tags_that_answer_in_full(server, known, headers, same):
    server.etag = None
    server.script = [server.serve(**headers)]
    assert is_unchanged_http(server.url(), known, QUICK) == same


def test_304_without_a_question_is_no_answer(server):
    server.script = [server.status(304)]
    with pytest.raises(FetchFailed, match="expected HTTP 200, got 304"):
        is_unchanged_http(server.url(), Version("", "", "", None), QUICK)


def test_a_file_that_is_gone_has_not_stayed_the_same(server):
    server.script = [server.status(503), server.status(404)]
    with pytest.raises(SourceMissing):
        is_unchanged_http(server.url(), Version('"v1"', "", "", None), QUICK)
