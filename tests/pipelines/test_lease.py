import json
import threading
import time

import fsspec
import pytest

from pipelines import lease
from pipelines.lease import FOLDER, Patience, holding
from schemas.errors import ConfigError, StoreUnavailable

QUICK = Patience(beat_sec=0.05, dead_sec=0.5)


@pytest.fixture
def root():
    fsspec.filesystem("memory").store.clear()
    yield "memory://leased/corpus"
    fsspec.filesystem("memory").store.clear()


def announce(root: str, **other: object) -> str:
    """Announce a run of another machine; return where."""
    path = f"{root.removeprefix('memory:/')}/{FOLDER}/other.json"
    told = {
        "host": "elsewhere",
        "machine": "another",
        "process": 1,
        "started": "1",
        "since": "2026-01-01T00:00:00Z",
        "beats": 1,
    } | other
    fsspec.filesystem("memory").pipe_file(path, json.dumps(told).encode())
    return path


def announced() -> list[str]:
    return [path for path in fsspec.filesystem("memory").store if FOLDER in path]


@pytest.mark.parametrize("data", [b"", b"\xff", b"[]", b'{"host": "x"}'])
def test_what_no_run_has_written_is_named(root, data):
    path = announce(root)
    fsspec.filesystem("memory").pipe_file(path, data)
    with (
        pytest.raises(ConfigError, match=r"running/other\.json: expected .* delete it"),
        holding(root, QUICK),
    ):
        pass


def test_it_goes_with_the_run(root):
    with holding(root, QUICK):
        assert len(announced()) == 1
    assert announced() == []
    with pytest.raises(ZeroDivisionError), holding(root, QUICK):
        raise ZeroDivisionError
    assert announced() == []


def test_a_second_run_is_refused_and_the_first_goes_on(root):
    with holding(root, QUICK):
        with (
            pytest.raises(ConfigError, match="another run is at work"),
            holding(root, QUICK),
        ):
            pass
        assert len(announced()) == 1


def test_a_run_that_was_killed_here_is_known_at_once(root):
    announce(root, machine=lease._machine(), process=2**22 + 1)
    began_sec = time.monotonic()
    with holding(root, Patience(beat_sec=0.05, dead_sec=60)):
        assert len(announced()) == 1
    assert time.monotonic() - began_sec < 30


def test_a_process_of_the_same_number_is_another_one(root):
    announce(root, machine=lease._machine(), process=1, started="0")
    with holding(root, Patience(beat_sec=0.05, dead_sec=60)):
        assert len(announced()) == 1


def test_a_silent_run_elsewhere_is_waited_for(root):
    announce(root)
    began_sec = time.monotonic()
    with holding(root, QUICK):
        assert time.monotonic() - began_sec >= QUICK.dead_sec
        assert len(announced()) == 1


def test_a_living_run_elsewhere_is_left_alone(root):
    announce(root)
    ended = threading.Event()

    def live() -> None:
        beats = 1
        while not ended.wait(0.05):
            beats += 1
            announce(root, beats=beats)

    living = threading.Thread(target=live)
    living.start()
    try:
        with pytest.raises(ConfigError, match="on elsewhere"), holding(root, QUICK):
            pass
    finally:
        ended.set()
        living.join()
    assert len(announced()) == 1


def test_of_many_at_once_never_two_go_on(root):
    inside = threading.Semaphore(1)
    outcomes = []

    def attempt() -> None:
        try:
            with holding(root, QUICK):
                alone = inside.acquire(blocking=False)
                time.sleep(0.2)
                outcomes.append("alone" if alone else "TWO")
                if alone:
                    inside.release()
        except ConfigError:
            outcomes.append("refused")

    runs = [threading.Thread(target=attempt) for _ in range(8)]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
    assert len(outcomes) == 8
    assert "TWO" not in outcomes
    assert announced() == []


def test_a_run_that_was_taken_for_dead_stops(root):
    with (
        pytest.raises(StoreUnavailable, match="taken its place"),
        holding(root, QUICK),
    ):
        (own,) = announced()
        fsspec.filesystem("memory").rm_file(own)
        time.sleep(30)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_run_that_can_no_longer_beat_stops(root, monkeypatch):
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("the library's own fault")

    with (
        pytest.raises(StoreUnavailable, match="taken its place"),
        holding(root, QUICK),
    ):
        monkeypatch.setattr(type(fsspec.filesystem("memory")), "find", fail)
        time.sleep(30)
