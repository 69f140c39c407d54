import hashlib
import threading
import time
from collections import Counter
from pathlib import Path

import pytest

from pipelines.fetch_limits import FetchLimits
from pipelines.fetch_many import fetch_many
from pipelines.store import Store
from schemas.errors import FetchFailed, SourceMissing, SourceRefused

QUICK = FetchLimits(backoff_sec=0.001, backoff_max_sec=1.0, retries=2)


@pytest.fixture
def store(tmp_path):
    return Store(str(tmp_path / "corpus"))


def echo(handler) -> None:
    """Answer with the path, so that every address has bytes of its own."""
    body = handler.path.encode()
    handler.send(200, {"Content-Length": str(len(body)), "ETag": '"e"'}, body)


def test_each_address_has_its_own_outcome(server, store, tmp_path):
    (tmp_path / "here.txt").write_bytes(b"here")
    server.serve = lambda: echo  # type: ignore[method-assign]
    addresses = [
        *(server.url(f"/{number}") for number in range(20)),
        str(tmp_path / "here.txt"),
        str(tmp_path / "nowhere.txt"),
        "ftp://h.example/a",
        server.url("/3"),
        "http://",
    ]
    outcomes = sorted(fetch_many(addresses, store, QUICK), key=lambda o: o.index)
    assert [outcome.address for outcome in outcomes] == addresses
    for number, outcome in enumerate(outcomes[:20]):
        assert outcome.fetched is not None and outcome.error is None
        assert (
            outcome.fetched.sha256 == hashlib.sha256(f"/{number}".encode()).hexdigest()
        )
    assert outcomes[20].fetched and outcomes[20].fetched.size_bytes == 4
    errors = [type(outcomes[index].error) for index in (21, 22, 24)]
    assert errors == [SourceMissing, SourceRefused, SourceRefused]
    assert outcomes[23].fetched == outcomes[3].fetched
    assert len(server.requests) == 20


def test_one_host_has_only_so_many_connections(server, store):
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
    addresses = [server.url(f"/{number}") for number in range(30)]
    limits = FetchLimits(max_connections_per_host=3, backoff_sec=0.001)
    outcomes = list(fetch_many(addresses, store, limits))
    assert all(outcome.fetched for outcome in outcomes)
    assert most["all"] == 3


def test_a_slow_host_keeps_no_other_waiting(server, other_server, store):
    """Of the slow one there are many, and they come first."""
    for each in (server, other_server):
        each.serve = lambda: echo  # type: ignore[method-assign]
    gate = threading.Event()
    server.script = [lambda handler: (gate.wait(), echo(handler)) for _ in range(12)]
    addresses = [
        *(server.url(f"/slow{number}") for number in range(12)),
        *(other_server.url(f"/fast{number}") for number in range(12)),
    ]
    limits = FetchLimits(max_connections=4, max_connections_per_host=2)
    found = []
    for outcome in fetch_many(addresses, store, limits):
        found.append(outcome.index)
        if len(found) == 12:
            gate.set()
    assert sorted(found[:12]) == list(range(12, 24))
    assert sorted(found[12:]) == list(range(12))


def test_a_host_that_asks_for_patience_is_left_alone_by_all(server, store):
    server.serve = lambda: echo  # type: ignore[method-assign]
    answered: list[float] = []

    def patience(handler) -> None:
        answered.append(time.monotonic())
        handler.send(429, {"Content-Length": "0", "Retry-After": "1"})

    def note(handler) -> None:
        answered.append(time.monotonic())
        echo(handler)

    server.script = [patience, *[note] * 9]
    limits = FetchLimits(max_connections_per_host=1, backoff_sec=0.001)
    outcomes = list(fetch_many([server.url(f"/{n}") for n in range(9)], store, limits))
    assert all(outcome.fetched for outcome in outcomes)
    assert len(answered) == 10
    assert answered[1] - answered[0] >= 0.9
    assert answered[-1] - answered[1] < 0.9  # once and not for each of them


def test_an_address_that_fails_does_not_keep_the_others(server, store):
    server.serve = lambda: (  # type: ignore[method-assign]
        lambda handler: (
            handler.send(500, {"Content-Length": "0"})
            if handler.path == "/bad"
            else echo(handler)
        )
    )
    addresses = [server.url(path) for path in ("/a", "/bad", "/b")]
    outcomes = sorted(fetch_many(addresses, store, QUICK), key=lambda o: o.index)
    assert [outcome.error is None for outcome in outcomes] == [True, False, True]
    assert isinstance(outcomes[1].error, FetchFailed)
    assert "/bad: HTTP 500, after 3 attempts" in str(outcomes[1].error)


def test_who_stops_asking_begins_nothing_more(server, store):
    server.serve = lambda: echo  # type: ignore[method-assign]
    limits = FetchLimits(max_connections=1, max_connections_per_host=1)
    outcomes = fetch_many([server.url(f"/{n}") for n in range(50)], store, limits)
    assert next(outcomes).fetched
    outcomes.close()
    assert len(server.requests) <= 2


def test_nothing_comes_of_nothing(store):
    assert list(fetch_many([], store, QUICK)) == []


def test_what_is_not_an_inputs_fault_ends_it(server, store):
    folder = Path(store.root, "store")
    folder.parent.mkdir(parents=True)
    folder.write_bytes(b"no folder")
    with pytest.raises(NotADirectoryError):
        list(fetch_many([server.url("/a"), server.url("/b")], store, QUICK))
