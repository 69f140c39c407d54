import json
import time

import pytest

from benchmarks.stopwatch import Stopwatch, watching


def burn(sec: float) -> None:
    until = time.process_time() + sec
    while time.process_time() < until:
        pass


def test_what_is_timed_inside_another_counts_once():
    watch = Stopwatch()
    inner = watch.timed("inner", lambda: burn(0.1))

    def work() -> str:
        inner()
        burn(0.05)
        inner()
        return "done"

    started_sec = time.perf_counter()
    assert watch.timed("outer", work)() == "done"
    total_sec = time.perf_counter() - started_sec
    assert sum(watch.wall_sec.values()) <= total_sec
    assert watch.cpu_sec["inner"] >= 0.2
    assert 0.05 <= watch.cpu_sec["outer"] < watch.cpu_sec["inner"]


def test_functions_are_put_back_even_after_an_error():
    original = json.dumps
    with (
        pytest.raises(ZeroDivisionError),
        watching({"json.dumps": "dump", "json.loads": "load"}) as watch,
    ):
        assert json.loads(json.dumps([1])) == [1]
        assert json.dumps is not original
        1 / 0  # noqa: B018
    assert json.dumps is original
    assert set(watch.wall_sec) == {"dump", "load"}


def test_a_place_that_is_no_longer_there_is_told():
    places = {"json.dumps": "a", "json.no_such_function": "b"}
    with pytest.raises(AttributeError, match="no_such_function"), watching(places):
        pass
    assert json.dumps.__name__ == "dumps"
    assert not hasattr(json.dumps, "__wrapped__")
