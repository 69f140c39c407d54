"""Cutting recordings without text."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aligner.config import SegmentConfig
from aligner.unlabeled import plan_unlabeled, unlabeled_segments
from schemas.keys import SegmentKey
from schemas.source import Recording

LOUD_DB, QUIET_DB = -20.0, -60.0
TOLERANCE_SEC = 0.03  # pauses are found on smoothed levels


def levels(*stretches: tuple[float, float]) -> tuple[np.ndarray, float]:
    """Return levels every 10 ms and the duration of (seconds, dB) in a row."""
    parts = [np.full(round(sec * 100), db, np.float32) for sec, db in stretches]
    return np.concatenate(parts), round(sum(sec for sec, _ in stretches), 6)


def test_long_silences_are_dropped_but_for_the_padding():
    track = levels((8, LOUD_DB), (2, QUIET_DB), (7, LOUD_DB), (3, QUIET_DB))
    first, second = plan_unlabeled(*track)
    assert first == pytest.approx((0.0, 8.1), abs=TOLERANCE_SEC)
    assert second == pytest.approx((9.9, 17.1), abs=TOLERANCE_SEC)


def test_a_short_silence_stays_and_is_where_the_cut_goes():
    track = levels((14, LOUD_DB), (0.6, QUIET_DB), (17, LOUD_DB), (2, QUIET_DB))
    (first, second) = plan_unlabeled(*track)
    assert first[1] == second[0]
    assert 14.0 < first[1] < 14.6
    assert second[1] == pytest.approx(31.7, abs=TOLERANCE_SEC)


def test_what_is_shorter_than_the_minimum_is_dropped():
    track = levels((4, LOUD_DB), (2, QUIET_DB), (9, LOUD_DB))
    (interval,) = plan_unlabeled(*track)
    assert interval == pytest.approx((5.9, 15.0), abs=TOLERANCE_SEC)


def test_even_sound_is_cut_all_the_same():
    intervals = plan_unlabeled(*levels((100, LOUD_DB)))
    assert intervals[0][0] == 0.0 and intervals[-1][1] == 100.0
    assert all(left[1] == right[0] for left, right in pairwise(intervals))


def test_a_recording_of_no_length_has_no_intervals():
    assert plan_unlabeled(np.zeros(0, np.float32), 0.0) == ()


@settings(max_examples=60, deadline=None)
@given(
    stretches=st.lists(
        st.tuples(st.sampled_from([0.3, 1.0, 2.5, 8.0, 40.0]), st.integers(-70, -10)),
        min_size=1,
        max_size=12,
    ),
    odd_samples=st.integers(0, 319),
)
def test_intervals_are_ordered_and_within_their_limits(stretches, odd_samples):
    config = SegmentConfig(target_sec=10.0, min_sec=4.0, max_sec=18.0)
    level_db, duration_sec = levels(*stretches)
    duration_sec -= odd_samples / 16000
    intervals = plan_unlabeled(level_db, duration_sec, config)
    for start_sec, end_sec in intervals:
        assert 0 <= start_sec < end_sec <= duration_sec
        assert 4.0 <= round(end_sec - start_sec, 9) <= 18.0
    for left, right in pairwise(intervals):
        assert left[1] <= right[0]


def test_a_segment_without_text_has_levels_but_no_scores():
    recording = Recording(
        recording_id="rec-007", language="quz", audio="a.mp3", reader="B", drama=True,
        licence="CC0-1.0",
    )  # fmt: skip
    track = levels((2, QUIET_DB), (8, LOUD_DB), (2, QUIET_DB))
    (segment,) = unlabeled_segments(recording, *track)
    assert SegmentKey.parse(segment.key).recording_id == "rec-007"
    assert segment.duration_sec == pytest.approx(8.2, abs=2 * TOLERANCE_SEC)
    assert (segment.text, segment.words, segment.split) == ("", (), "")
    assert np.isnan(segment.score) and np.isnan(segment.score_worst)
    assert segment.level_db == pytest.approx(LOUD_DB, abs=0.2)
    assert segment.edge_start_db == segment.edge_end_db == QUIET_DB - LOUD_DB
    assert (segment.reader, segment.drama, segment.licence) == ("B", True, "CC0-1.0")
