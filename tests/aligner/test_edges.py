"""Where a clip may begin and end."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aligner.edges import (
    FLOOR_DB,
    EdgeRule,
    LevelTrack,
    Opening,
    after_last_word,
    after_star,
    before_first_word,
    between_words,
)

HOP = 160
RULE = EdgeRule(pad=10 * HOP, widening=50 * HOP)


def track_of(*stretches: tuple[int, float]) -> LevelTrack:
    """Return a track of (number of 10 ms stretches, level in dB)."""
    level_db = np.concatenate([np.full(n, db, np.float32) for n, db in stretches])
    return LevelTrack.of(level_db, HOP)


def test_a_border_is_as_loud_as_its_louder_side():
    track = track_of((2, -20.0), (2, -60.0))
    assert track.border_db.tolist() == [-20.0, -20.0, -20.0, -60.0, -60.0]
    assert [track.at(k * HOP) for k in range(5)] == track.border_db.tolist()


def test_levels_that_are_no_numbers_are_silence():
    track = LevelTrack.of(np.array([-np.inf, np.nan], np.float32), HOP)
    assert track.border_db.tolist() == [FLOOR_DB] * 3
    assert track.mean_db(0, 320) == FLOOR_DB


def test_the_mean_level_is_that_of_the_power():
    track = track_of((1, -20.0), (1, -30.0))
    assert track.mean_db(0, 2 * HOP) == pytest.approx(10 * np.log10(0.0055))
    assert track.mean_db(HOP, HOP) == pytest.approx(-30.0)
    assert track.mean_db(9 * HOP, 9 * HOP + 1) == pytest.approx(-30.0)


def test_edges_keep_the_pad_where_there_is_room():
    track = track_of((100, -20.0), (100, -60.0), (100, -20.0))
    opening = between_words(100 * HOP, 200 * HOP, track, RULE)
    assert opening == Opening(
        end=110 * HOP, last_end=150 * HOP, start=190 * HOP, first_start=150 * HOP
    )


def test_a_sound_that_dies_away_pushes_the_edge_outwards():
    decay = [(3, -25.0), (3, -30.0), (3, -35.0), (3, -40.0), (3, -45.0), (3, -50.0)]
    track = track_of((100, -20.0), *decay, (82, -60.0), (100, -20.0))
    opening = between_words(100 * HOP, 200 * HOP, track, RULE)
    assert opening.end == 119 * HOP  # the first border with quiet on both sides
    assert opening.start == 190 * HOP


def test_a_noise_at_the_pad_is_avoided():
    track = track_of((100, -20.0), (8, -60.0), (20, -30.0), (72, -60.0), (9, -20.0))
    assert between_words(100 * HOP, 200 * HOP, track, RULE).end == 107 * HOP


def test_the_closure_before_a_last_consonant_is_no_end():
    closure, burst = (4, -70.0), (3, -30.0)
    track = track_of((100, -20.0), closure, burst, (93, -60.0), (100, -20.0))
    assert between_words(100 * HOP, 200 * HOP, track, RULE).end == 110 * HOP


def test_noise_in_the_quiet_does_not_move_an_edge():
    noise = np.random.default_rng(1).uniform(-61.0, -59.0, 100).astype(np.float32)
    loud = np.full(100, -20.0, np.float32)
    track = LevelTrack.of(np.concatenate([loud, noise, loud]), HOP)
    opening = between_words(100 * HOP, 200 * HOP, track, RULE)
    assert (opening.end, opening.start) == (110 * HOP, 190 * HOP)


def test_clips_meet_at_the_quietest_place_of_a_short_pause():
    track = track_of((100, -20.0), (4, -40.0), (3, -60.0), (5, -40.0), (9, -20.0))
    opening = between_words(100 * HOP, 112 * HOP, track, RULE)
    assert opening == Opening(*[106 * HOP] * 4)  # of two, the one nearer the middle


def test_clips_meet_at_the_border_of_words_without_a_pause():
    track = track_of((300, -20.0))
    assert between_words(777, 777, track, RULE) == Opening(777, 777, 777, 777)
    assert between_words(1777, 777, track, RULE).end == 1277
    assert between_words(777, 790, track, RULE).end == 783


def test_the_ends_of_a_recording_limit_the_pad():
    track = track_of((5, -60.0), (90, -20.0), (5, -60.0))
    assert before_first_word(5 * HOP, 0, track, RULE).start == 0
    assert after_last_word(95 * HOP, 100 * HOP, track, RULE).end == 100 * HOP
    assert after_last_word(101 * HOP, 100 * HOP, track, RULE).end == 100 * HOP


def test_a_title_that_ends_in_a_pause_is_kept_out():
    track = track_of((50, -20.0), (50, -60.0), (100, -20.0))
    opening = before_first_word(100 * HOP, 0, track, RULE)
    assert after_star(opening, 100 * HOP, track, RULE).start == 90 * HOP
    close = track_of((93, -20.0), (7, -60.0), (100, -20.0))
    opening = before_first_word(100 * HOP, 0, close, RULE)
    edge = after_star(opening, 100 * HOP, close, RULE)
    assert 93 * HOP < edge.start < 100 * HOP
    assert edge.first_start == edge.start


@given(
    levels=st.lists(st.integers(-80, -10), min_size=1, max_size=120),
    before=st.integers(0, 120 * HOP),
    pause=st.integers(-800, 60 * HOP),
    pad=st.integers(0, 20 * HOP),
)
def test_an_edge_never_lies_in_a_word_nor_beyond_its_neighbour(
    levels, before, pause, pad
):
    track = LevelTrack.of(np.array(levels, np.float32), HOP)
    after = before + pause
    opening = between_words(before, after, track, EdgeRule(pad, 50 * HOP))
    low, high = min(before, after), max(before, after)
    assert low <= opening.end <= opening.last_end <= high
    assert low <= opening.first_start <= opening.start <= high
    assert opening.last_end <= opening.first_start
    if pause >= 0:
        assert opening.end - before <= max(2 * pad, 0) or pause < 2 * pad
