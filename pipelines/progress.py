"""What a run tells while it works: hours done of hours known, and time left.

Stages report to the one observer of the process; without one nothing is shown. On a
cluster the stages run elsewhere and Beam's counters tell instead.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)


@dataclass
class Observer:
    """Counts recordings and hours; shows them if it has a display."""

    recordings: int
    display: Progress | None = None
    done: int = 0
    hours: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def recording_done(self, duration_sec: float | None) -> None:
        """Count one recording as cut or rejected."""
        with self.lock:
            self.done += 1
            self.hours += (duration_sec or 0.0) / 3600
            if self.display is not None:
                task = self.display.task_ids[0]
                self.display.update(task, completed=self.done, hours=self.hours)


_current: Observer | None = None


def recording_done(duration_sec: float | None) -> None:
    """Tell the observer of this process, if there is one."""
    if _current is not None:
        _current.recording_done(duration_sec)


@contextmanager
def observing(recordings: int, console: Console | None) -> Iterator[Observer]:
    """Watch the stages of this process; draw a bar if a console is given."""
    global _current  # noqa: PLW0603  the stages run in threads that Beam starts
    observer = Observer(recordings)
    if console is None:
        _current = observer
        try:
            yield observer
        finally:
            _current = None
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total} recordings"),
        TextColumn("{task.fields[hours]:.2f} h"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as display:
        display.add_task("aligning and cutting", total=recordings, hours=0.0)
        observer.display = display
        _current = observer
        try:
            yield observer
        finally:
            _current = None


def hours_and_minutes(duration_sec: float) -> str:
    """Write a duration as people read it: 2 h 05 min, 3 min 20 s, 12.3 s."""
    if duration_sec < 59.95:
        return f"{duration_sec:.1f} s"
    minutes, seconds = divmod(round(duration_sec), 60)
    if minutes < 60:
        return f"{minutes} min {seconds:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"
