"""The ledger tiles every recording and names what became of each stretch."""

import math
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aligner.config import SegmentConfig
from aligner.segments import plan_segments
from pipelines.ledger import Gap, build_ledger, find_gaps, rejected_ledger
from schemas.alignment import EventKind, ReadingEvent, StarSpan
from schemas.segment import Fate
from schemas.tables import Verdict
from schemas.units import msec_from_sec
from tests.builders import Spoken, make_chapter, make_segment

LOST = ("score_below_threshold", "cer")


def brief(entries) -> list[tuple]:
    return [(e.start_sec, e.end_sec, str(e.fate), e.reason) for e in entries]


def test_every_fate_has_its_stretch_and_its_reason():
    kept, lost, silent = (
        make_segment(2, 4),
        make_segment(5, 7),
        make_segment(7, 9, text="", words=(), source="recording"),
    )
    verdicts = {kept.key: Verdict(kept.key, True), lost.key: Verdict(lost.key, 0, LOST)}
    gaps = [Gap(0.0, 2.1, "star"), Gap(9.2, 9.5, "not_segmented")]
    entries = build_ledger(
        "rec-001", "swh", 10.00025, [silent, lost, kept], verdicts, gaps
    )
    assert brief(entries) == [
        (0.0, 2.0, "dropped", "star"),
        (2.0, 4.0, "labeled", ""),
        (4.0, 5.0, "dropped", "pause"),
        (5.0, 7.0, "dropped", "score_below_threshold"),
        (7.0, 9.0, "unlabeled", ""),
        (9.0, 9.2, "dropped", "pause"),
        (9.2, 9.5, "dropped", "not_segmented"),
        (9.5, 10.00025, "dropped", "pause"),
    ]
    assert {(e.recording, e.language) for e in entries} == {("rec-001", "swh")}


def test_a_gap_goes_on_behind_a_segment_inside_it():
    segment = make_segment(2, 4)
    verdicts = {segment.key: Verdict(segment.key, True)}
    entries = build_ledger("r", "swh", 6.0, [segment], verdicts, [Gap(1, 5, "star")])
    assert [(e.start_sec, e.reason) for e in entries] == [
        (0.0, "pause"), (1.0, "star"), (2.0, ""), (4.0, "star"), (5.0, "pause"),
    ]  # fmt: skip


def test_the_last_segment_takes_what_is_left_of_a_millisecond():
    segment = make_segment(0, 4)
    verdicts = {segment.key: Verdict(segment.key, True)}
    (entry,) = build_ledger("r", "swh", 4.0004, [segment], verdicts, ())
    assert (entry.start_sec, entry.end_sec) == (0.0, 4.0004)


def test_a_rejected_recording_is_dropped_as_a_whole():
    (entry,) = rejected_ledger("r", "swh", 61.5, "audio_silent")
    assert entry.fate is Fate.DROPPED
    assert (entry.start_sec, entry.end_sec) == (0.0, 61.5)
    assert entry.reason == "rejected:audio_silent"
    assert rejected_ledger("r", "swh", 0.0, "audio_empty") == []
    assert len(rejected_ledger("r", "swh", 0.0004, "audio_empty")) == 1


@pytest.mark.parametrize("pair", [((0, 2), (1, 3)), ((0, 2), (4, 7))])
def test_segments_that_overlap_or_reach_out_are_a_bug(pair):
    segments = [make_segment(*interval) for interval in pair]
    verdicts = {s.key: Verdict(s.key, True) for s in segments}
    with pytest.raises(ValueError, match="r: expected segments"):
        build_ledger("r", "swh", 6.0, segments, verdicts, ())


def test_a_segment_without_a_verdict_is_a_bug():
    with pytest.raises(KeyError):
        build_ledger("r", "swh", 6.0, [make_segment(1, 2)], {}, ())


def test_words_that_fit_in_no_segment_and_titles_are_named():
    verse = [Spoken("neno") for _ in range(12)]
    verses = [verse, [Spoken("refu", 0.3, 25.0)], [Spoken("mwisho", 4.0, 0.2)], verse]
    alignment = make_chapter(verses, title_sec=1.5)
    config = SegmentConfig()
    segments = plan_segments(
        alignment, config, book="", reader="", drama=False, licence=""
    )
    gaps = find_gaps(alignment, segments)
    words = [alignment.verses[k].words[0] for k in (1, 2)]
    assert list(gaps) == [
        Gap(0.0, alignment.stars[0].end_sec, "star"),
        *(Gap(w.start_sec, w.end_sec, "not_segmented") for w in words[:1]),
    ]
    held = [word.word for s in segments for word in s.words]
    assert held == ["neno"] * 12 + ["mwisho"] + ["neno"] * 12


