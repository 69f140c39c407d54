"""What a run tells while it works."""

import io
from concurrent.futures import ThreadPoolExecutor

import pytest
from rich.console import Console

from pipelines.progress import hours_and_minutes, observing, recording_done


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (0, "0.0 s"),
        (12.34, "12.3 s"),
        (59.94, "59.9 s"),
        (59.96, "1 min 00 s"),
        (60, "1 min 00 s"),
        (200, "3 min 20 s"),
        (3599.7, "1 h 00 min"),
        (7500, "2 h 05 min"),
        (180_000, "50 h 00 min"),
    ],
)
def test_durations_are_told_as_people_read_them(seconds, told):
    assert hours_and_minutes(seconds) == told


def test_recordings_of_all_threads_are_counted():
    with observing(400, None) as observer, ThreadPoolExecutor(4) as pool:
        list(pool.map(recording_done, [9.0, None] * 200))
    assert (observer.done, observer.hours) == (400, pytest.approx(0.5))
    recording_done(3600.0)  # nobody is watching any more
    assert observer.done == 400


def test_the_bar_shows_recordings_and_hours():
    file = io.StringIO()
    console = Console(file=file, force_terminal=True, width=120)
    with observing(3, console) as observer:
        recording_done(1800)
        recording_done(3600)
        assert observer.display is not None
        observer.display.refresh()
    shown = file.getvalue()
    assert "2/3 recordings" in shown
    assert "1.50 h" in shown


def test_watching_ends_with_an_error_too():
    with pytest.raises(KeyError), observing(1, None) as observer:
        raise KeyError
    recording_done(1)
    assert observer.done == 0
