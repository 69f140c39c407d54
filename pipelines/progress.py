"""What a run tells while it works: hours done of hours known, and time left.

Stages report to the one observer of the process; without one nothing is shown. On a
cluster the stages run elsewhere and Beam's counters tell instead.
"""

import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

if TYPE_CHECKING:
    from models.training.progress import Progress as TrainingProgress


@dataclass
class Observer:
    """Counts recordings and hours; shows them if it has a display."""

    recordings: int
    display: Progress | None = None
    done: int = 0
    hours: float = 0.0
    counts: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """What was counted in each stage, once all is done."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def begin(self) -> None:
        """Have nothing counted yet."""
        with self.lock:
            self.done, self.hours = 0, 0.0

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


def count_again() -> None:
    """Begin at nothing: the same recordings are gone through once more."""
    if _current is not None:
        _current.begin()


def stages_counted(counts: Mapping[str, Mapping[str, int]]) -> None:
    """Tell the observer of this process what the stages counted."""
    if _current is not None:
        _current.counts = counts


def counts_lines(counts: Mapping[str, Mapping[str, int]]) -> list[str]:
    """Return a line for each stage: how many it did, reused and rejected."""
    lines = []
    for stage, counted in sorted(counts.items(), key=lambda row: -row[1].get("in", 0)):
        told = [f"{counted.get('done', 0):,} done"]
        if counted.get("reused"):
            told.append(f"{counted['reused']:,} of them were there")
        if counted.get("rejected"):
            told.append(f"{counted['rejected']:,} rejected")
        lines.append(f"  {stage}: {', '.join(told)}")
    return lines


@contextmanager
def observing(
    recordings: int,
    console: Console | None,
    *,
    what: str = "aligning and cutting",
    unit: str = "recordings",
) -> Iterator[Observer]:
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
        TextColumn(f"{{task.completed}}/{{task.total}} {unit}"),
        TextColumn("{task.fields[hours]:.2f} h"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as display:
        display.add_task(what, total=recordings, hours=0.0)
        observer.display = display
        _current = observer
        try:
            yield observer
        finally:
            _current = None


class TimeLeft:
    """Tells on stderr how far training is, and how long all of it will still take."""

    def __init__(self, steps: int) -> None:
        self.steps = steps
        self._first: tuple[int, float] | None = None

    def training(self, what: str, before: int, progress: "TrainingProgress") -> None:
        """Print one line.

        Args:
          what: is being trained.
          before: how many of all steps came before this training, done or not needed.
          progress: of this training.
        """
        now_sec, at = time.monotonic(), before + progress.step
        self._first = self._first or (
            at - progress.step,
            now_sec - progress.elapsed_sec,
        )
        steps, spent_sec = at - self._first[0], now_sec - self._first[1]
        left_sec = spent_sec / max(steps, 1) * (self.steps - at)
        cer = progress.measures.get("cer")
        print(
            f"{what}: {progress.step}/{progress.steps}  "
            f"loss {progress.loss:.2f}"
            f"{'' if cer is None else f'  letters wrong {cer:.1%}'}  "
            f"{hours_and_minutes(left_sec)} left",
            file=sys.stderr,
        )


def hours_and_minutes(duration_sec: float) -> str:
    """Write a duration as people read it: 2 h 05 min, 3 min 20 s, 12.3 s."""
    if duration_sec < 59.95:
        return f"{duration_sec:.1f} s"
    minutes, seconds = divmod(round(duration_sec), 60)
    if minutes < 60:
        return f"{minutes} min {seconds:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"
