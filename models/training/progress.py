"""What a training tells while it goes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Where a training is; losses are means over the steps since the last report."""

    step: int
    steps: int
    loss: float
    """Per item: letter or frame. NaN if all those steps were skipped."""
    parts: Mapping[str, float] = field(default_factory=dict)
    """Of the loss, per item."""
    measures: Mapping[str, float] = field(default_factory=dict)
    """Of the validation, where there was one."""
    learning_rate: float = 0.0
    gradient_norm: float = 0.0
    """Before it was cut, of the last step that was not skipped."""
    heard_hours: float = 0.0
    elapsed_sec: float = 0.0
    """Since this process began."""
    left_sec: float = 0.0
    skipped: int = 0
    """Steps so far."""
    left_out: int = 0
    """Clips so far that the losses had to leave out."""

    def values(self) -> dict[str, float]:
        """Return what the table of metrics gets: no times, which differ by run."""
        return {
            "loss": self.loss,
            **{f"loss/{name}": value for name, value in self.parts.items()},
            **{f"valid/{name}": value for name, value in self.measures.items()},
            "learning_rate": self.learning_rate,
            "gradient_norm": self.gradient_norm,
            "heard_hours": self.heard_hours,
            "skipped": self.skipped,
            "left_out": self.left_out,
        }


Report = Callable[[Progress], None]


def progress_lines(write: Callable[[str], None]) -> Report:
    """Return a reporter that writes one line at a time."""

    def report(progress: Progress) -> None:
        write(progress_line(progress))

    return report


def progress_line(progress: Progress) -> str:
    """Return one line of the log."""
    parts = "".join(f"  {k} {v:.3f}" for k, v in sorted(progress.parts.items()))
    told = [
        f"{progress.step}/{progress.steps} ({progress.step / progress.steps:.0%})",
        f"loss {progress.loss:.3f}{parts}",
        f"heard {progress.heard_hours:.2f} h",
        f"{_minutes(progress.left_sec)} left",
    ]
    # Measures of single languages are in the table of metrics.
    told += [f"{k} {v:.3f}" for k, v in progress.measures.items() if "/" not in k]
    if progress.skipped:
        told.append(f"{progress.skipped} steps skipped")
    if progress.left_out:
        told.append(f"{progress.left_out} clips left out")
    return "  ".join(told)


def _minutes(duration_sec: float) -> str:
    minutes = round(duration_sec / 60)
    if minutes < 1:
        return f"{duration_sec:.0f} s"
    return (
        f"{minutes // 60} h {minutes % 60:02d} min"
        if minutes >= 60
        else f"{minutes} min"
    )
