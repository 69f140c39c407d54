from benchmarks.speed import _PLACES
from benchmarks.stopwatch import watching


def test_all_that_is_timed_exists():
    with watching(_PLACES):
        pass
