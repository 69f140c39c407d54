import threading
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from pipelines.fetch_limits import FetchLimits
from pipelines.sources.gather import Gathered, gather
from pipelines.sources.options import SourceOptions
from pipelines.sources.places import open_sources
from pipelines.sources.source import list_sources
from schemas.errors import PericopeError


@pytest.fixture
def options(tmp_path) -> SourceOptions:
    return SourceOptions(output=tmp_path / "out", limits=FetchLimits(backoff_sec=0.001))


def limited(options: SourceOptions, **limits: float) -> SourceOptions:
    return replace(options, limits=replace(options.limits, **limits))


def gathered(addresses: list[str], options: SourceOptions) -> Gathered:
    """Gather what a manifest names, a recording for each address."""
    lines = [f"r{number},swh,{address}," for number, address in enumerate(addresses)]
    manifest = options.output.with_name("rows.csv")
    manifest.write_text("\n".join(["recording_id,language,audio,text", *lines]))
    sources = open_sources([str(manifest)], options)
    return gather(list_sources(sources), options, lambda _: None)


def echo(handler) -> None:
    """Answer with the path, so that every address has bytes of its own."""
    body = handler.path.encode()
    handler.send(200, {"Content-Length": str(len(body)), "ETag": '"e"'}, body)


def test_each_recording_has_its_own_outcome(server, options):
    def act(handler) -> None:
        if handler.path == "/bad.mp3":
            handler.send(500, {"Content-Length": "0"})
        else:
            echo(handler)

    server.serve = lambda: act  # type: ignore[method-assign]
    paths = ["/0.mp3", "/bad.mp3", "/2.mp3", "/2.mp3"]
    found = gathered([server.url(path) for path in paths], limited(options, retries=2))
    audio = {
        item.recording.recording_id: Path(item.recording.audio).read_text()
        for item in found.recordings
    }
    assert audio == {"r0": "/0.mp3", "r2": "/2.mp3", "r3": "/2.mp3"}
    (reject,) = found.rejects
    assert (reject.key, reject.reason) == ("r1", "fetch_failed")
    assert "/bad.mp3: HTTP 500, after 3 attempts" in reject.message
    asked = Counter(path for path, _ in server.requests)
    assert asked == {"/0.mp3": 1, "/bad.mp3": 3, "/2.mp3": 1}


def test_one_host_has_only_so_many_connections(server, options):
    lock, open_now, most = threading.Lock(), Counter(), Counter()

    def slow(handler) -> None:
        with lock:
            open_now["all"] += 1
            most["all"] = max(most["all"], open_now["all"])
        time.sleep(0.01)
        with lock:  # before the answer, which lets the next one begin
            open_now["all"] -= 1
        echo(handler)

    server.serve = lambda: slow  # type: ignore[method-assign]
    addresses = [server.url(f"/{number}.mp3") for number in range(30)]
    found = gathered(addresses, limited(options, max_connections_per_host=3))
    assert len(found.recordings) == 30
    assert most["all"] == 3


def test_a_host_that_asks_for_patience_is_left_alone_by_all(server, options):
    answered: list[float] = []

    def patience(handler) -> None:
        answered.append(time.monotonic())
        handler.send(429, {"Content-Length": "0", "Retry-After": "1"})

    def note(handler) -> None:
        answered.append(time.monotonic())
        echo(handler)

    server.script = [patience, *[note] * 9]
    addresses = [server.url(f"/{number}.mp3") for number in range(9)]
    found = gathered(addresses, limited(options, max_connections_per_host=1))
    assert len(found.recordings) == 9
    assert len(answered) == 10
    assert answered[1] - answered[0] >= 0.9
    assert answered[-1] - answered[1] < 0.9  # once and not for each of them


def test_what_is_no_inputs_fault_stops_all(server, options):
    folder = options.output / "store"
    folder.parent.mkdir()
    folder.write_bytes(b"no folder")
    with pytest.raises((OSError, PericopeError)):
        gathered([server.url(f"/{number}.mp3") for number in range(99)], options)
    assert len(server.requests) == 0


def test_a_recording_that_moves_is_fetched_from_its_new_address(server, options):
    server.serve = lambda: echo  # type: ignore[method-assign]
    for path in ("/old.mp3", "/new.mp3", "/new.mp3", "/old.mp3"):
        (item,) = gathered([server.url(path)], options).recordings
        assert Path(item.recording.audio).read_text() == path
    assert Counter(path for path, _ in server.requests) == {
        "/old.mp3": 1,
        "/new.mp3": 1,
    }


def test_a_host_that_answers_late_keeps_no_other_one_waiting(server, options):
    """The late host lets go when all files of the other one have been asked for."""
    others, all_asked = 5, threading.Event()
    asked: list[str] = []

    def act(handler) -> None:
        if handler.path.startswith("/late"):
            assert all_asked.wait(30), f"asked meanwhile: {asked}"
        else:
            asked.append(handler.path)
            if len(asked) == others:
                all_asked.set()
        echo(handler)

    server.serve = lambda: act  # type: ignore[method-assign]
    late = [server.url(f"/late{number}.mp3") for number in range(40)]
    other = [
        server.url(f"/{number}.mp3").replace("127.0.0.1", "localhost")
        for number in range(others)
    ]
    found = gathered([*late, *other], limited(options, max_connections_per_host=2))
    assert all_asked.is_set()
    assert len(found.recordings) == len(late) + others
