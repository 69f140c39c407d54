import math

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from pipelines.report.bins import fill, round_edges
from pipelines.report.columns import Better
from pipelines.report.numbers import digits_of

values_lists = st.lists(
    st.floats(-1e6, 1e6, allow_nan=False).map(lambda value: round(value, 6)),
    min_size=1,
    max_size=50,
)


@given(values_lists)
@example([0.0] * 9)
@example([1.0, 1.0])
@example([-3.0])
def test_edges_are_round_and_hold_all_but_the_tails(values):
    edges = round_edges(np.array(values))
    low, high = np.quantile(values, (0.002, 0.998))
    assume(high == low or high - low > 1e-5 * max(abs(high), abs(low)))
    assert 10 <= len(edges) <= 120
    step = edges[1] - edges[0]
    assert np.allclose(np.diff(edges), step, rtol=1e-6)
    slack = step * 1e-6
    assert edges[0] <= low + slack
    assert edges[-1] >= high - slack
    digits = digits_of(round(step, 12))
    assert all(float(f"{edge:.{digits}f}") == edge for edge in edges)


def test_edges_of_nothing():
    with pytest.raises(ValueError, match="finite"):
        round_edges(np.array([math.nan, math.inf]))


@given(
    st.lists(st.one_of(st.just(math.nan), st.integers(-12, 12).map(lambda k: k / 4))),
    st.sampled_from(list(Better)),
)
def test_every_threshold_on_an_edge_keeps_exactly_what_a_rule_would(values, better):
    edges = (-1.0, -0.5, 0.0, 0.5, 1.0)
    lengths = np.arange(1, len(values) + 1) * 7
    histogram = fill(np.array(values, float), lengths, edges, better)
    for k, edge in enumerate(edges):
        below = sum(histogram.counts[: k + 1])
        is_low = better is Better.LOW
        kept = [v <= edge if is_low else v >= edge for v in values]
        assert (below if is_low else histogram.total - below) == sum(kept)
        msec = sum(histogram.msec[: k + 1])
        wanted = sum(
            length for length, is_kept in zip(lengths, kept, strict=True) if is_kept
        )
        assert (msec if is_low else sum(histogram.msec) - msec) == wanted
    missing = [math.isnan(value) for value in values]
    assert histogram.missing == sum(missing)
    assert histogram.missing_msec == sum(lengths[missing])
    assert sum(histogram.inner) == histogram.total == len(values) - sum(missing)