def test_words_without_times_are_no_gaps():
    alignment = make_chapter([[Spoken("neno")]])
    word = alignment.verses[0].words[0]
    assert len(find_gaps(alignment, ())) == 1
    lost = replace(word, start_sec=math.nan, end_sec=math.nan)
    verse = replace(alignment.verses[0], words=(lost,))
    assert find_gaps(replace(alignment, verses=(verse,)), ()) == ()


def test_what_was_read_besides_the_verses_has_a_fate_of_its_own():
    chapter = make_chapter([[Spoken("neno")], [Spoken("nyoka")]])
    after_sec = chapter.duration_sec
    kinds = (EventKind.UNWRITTEN, EventKind.ASIDE, EventKind.REPEATED)
    told = [
        ReadingEvent(kind, "2", after_sec + k, after_sec + k + 0.9)
        for k, kind in enumerate(kinds)
    ]
    untimed = [
        ReadingEvent(kind, "2", 0.6, 0.6)
        for kind in (EventKind.OMITTED, EventKind.UNREAD)
    ]
    longer = replace(
        chapter,
        duration_sec=after_sec + 3,
        events=(*untimed, *told),
        stars=tuple(StarSpan(*event.interval, event.text) for event in told),
    )
    gaps = find_gaps(longer, ())
    entries = build_ledger("r", "swh", longer.duration_sec, (), {}, gaps)
    beside = [e.reason for e in entries if e.start_sec >= after_sec - 0.001]
    assert [reason for reason in beside if reason != "pause"] == [
        "star", "aside", "repeated",
    ]  # fmt: skip
    assert (entries[0].start_sec, entries[-1].end_sec) == (0.0, longer.duration_sec)


def test_gaps_that_touch_become_one_entry():
    gaps = [Gap(1.0, 2.0, "star"), Gap(0.5, 1.0, "star"), Gap(1.5, 3.0, "star")]
    entries = build_ledger("r", "swh", 4.0, (), {}, gaps)
    assert [e.start_sec for e in entries] == [0.0, 0.5, 3.0]


@st.composite
def recordings(draw):
    borders = sorted(draw(st.sets(st.integers(0, 20_000), max_size=16)))
    samples = draw(st.integers(borders[-1] * 16 if borders else 0, 400_000))
    pairs = list(zip(borders[::2], borders[1::2], strict=False))
    segments, verdicts = [], {}
    for start, end in pairs:
        source = draw(st.sampled_from(["", "star"]))
        segment = make_segment(start / 1000, end / 1000, source=source)
        segments.append(segment)
        if not source:
            keep = draw(st.booleans())
            verdicts[segment.key] = Verdict(segment.key, keep, () if keep else LOST)
    second = st.floats(0, 30, allow_nan=False)
    gaps = draw(st.lists(st.builds(Gap, second, second, st.just("star")), max_size=5))
    return samples / 16000, segments, verdicts, gaps


@given(recording=recordings(), shuffle=st.randoms(use_true_random=False))
def test_the_entries_tile_the_recording_exactly(recording, shuffle):
    duration_sec, segments, verdicts, gaps = recording
    entries = build_ledger("rec-001", "swh", duration_sec, segments, verdicts, gaps)
    if duration_sec == 0:
        assert entries == []
        return
    assert (entries[0].start_sec, entries[-1].end_sec) == (0.0, duration_sec)
    for left, right in pairwise(entries):
        assert left.end_sec == right.start_sec
    assert all(entry.start_sec < entry.end_sec for entry in entries)
    lengths = [msec_from_sec(e.end_sec) - msec_from_sec(e.start_sec) for e in entries]
    assert sum(lengths) == msec_from_sec(duration_sec)
    for segment in segments:
        (entry,) = [e for e in entries if e.start_sec == segment.start_sec]
        assert abs(entry.end_sec - segment.end_sec) < 0.001
        wanted = Fate.UNLABELED
        if not segment.source:
            kept = verdicts[segment.key].keep
            wanted = Fate.LABELED if kept else Fate.DROPPED
        assert entry.fate is wanted
    shuffle.shuffle(segments)
    assert (
        build_ledger("rec-001", "swh", duration_sec, segments, verdicts, gaps[::-1])
        == entries
    )
