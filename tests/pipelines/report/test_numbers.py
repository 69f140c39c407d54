import doctest

import pytest

from pipelines.report import numbers


def test_the_examples_hold():
    assert doctest.testmod(numbers).failed == 0


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (float("nan"), "–"),
        (-0.0001, "0.00"),
        (-1.005, "−1.00"),
        (12345.678, "12,345.68"),
    ],
)
def test_decimals(value, text):
    assert numbers.decimal(value, 2) == text


def test_infinite_values_do_not_fail():
    assert numbers.measured(float("inf")) == "inf"


def test_a_clock_below_an_hour():
    assert numbers.clock(59.99) == "00:59.9"
