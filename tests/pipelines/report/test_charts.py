import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.report.bins import fill, round_edges
from pipelines.report.charts import HEIGHT, WIDTH, Decoys, draw
from pipelines.report.columns import COLUMNS, Better

SCORE = COLUMNS[0]


def histogram_of(values):
    values = np.array(values, float)
    lengths = np.full(len(values), 1000)
    return fill(values, lengths, round_edges(values), Better.HIGH)


@given(st.lists(st.floats(-50, 50), min_size=2, max_size=60))
def test_bars_are_shares_within_the_chart(values):
    histogram = histogram_of(values)
    chart = draw(SCORE, histogram)
    for bar in chart.bars:
        assert bar.x >= -0.01 and bar.x + bar.width <= WIDTH + 0.01
        assert bar.y >= 0 and bar.y + bar.height == pytest.approx(HEIGHT, abs=0.02)
    # Together they hold every value: the highest is the top of the scale.
    top = max(bar.height for bar in chart.bars)
    assert top == pytest.approx(HEIGHT, abs=0.02)
    counts = [int(bar.told.split(": ")[1].split(" ")[0]) for bar in chart.bars]
    assert sum(counts) == len(values)
    assert len(chart.bars) <= 32
    assert [tick.at for tick in chart.x_ticks] == sorted(t.at for t in chart.x_ticks)
    assert all(-0.5 <= tick.at <= WIDTH + 0.5 for tick in chart.x_ticks)


def test_ticks_are_round_and_where_they_say():
    chart = draw(SCORE, histogram_of(np.linspace(-1, 0, 101)))
    labels = [tick.label for tick in chart.x_ticks]
    assert labels == ["−1.0", "−0.8", "−0.6", "−0.4", "−0.2", "0.0"]
    assert [tick.at for tick in chart.x_ticks] == [0, 60, 120, 180, 240, 300]


def test_decoys_are_drawn_on_the_same_scale():
    histogram = histogram_of(np.linspace(-1, 0, 1001))
    decoys = Decoys((-2.0, -1.5, -1.0), (30, 10))
    chart = draw(SCORE, histogram, decoys)
    first, second, *_ = chart.bars
    # 0 of the scores lies at the right end, the first decoy at the left.
    assert chart.bars[-1].x + chart.bars[-1].width == pytest.approx(WIDTH)
    assert first.x + first.width > WIDTH / 2 >= first.x
    # As if their bins were as wide as the bars, so that areas can be compared.
    width = (second.x - first.x) / WIDTH * 2
    heights = np.array([0.75, 0.25]) * width / 0.5
    numbers = chart.decoys.replace("M", " ").replace("V", " ").replace("H", " ").split()
    x0, base, y1, x1, y2, x2, end = map(float, numbers)
    assert (x0, x1, x2, base, end) == (0, 75, 150, HEIGHT, HEIGHT)
    assert (HEIGHT - y2) / (HEIGHT - y1) == pytest.approx(1 / 3, rel=0.01)
    assert y1 == pytest.approx(HEIGHT * (1 - heights[0] / heights.max()), abs=0.1)


def test_the_chart_in_words():
    values = np.array([1.0, 2.0, 4.0, math.nan])
    histogram = fill(values, np.full(4, 10), round_edges(values), Better.HIGH)
    chart = draw(SCORE, histogram)
    assert chart.told == "3 segments, median 2.00, 1 without a value"
    assert chart.decoys == ""
