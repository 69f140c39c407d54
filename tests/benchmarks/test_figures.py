import io
import math

import pytest
from rich.console import Console

from benchmarks.figures import Figure, Unit, missed, print_figures, written


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (7.84, Unit.MSEC, "7.8 ms"),
        (0.9612, Unit.SHARE, "96.1 %"),
        (1.0312, Unit.RATIO, "1.031 x"),
        (212.4, Unit.RATIO, "212 x"),
        (12345, Unit.COUNT, "12,345"),
        (math.nan, Unit.SEC, "none"),
    ],
)
def test_values_are_written_with_their_unit(value, unit, text):
    assert written(value, unit) == text


@pytest.mark.parametrize(
    ("value", "aim", "is_missed"),
    [
        (8.0, {"at_most": 8.0}, False),
        (8.1, {"at_most": 8.0}, True),
        (0.95, {"at_least": 0.96}, True),
        (0.96, {"at_least": 0.96}, False),
        (math.nan, {"at_least": 0.96}, True),
        (math.nan, {"at_most": 0.96}, True),
        (1e9, {}, False),
        (0.5, {"at_least": 0.3, "at_most": 2.0}, False),
        (0.2, {"at_least": 0.3, "at_most": 2.0}, True),
        (2.1, {"at_least": 0.3, "at_most": 2.0}, True),
    ],
)
def test_an_aim_is_reached_or_missed(value, aim, is_missed):
    figure = Figure(name="n", value=value, unit=Unit.MSEC, **aim)
    assert figure.is_missed is is_missed
    assert bool(missed([figure])) is is_missed


def test_the_table_has_a_row_a_name_a_column_a_case_and_marks_what_is_missed():
    figures = [
        Figure(name="median", case="clean", value=7, unit=Unit.MSEC, at_most=8),
        Figure(name="median", case="noisy", value=9, unit=Unit.MSEC, at_most=8),
        Figure(name="words", case="clean", value=3, unit=Unit.COUNT),
    ]
    console = Console(file=io.StringIO(), width=100)
    print_figures(console, "Title", figures)
    lines = console.file.getvalue().splitlines()
    rows = [line.split() for line in lines if line.strip()]
    assert rows == [
        ["Title"],
        ["clean", "noisy", "aim"],
        ["median", "7.0", "ms", "9.0", "ms", "!", "<=", "8.0", "ms"],
        ["words", "3"],
    ]


def test_an_aim_with_two_ends_names_both():
    figure = Figure(name="n", value=0.01, unit=Unit.SHARE, at_least=0.003, at_most=0.02)
    assert figure.aim == "0.3 % to 2.0 %"
