"""One measured number, the aim that it is held against, and tables of them."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from rich.console import Console
from rich.table import Table


class Unit(StrEnum):
    """What a figure is counted in; decides how it is written."""

    MSEC = "ms"
    SEC = "s"
    SHARE = "%"  # the value is a share from 0 to 1
    RATIO = "x"
    GIB = "GiB"
    MIB = "MiB"
    NSEC = "ns"
    COUNT = ""
    NATS = "nats"


_DECIMALS = {
    Unit.COUNT: 0,
    Unit.SEC: 2,
    Unit.RATIO: 3,
    Unit.GIB: 2,
    Unit.NSEC: 2,
    Unit.NATS: 3,
}


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A number under a name, in a case (a column: "clean", "degraded", ...)."""

    name: str
    value: float
    unit: Unit
    case: str = ""
    at_most: float | None = None
    at_least: float | None = None

    @property
    def has_aim(self) -> bool:
        """Tell whether there is something to reach."""
        return self.at_most is not None or self.at_least is not None

    @property
    def is_missed(self) -> bool:
        """Tell whether there is an aim and the value does not reach it."""
        return (self.at_most is not None and not self.value <= self.at_most) or (
            self.at_least is not None and not self.value >= self.at_least
        )

    @property
    def aim(self) -> str:
        """The aim as text, "" without one."""
        if self.at_most is not None and self.at_least is not None:
            low, high = (written(x, self.unit) for x in (self.at_least, self.at_most))
            return f"{low} to {high}"
        if self.at_most is not None:
            return f"<= {written(self.at_most, self.unit)}"
        if self.at_least is not None:
            return f">= {written(self.at_least, self.unit)}"
        return ""


def written(value: float, unit: Unit) -> str:
    """Write a value with its unit: 7.8 ms, 96.1 %, 1.31 GiB, 212 x."""
    if math.isnan(value):
        return "none"
    if unit is Unit.SHARE:
        return f"{value * 100:.1f} %"
    decimals = _DECIMALS.get(unit, 1)
    if unit is Unit.RATIO and abs(value) >= 10:
        decimals = 0
    return f"{value:,.{decimals}f} {unit}".rstrip()


def print_figures(
    console: Console, title: str, figures: Sequence[Figure], note: str = ""
) -> None:
    """Print a table: a row for each name, a column for each case, the aim last."""
    cases = list(dict.fromkeys(figure.case for figure in figures))
    names = list(dict.fromkeys(figure.name for figure in figures))
    cells = {(figure.name, figure.case): figure for figure in figures}
    table = Table(box=None, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("", no_wrap=True)
    for case in cases:
        table.add_column(case, justify="right", no_wrap=True)
    if any(figure.has_aim for figure in figures):
        table.add_column("aim", justify="right", no_wrap=True)
    for name in names:
        row = [cells.get((name, case)) for case in cases]
        aims = dict.fromkeys(figure.aim for figure in row if figure and figure.aim)
        table.add_row(name, *map(_cell, row), ", ".join(aims))
    console.print(f"\n[bold]{title}[/bold]")
    console.print(table)
    if note:
        console.print(note, style="dim")


def missed(figures: Iterable[Figure]) -> list[str]:
    """Return a line for each aim that was not reached."""
    return [
        f"{figure.name}{', ' + figure.case if figure.case else ''}: "
        f"{written(figure.value, figure.unit)}, aim {figure.aim}"
        for figure in figures
        if figure.is_missed
    ]


def _cell(figure: Figure | None) -> str:
    if figure is None:
        return ""
    text = written(figure.value, figure.unit)
    return f"[red]{text} ![/red]" if figure.is_missed else text
