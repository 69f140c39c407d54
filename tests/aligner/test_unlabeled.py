"""Cutting audio without text by the rules of MMS-unlab."""

import random
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aligner.speech import Sound, Stretch
from aligner.unlabeled import (
    TOO_SHORT,
    SpeechRules,
    join_speech,
    plan_unlabeled,
    unlabeled_segments,
)
from schemas.errors import ConfigError
from schemas.keys import SegmentKey
from schemas.source import Recording

LOUD_DB, QUIET_DB = -20.0, -60.0
SEC = 16_000
MMS = SpeechRules()
SOUNDS = {"S": Sound.SPEECH, "M": Sound.MUSIC, "N": Sound.NOISE, "-": Sound.SILENCE}


def sounding(*parts: tuple[str, float], start: int = 0, rest: int = 0):
    """Return stretches of (sound, seconds) in a row, and levels of all before, too."""
    stretches, at = [], start
    levels = [np.full(start // 160, QUIET_DB)]
    for kind, sec in parts:
        end = at + round(sec * 100) * 160
        stretches.append(Stretch(at, end, SOUNDS[kind]))
        level_db = QUIET_DB if kind == "-" else LOUD_DB
        levels.append(np.full((end - at) // 160, level_db))
        at = end
    last = stretches.pop()
    stretches.append(Stretch(last.start, last.end - rest, last.sound))
    return tuple(stretches), np.concatenate(levels).astype(np.float32)


def in_sec(intervals) -> list[tuple[float, ...]]:
    return [tuple(value / SEC for value in own[:2]) for own in intervals]


def test_what_is_not_speech_is_dropped_by_its_name():
    plan = plan_unlabeled(
        *sounding(("-", 4), ("S", 8), ("M", 9), ("S", 7), ("N", 5)), MMS
    )
    assert in_sec(plan.clips) == [(3.9, 12.1), (20.9, 28.1)]
    assert [(*in_sec([own])[0], own[2]) for own in plan.dropped] == [
        (0.0, 3.9, "silence"), (12.1, 20.9, "music"), (28.1, 33.0, "noise"),
    ]  # fmt: skip
    assert plan.speech_shares == (round(8 / 8.2, 5), round(7 / 7.2, 5))


def test_a_gap_of_a_fifth_is_bridged_and_a_longer_one_is_not():
    joined = plan_unlabeled(*sounding(("S", 4), ("N", 2), ("S", 4)), MMS)
    assert in_sec(joined.clips) == [(0.0, 10.0)]
    assert (joined.speech_shares, joined.dropped) == ((0.8,), ())
    apart = plan_unlabeled(*sounding(("S", 4), ("N", 2.1), ("S", 4)), MMS)
    assert apart.clips == ()
    assert [reason for *_, reason in apart.dropped] == [TOO_SHORT, "noise", TOO_SHORT]


def test_no_gap_is_longer_than_a_fifth_of_the_longest_clip():
    plan = plan_unlabeled(*sounding(("S", 300), ("M", 7), ("S", 300)), MMS)
    assert [own[2] for own in plan.dropped] == ["music"]
    assert all(share > 0.9 for share in plan.speech_shares)


def test_speech_that_is_too_short_for_a_clip_is_told():
    plan = plan_unlabeled(*sounding(("S", 4), ("-", 4), ("S", 9)), MMS)
    assert in_sec(plan.clips) == [(7.9, 17.0)]
    assert plan.dropped[0] == (0, round(4.1 * SEC), TOO_SHORT)


def test_a_pause_is_where_the_cut_goes():
    plan = plan_unlabeled(*sounding(("S", 14), ("-", 0.6), ("S", 17)), MMS)
    (first, second) = in_sec(plan.clips)
    assert first[1] == second[0]
    assert 14.0 <= first[1] <= 14.6


def test_even_speech_is_cut_all_the_same():
    plan = plan_unlabeled(*sounding(("S", 100)), MMS)
    assert plan.dropped == ()
    assert plan.clips[0][0] == 0 and plan.clips[-1][1] == 100 * SEC
    assert all(left[1] == right[0] for left, right in pairwise(plan.clips))


def test_nothing_heard_is_nothing_planned():
    plan = plan_unlabeled((), np.zeros(0, np.float32), MMS)
    assert (plan.clips, plan.dropped) == ((), ())


lengths = st.sampled_from([0.1, 0.3, 1.0, 2.5, 5.4, 5.5, 8.0, 40.0])


@given(
    parts=st.lists(
        st.tuples(st.sampled_from("SMN-"), lengths), min_size=1, max_size=12
    ),
    start=st.integers(0, 300),
    rest=st.integers(0, 159),
    rules=st.sampled_from(
        [
            MMS,
            SpeechRules(min_sec=2.0, target_sec=4.0, max_sec=6.0, bridge_share=0.4),
            SpeechRules(min_sec=4.0, target_sec=8.0, max_sec=8.0, pad_sec=0.0),
        ]
    ),
)
def test_clips_and_what_is_dropped_tile_what_was_heard(parts, start, rest, rules):
    heard, level_db = sounding(*parts, start=160 * start, rest=rest)
    plan = plan_unlabeled(heard, level_db, rules)
    for low, high in plan.clips:
        assert rules.min_sec <= (high - low) / SEC <= rules.max_sec
    assert list(plan.clips) == sorted(plan.clips)
    everything = sorted([*plan.clips, *(own[:2] for own in plan.dropped)])
    assert everything[0][0] == heard[0].start and everything[-1][1] == heard[-1].end
    assert all(left[1] == right[0] for left, right in pairwise(everything))
    # What is not speech is dropped by its own name, or as part of what is too short.
    for low, high, reason in plan.dropped:
        named = [own for own in heard if own.start < high and low < own.end]
        assert reason == TOO_SHORT or {str(own.sound) for own in named} == {reason}
    assert len(plan.speech_shares) == len(plan.clips)
    assert all(0 < share <= 1 for share in plan.speech_shares)


speech_rows = st.lists(st.tuples(st.integers(1, 60), st.integers(1, 30)), max_size=9)


def intervals_of(row) -> list[tuple[int, int]]:
    """Return stretches of speech from (gap before, length)."""
    found, at = [], 0
    for gap, length in row:
        found.append((at + gap, at + gap + length))
        at += gap + length
    return found


@given(
    row=speech_rows,
    share=st.sampled_from([0.0, 0.1, 0.2, 0.5]),
    longest=st.sampled_from([10, 60, 10_000]),
    rng=st.randoms(use_true_random=False),
)
def test_joining_is_the_rule_in_any_order(row, share, longest, rng: random.Random):
    """Brute force: join any two neighbours that may be, until none may be."""
    speech = intervals_of(row)
    expected = list(speech)
    while True:
        may_be = [
            k
            for k, ((start, before), (after, end)) in enumerate(pairwise(expected))
            if after - before <= share * min(end - start, longest)
        ]
        if not may_be:
            break
        k = rng.choice(may_be)
        expected[k : k + 2] = [(expected[k][0], expected[k + 1][1])]
    assert join_speech(speech, share, longest) == expected


def test_a_segment_without_text_has_levels_but_no_scores():
    recording = Recording(
        recording_id="rec-007", language="quz", audio="a.mp3", reader="B", drama=True,
        licence="CC0-1.0",
    )  # fmt: skip
    heard, level_db = sounding(("-", 2), ("S", 8), ("-", 2))
    plan = plan_unlabeled(heard, level_db, MMS)
    (segment,) = unlabeled_segments(recording, plan, level_db, "star")
    assert SegmentKey.parse(segment.key).recording_id == "rec-007"
    assert (segment.start_sec, segment.duration_sec) == (1.9, 8.2)
    assert (segment.text, segment.words, segment.split) == ("", (), "")
    assert (segment.source, segment.speech_share) == ("star", round(8 / 8.2, 5))
    assert np.isnan(segment.score) and np.isnan(segment.score_worst)
    assert segment.level_db == pytest.approx(LOUD_DB, abs=0.2)
    assert segment.edge_start_db == segment.edge_end_db == QUIET_DB - LOUD_DB
    assert (segment.reader, segment.drama, segment.licence) == ("B", True, "CC0-1.0")


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"bridge_share": 1.0}, r"unlabeled.bridge_share: expected 0 or above and bel"),
        ({"min_sec": 0.5}, r"expected 1 <= min_sec <= target_sec <= max_sec"),
        ({"max_sec": 14.0}, r"expected 1 <= min_sec <= target_sec <= max_sec"),
        ({"target_sec": 8.0, "max_sec": 9.0}, r"at least twice min_sec"),
        ({"pad_sec": 1.5}, r"unlabeled.pad_sec: expected 0 to 1, got 1.5"),
    ],
)
def test_numbers_that_cannot_be_are_refused(values, told):
    with pytest.raises(ConfigError, match=told):
        SpeechRules(**values)
