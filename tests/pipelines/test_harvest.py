"""What recordings with text leave over."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from pipelines.harvest import UNREAD_ERRORS, find_leftovers
from pipelines.ledger import Gap, find_uncovered
from schemas.errors import InputError
from tests.builders import make_segment

KINDS = ("star", "aside", "not_segmented")


def leftovers(segments, gaps, kinds=KINDS, pad_sec=0.1):
    found = find_leftovers(20.0, segments, gaps, kinds, pad_sec)
    return [(round(g.start_sec, 3), round(g.end_sec, 3), g.reason) for g in found]


def test_unsegmented_words_with_pauses_between_them_are_one_stretch():
    words = [Gap(4 + k, 4.6 + k, "not_segmented") for k in range(3)]
    assert leftovers([make_segment(0, 3), make_segment(8, 9)], words) == [
        (3.9, 6.7, "not_segmented")
    ]


def test_gaps_of_two_kinds_or_with_a_segment_between_stay_apart():
    gaps = [
        Gap(1, 3, "star"),
        Gap(3, 5, "aside"),
        Gap(5.1, 6, "star"),
        Gap(8, 9, "star"),
    ]
    assert leftovers([make_segment(6.5, 7.5)], gaps) == [
        (0.9, 3.0, "star"), (3.0, 5.05, "aside"), (5.05, 6.1, "star"),
        (7.9, 9.1, "star"),
    ]  # fmt: skip


def test_no_stretch_reaches_into_a_segment_or_beyond_the_recording():
    gaps = [Gap(0, 2.5, "star"), Gap(19.0, 30.0, "star")]
    assert leftovers([make_segment(2, 4)], gaps, pad_sec=0.5) == [
        (0.0, 2.0, "star"), (18.5, 20.0, "star"),
    ]  # fmt: skip


def test_only_wanted_kinds_are_found():
    gaps = [Gap(1, 3, "star"), Gap(5, 7, "aside")]
    assert leftovers([], gaps, kinds=("aside",)) == [(4.9, 7.1, "aside")]
    assert leftovers([], [], KINDS) == []


seconds = st.integers(0, 200).map(lambda tenths: tenths / 10)


@given(
    borders=st.lists(seconds, unique=True, max_size=8).map(sorted),
    gaps=st.lists(
        st.builds(Gap, seconds, seconds, st.sampled_from([*KINDS, "repeated"])),
        max_size=8,
    ),
    pad_sec=st.sampled_from([0.0, 0.1, 1.0]),
)
def test_leftovers_are_apart_from_segments_and_hold_every_wanted_gap(
    borders, gaps, pad_sec
):
    segments = [
        make_segment(low, high)
        for low, high in zip(borders[::2], borders[1::2], strict=False)
    ]
    found = find_leftovers(20.0, segments, gaps, KINDS, pad_sec)
    taken = [(own.start_sec, own.end_sec) for own in segments]
    everything = sorted([*taken, *((g.start_sec, g.end_sec) for g in found)])
    assert all(left[1] <= right[0] + 1e-9 for left, right in pairwise(everything))
    assert all(0 <= low < high <= 20.0 for low, high in everything)
    for gap in find_uncovered(20.0, segments, gaps):
        if gap.reason in KINDS:
            (own,) = [
                own
                for own in found
                if own.start_sec <= gap.start_sec and gap.end_sec <= own.end_sec
            ]
            assert own.reason == gap.reason


def test_the_audio_of_these_rejects_is_of_use():
    assert {error.reason for error in UNREAD_ERRORS} == {
        *("alignment_infeasible", "wrong_chapter", "wrong_text"),
        *("text_empty", "text_malformed", "text_unreadable"),
    }
    assert all(issubclass(error, InputError) for error in UNREAD_ERRORS)
