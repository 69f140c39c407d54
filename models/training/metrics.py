"""Numbers of a training on disk: a CSV always, TensorBoard where asked for.

``metrics.csv`` has a row for each number, ``step,name,value``: names come and go with
languages and jobs, and any tool pivots it. Values are exact. Of a run that was stopped
and resumed it is that of a run which never stopped.
"""

import csv
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from models.whole_csv import write_csv
from schemas.errors import ConfigError

_HEADER = ("step", "name", "value")


class MetricsLog:
    """The numbers of one run, from the step on where it is taken up."""

    def __init__(self, folder: Path, step: int, *, tensorboard: bool) -> None:
        self._path = folder / "metrics.csv"
        _drop_after(self._path, step)
        self._board = _board(folder / "tensorboard", step) if tensorboard else None

    def add(self, step: int, values: Mapping[str, float]) -> None:
        """Write the numbers of a step; what is no number is left out."""
        known = {name: v for name, v in values.items() if not math.isnan(v)}
        with self._path.open("a", newline="") as file:
            rows = csv.writer(file, lineterminator="\n")
            rows.writerows((step, name, repr(float(v))) for name, v in known.items())
        if self._board is not None:
            for name, value in known.items():
                self._board.add_scalar(name, value, step)

    def close(self) -> None:
        """Write what TensorBoard still holds back."""
        if self._board is not None:
            self._board.close()


def read_metrics(folder: Path) -> list[tuple[int, str, float]]:
    """Return the rows of a run's ``metrics.csv``."""
    with (folder / "metrics.csv").open(newline="") as file:
        rows = [row for row in csv.reader(file) if len(row) == len(_HEADER)]
    return [(int(step), name, float(value)) for step, name, value in rows[1:]]


def _drop_after(path: Path, step: int) -> None:
    """Keep the rows up to a step; a kill may have left half a row at the end."""
    kept: list[tuple[str, ...]] = [_HEADER]
    if path.is_file() and step:
        with path.open(newline="") as file:
            rows = [tuple(row) for row in csv.reader(file) if len(row) == len(_HEADER)]
        kept += [row for row in rows[1:] if int(row[0]) <= step]
    write_csv(path, kept)


def _board(folder: Path, step: int) -> Any:
    try:
        from tensorboardX import SummaryWriter
    except ImportError as error:
        raise ConfigError(
            "training: tensorboard: expected tensorboardX to be installed, found none; "
            'say `pip install "pericope[tensorboard]"` or do without'
        ) from error
    return SummaryWriter(str(folder), purge_step=step + 1)
