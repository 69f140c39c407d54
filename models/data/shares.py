"""How much of each language a training has heard."""

import csv
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path


@dataclass(frozen=True)
class Share:
    """How much a language of a source was heard."""

    source: int
    """Which of the sources, from 0."""
    language: str
    hours: float
    """With every repetition."""
    share: float
    """Of all hours heard."""
    wanted: float
    """What it is to be."""


def write_shares(shares: Iterable[Share], path: Path) -> None:
    """Write shares as CSV, a row for each language of each source."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(Share)])
        writer.writeheader()
        for share in shares:
            row = asdict(share)
            writer.writerow(
                {k: round(v, 6) if isinstance(v, float) else v for k, v in row.items()}
            )
