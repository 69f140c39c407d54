"""Small tables of a training's folder, there whole or not at all."""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

from models.whole_file import whole_file


def write_csv(path: Path, rows: Iterable[Sequence[str]]) -> None:
    """Replace a table; a kill leaves the one before or this one."""
    with whole_file(path) as temporary, temporary.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)
