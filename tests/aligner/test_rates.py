"""Speech rates against those of the language."""

import math
import random

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from aligner.rates import LEAST_SEGMENTS, with_rate_places
from tests.builders import make_segment

NAN = float("nan")


def segments_of(rates):
    return [
        make_segment(k * 5, k * 5 + 4, chars_per_sec=rate)
        for k, rate in enumerate(rates)
    ]


def test_the_places_are_standard_deviations_of_a_normal_distribution():
    rates = np.random.default_rng(5).normal(14.0, 2.0, 4_000)
    places = np.array([s.chars_per_sec_z for s in with_rate_places(segments_of(rates))])
    assert abs(np.median(places)) < 1e-3
    assert 0.93 < places.std() < 1.07
    assert np.array_equal(np.argsort(places, kind="stable")[:5], np.argsort(rates)[:5])


def test_a_few_wrong_segments_do_not_move_the_others():
    rates = list(np.random.default_rng(6).normal(14.0, 2.0, 200))
    before = with_rate_places(segments_of(rates))
    after = with_rate_places(segments_of([*rates, 80.0, 90.0, 100.0]))
    assert max(s.chars_per_sec_z for s in after[:-3]) < 5
    assert min(s.chars_per_sec_z for s in after[-3:]) > 20
    for left, right in zip(before, after[:-3], strict=True):
        assert abs(left.chars_per_sec_z - right.chars_per_sec_z) < 0.2


def test_too_few_segments_or_no_spread_have_no_places():
    few = segments_of(np.linspace(10, 20, LEAST_SEGMENTS - 1))
    even = segments_of([12.0] * (LEAST_SEGMENTS + 5))
    for segments in (few, even):
        found = with_rate_places(segments)
        assert all(math.isnan(s.chars_per_sec_z) for s in found)


def test_a_segment_without_text_has_no_place_and_no_say():
    rates = list(np.linspace(10, 20, LEAST_SEGMENTS))
    plain = with_rate_places(segments_of(rates))
    mixed = with_rate_places(segments_of([*rates, NAN, NAN]))
    assert [s.chars_per_sec_z for s in mixed[:-2]] == [s.chars_per_sec_z for s in plain]
    assert all(math.isnan(s.chars_per_sec_z) for s in mixed[-2:])


@given(
    rates=st.lists(st.floats(0.1, 60), min_size=20, max_size=40),
    seed=st.integers(0, 99),
)
def test_the_order_does_not_matter(rates, seed):
    segments = segments_of(rates)
    shuffled = random.Random(seed).sample(segments, len(segments))
    places = {s.key: s.chars_per_sec_z for s in with_rate_places(segments)}
    again = {s.key: s.chars_per_sec_z for s in with_rate_places(shuffled)}
    assert repr(sorted(places.items())) == repr(sorted(again.items()))
