import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aligner.spans import EdgeOffsets, FrameSpans, frame_spans, seconds_from_spans

STAR = 30
SEPARATOR = 29


def int32(values):
    return np.array(values, np.int32)


def spans_of(frames):
    starts, ends = int32(frames).reshape(-1, 2).T
    zeros = np.zeros(len(starts), np.int32)
    word, is_star = np.arange(len(starts)), zeros.astype(bool)
    return FrameSpans(zeros, word, is_star, starts, ends, word, word + 1)


def test_words_and_stars_in_order():
    tokens = int32([STAR, 1, 2, SEPARATOR, 3, STAR, 4, SEPARATOR, 5])
    verse = int32([-1, 0, 0, 0, 0, 0, 1, 1, 1])
    word = int32([-1, 0, 0, -1, 1, 2, 0, -1, 1])
    starts = int32([0, 9, 12, 13, 15, 17, 30, 34, 35])
    ends = int32([9, 10, 13, 15, 16, 25, 33, 35, 36])
    spans = frame_spans(tokens, verse, word, (starts, ends), STAR)
    assert spans.verse.tolist() == [-1, 0, 0, 0, 1, 1]
    assert spans.word.tolist() == [-1, 0, 1, 2, 0, 1]
    assert spans.is_star.tolist() == [True, False, False, True, False, False]
    assert spans.start_frames.tolist() == [0, 9, 15, 17, 30, 35]
    assert spans.end_frames.tolist() == [9, 13, 16, 25, 33, 36]
    assert spans.first_tokens.tolist() == [0, 1, 4, 5, 6, 8]
    assert spans.end_tokens.tolist() == [1, 3, 5, 6, 7, 9]


def test_words_of_the_same_index_in_two_verses_stay_apart():
    spans = frame_spans(
        int32([1, 2]),
        int32([0, 1]),
        int32([0, 0]),
        (int32([0, 1]), int32([1, 2])),
        STAR,
    )
    assert spans.verse.tolist() == [0, 1]


def test_a_separator_beside_the_first_star_is_not_part_of_it():
    spans = frame_spans(
        int32([STAR, SEPARATOR, 1]),
        int32([-1, -1, 0]),
        int32([-1, -1, 0]),
        (int32([0, 4, 6]), int32([4, 5, 7])),
        STAR,
    )
    assert spans.end_frames.tolist() == [4, 7]


def test_no_tokens_no_spans():
    none = int32([])
    spans = frame_spans(none, none, none, (none, none), STAR)
    start_sec, end_sec = seconds_from_spans(spans, 1.0)
    assert len(spans.word) == len(start_sec) == len(end_sec) == 0


@given(
    st.lists(
        st.tuples(
            st.integers(0, 3),  # verses go on by this much
            st.integers(-1, 2),
            st.sampled_from([1, 2, STAR]),
            st.integers(1, 3),  # frames of the token
            st.integers(0, 3),  # blanks before it
        ),
        max_size=20,
    )
)
def test_every_span_runs_from_its_first_to_its_last_token(rows):
    table = int32(rows).reshape(-1, 5)
    verse = np.cumsum(table[:, 0]).astype(np.int32)
    word, tokens = table[:, 1], table[:, 2]
    ends = np.cumsum(table[:, 3] + table[:, 4]).astype(np.int32)
    starts = ends - table[:, 3]
    spans = frame_spans(tokens, verse, word, (starts, ends), STAR)
    expected = []
    previous = None
    for row in zip(verse, word, tokens == STAR, starts, ends, strict=True):
        key = (row[0], row[1], row[1] < 0 and row[2])
        if key == previous:
            expected[-1][2] |= row[2]
            expected[-1][4] = row[4]
        else:
            expected.append(list(row))
        previous = key
    expected = [row for row in expected if row[1] >= 0 or row[2]]
    found = zip(
        spans.verse,
        spans.word,
        spans.is_star,
        spans.start_frames,
        spans.end_frames,
        strict=True,
    )
    assert [list(row) for row in found] == expected


@given(
    st.lists(st.tuples(st.integers(0, 4), st.integers(1, 5)), min_size=1, max_size=20),
    st.floats(-0.3, 0.3),
    st.floats(-0.3, 0.3),
    st.floats(0, 0.2),
    st.integers(1, 320),
)
def test_times_are_ordered_apart_and_inside(
    rows, start_offset, end_offset, min_pause_sec, tail
):
    table = np.array(rows)
    ends = np.cumsum(table.sum(axis=1))
    starts = ends - table[:, 1]
    # The last frame holds from 1 to 320 samples.
    duration_sec = ((ends[-1] - 1) * 320 + tail) / 16_000
    start_sec, end_sec = seconds_from_spans(
        spans_of(np.stack([starts, ends], axis=1)),
        duration_sec,
        offsets=EdgeOffsets(start_sec=start_offset, end_sec=end_offset),
        min_pause_sec=min_pause_sec,
    )
    assert start_sec[0] >= 0
    assert end_sec[-1] <= duration_sec
    assert np.all(start_sec < end_sec)
    assert np.all(end_sec[:-1] <= start_sec[1:])
    gaps_sec = start_sec[1:] - end_sec[:-1]
    assert np.all((gaps_sec == 0) | (gaps_sec >= min_pause_sec))
    # No word leaves its own frames altogether.
    assert np.all(start_sec < np.minimum(ends * 0.02, duration_sec))
    assert np.all(end_sec > starts * 0.02)


def test_offsets_are_added_where_there_is_room():
    start_sec, end_sec = seconds_from_spans(
        spans_of([(10, 20), (30, 40)]),
        1.0,
        offsets=EdgeOffsets(start_sec=-0.02, end_sec=0.03),
    )
    assert start_sec == pytest.approx([0.18, 0.58])
    assert end_sec == pytest.approx([0.43, 0.83])


def test_neighbours_meet_half_way():
    start_sec, end_sec = seconds_from_spans(
        spans_of([(10, 20), (20, 40)]),
        1.0,
        offsets=EdgeOffsets(start_sec=-0.02, end_sec=0.04, join_sec=0.003),
    )
    assert end_sec[0] == start_sec[1] == pytest.approx(0.403)


def test_words_meet_where_nobody_pauses():
    start_sec, end_sec = seconds_from_spans(
        spans_of([(10, 20), (26, 30), (38, 40)]),
        1.0,
        offsets=EdgeOffsets(start_sec=-0.02),
        min_pause_sec=0.12,
    )
    assert end_sec[0] == start_sec[1] == pytest.approx(0.46)
    assert (end_sec[1], start_sec[2]) == pytest.approx((0.6, 0.74))


def test_offsets_that_shrink_leave_a_core():
    start_sec, end_sec = seconds_from_spans(
        spans_of([(10, 11)]), 1.0, offsets=EdgeOffsets(start_sec=0.05, end_sec=-0.05)
    )
    assert start_sec == pytest.approx([0.2075])
    assert end_sec == pytest.approx([0.2125])


def test_other_hops():
    start_sec, end_sec = seconds_from_spans(spans_of([(2, 5)]), 1.0, hop_samples=160)
    assert (start_sec[0], end_sec[0]) == pytest.approx((0.02, 0.05))


def test_spans_after_the_end_are_an_error():
    with pytest.raises(ValueError, match=r"span 1.*0\.3"):
        seconds_from_spans(spans_of([(1, 2), (15, 16)]), 0.3)
