"""Planning segments: joining, splitting, edges, and what is said about each."""

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aligner.config import SegmentConfig
from aligner.segments import plan_segments, planned_scores
from schemas.alignment import StarSpan
from schemas.keys import SegmentKey
from tests.builders import (
    QUIET_DB,
    SCORE,
    SPEECH_DB,
    Spoken,
    make_chapter,
    spoken,
)

PACKED, VERSE = SegmentConfig(), SegmentConfig(mode="verse")
FACTS = {"book": "MRK", "reader": "A", "drama": True, "licence": "CC0-1.0"}


def plan(alignment, config=PACKED):
    return plan_segments(alignment, config, **FACTS)


def verse(count: int, pause_sec: float = 1.0, **changes: float) -> list[Spoken]:
    """Return a verse of ``count`` words that begins after a pause."""
    words = [Spoken(f"neno{k}") for k in range(count)]
    return [replace(words[0], pause_sec=pause_sec), *words[1:]]


def test_verse_mode_gives_one_padded_segment_a_verse():
    alignment = make_chapter([verse(5), verse(3), verse(60)])
    segments = plan(alignment, VERSE)
    assert [s.verses for s in segments] == ["1", "2", "3"]
    for segment, source in zip(segments, alignment.verses, strict=True):
        assert segment.text == source.text
        assert segment.start_sec == pytest.approx(source.start_sec - 0.1)
        assert segment.end_sec == pytest.approx(source.end_sec + 0.1)
    assert segments[2].duration_sec > PACKED.max_sec


def test_short_verses_are_joined_towards_the_target():
    alignment = make_chapter([verse(8) for _ in range(12)])
    segments = plan(alignment)
    assert [s.verses for s in segments] == ["1,2,3", "4,5,6", "7,8,9", "10,11,12"]
    assert segments[0].text == " ".join(v.text for v in alignment.verses[:3])
    assert segments[0].romanised == " ".join(v.romanised for v in alignment.verses[:3])


def test_scores_alone_are_those_of_the_segments():
    rng = np.random.default_rng(0)
    alignment = make_chapter([verse(int(n)) for n in rng.integers(1, 40, 12)])
    score_T = -rng.random(len(alignment.frame_score)).astype(np.float32)
    alignment = replace(alignment, frame_score=score_T)
    for config in (PACKED, VERSE):
        scores = [segment.score for segment in plan(alignment, config)]
        assert planned_scores(alignment, config) == scores
        assert len(set(scores)) == len(scores) > 5


def test_a_long_verse_is_split_at_its_pauses():
    words = [Spoken(f"w{k}", 0.5 if k in (25, 60) else 0.05) for k in range(85)]
    segments = plan(make_chapter([words]))
    assert [s.verses for s in segments] == ["1", "1", "1"]
    assert [s.words[0].word for s in segments] == ["w0", "w25", "w60"]


def test_a_verse_boundary_is_preferred_among_equal_pauses():
    # Both cuts are equally far from the middle.
    words = [Spoken(f"w{k}", 0.6 if k in (25, 35) else 0.1) for k in range(60)]
    segments = plan(make_chapter([words[:35], words[35:]]))
    assert [s.words[0].word for s in segments] == ["w0", "w35"]
    segments = plan(make_chapter([words[:25], words[25:]]))
    assert [s.words[0].word for s in segments] == ["w0", "w25"]


def test_a_long_silence_is_in_no_segment():
    alignment = make_chapter([verse(10), verse(10, pause_sec=5.0)])
    first, second = plan(alignment)
    assert first.end_sec == pytest.approx(alignment.verses[0].end_sec + 0.1)
    assert second.start_sec == pytest.approx(alignment.verses[1].start_sec - 0.1)


def test_a_few_words_alone_take_silence_to_reach_the_minimum():
    alignment = make_chapter([verse(10), verse(3, pause_sec=5.0), verse(9, 5.0)])
    alone = plan(alignment)[1]
    assert alone.duration_sec == PACKED.min_sec
    middle = (alignment.verses[1].start_sec + alignment.verses[1].end_sec) / 2
    assert alone.start_sec + alone.end_sec == pytest.approx(2 * middle, abs=0.002)


def test_words_that_fit_in_no_segment_are_left_out_and_no_others():
    long = [Spoken("moja", length_sec=25.0), *verse(10)]
    segments = plan(make_chapter([verse(20), long, [Spoken("mbili", 9.0)]], tail_sec=9))
    kept = [word.word for s in segments for word in s.words]
    assert kept == [f"neno{k}" for k in (*range(20), *range(10))]


def test_a_chapter_shorter_than_the_minimum_is_in_no_packed_segment():
    alignment = make_chapter([spoken("kuku")], lead_sec=0.1, tail_sec=0.1)
    assert plan(alignment) == ()
    assert [s.text for s in plan(alignment, VERSE)] == ["kuku"]


def test_a_chapter_without_a_pause_is_still_cut_between_words():
    words = [Spoken(f"w{k}", 0.0) for k in range(200)]
    alignment = make_chapter([words])
    segments = plan(alignment)
    assert sum(len(s.words) for s in segments) == 200
    ends = {w.end_sec for w in alignment.verses[0].words}
    for left, right in pairwise(segments):
        assert left.end_sec == right.start_sec
        assert any(math.isclose(left.end_sec, end, abs_tol=1e-3) for end in ends)


def test_the_unwritten_title_is_in_no_segment():
    alignment = make_chapter([verse(20)], title_sec=2.0)
    (segment,) = plan(alignment)
    assert segment.start_sec == pytest.approx(alignment.verses[0].start_sec - 0.1)
    assert segment.star_sec == pytest.approx(0.1)


def test_a_title_just_before_the_first_word_is_cut_off_where_it_is_quiet():
    first = [Spoken("neno0", 0.05), *verse(20)[1:]]
    alignment = make_chapter([first], title_sec=2.0, lead_sec=0.0)
    (segment,) = plan(alignment)
    word_start = alignment.verses[0].start_sec
    assert word_start - 0.05 < segment.start_sec < word_start
    alone = make_chapter([verse(4, 0.1)], title_sec=2.0, lead_sec=0.0, tail_sec=0.1)
    assert plan(alone) == ()  # nothing is taken from the title to reach the minimum
    assert len(plan(replace(alone, stars=()))) == 1


def test_no_segment_reaches_across_speech_that_is_not_in_the_text():
    alignment = make_chapter([verse(8), verse(8, 2.0)])
    between = StarSpan(alignment.verses[0].end_sec + 0.3, 5.5, "")
    first, second = plan(replace(alignment, stars=(between,)))
    assert first.end_sec <= between.start_sec
    assert (first.verses, second.verses) == ("1", "2")
    assert [s.verses for s in plan(alignment)] == ["1,2"]


def test_of_two_equal_pauses_the_quiet_one_is_cut():
    words = [Spoken(f"w{k}", 0.4 if k in (27, 33) else 0.1) for k in range(60)]
    alignment = make_chapter([words])
    for noisy, quiet in ((27, 33), (33, 27)):
        end = round(alignment.verses[0].words[noisy].start_sec * 100)
        level_db = alignment.level_db.copy()
        level_db[end - 40 : end] = SPEECH_DB - 5
        segments = plan(replace(alignment, level_db=level_db))
        assert [s.words[0].word for s in segments] == ["w0", f"w{quiet}"]


def test_no_cut_goes_through_a_number():
    words = [
        Spoken(str(k), 0.0, 9.0, is_number=True) if k % 4 == 2 else Spoken(f"w{k}")
        for k in range(20)
    ]
    alignment = make_chapter([words])
    segments = plan(alignment)
    assert len(segments) > 2
    for star in alignment.verses[0].stars:
        inside = [s for s in segments if s.start_sec <= star.start_sec < s.end_sec]
        assert all(star.end_sec <= segment.end_sec + 1e-9 for segment in inside)
    assert sum(s.star_sec for s in segments) == pytest.approx(45.0)


def test_a_number_keeps_its_digits_in_the_text_and_no_letters_in_the_romanisation():
    words = [*spoken("watu wa mji"), Spoken("12", is_number=True), *spoken("na mbwa")]
    (segment,) = plan(make_chapter([[*words, *spoken("wao wote")]]))
    assert segment.text == "watu wa mji 12 na mbwa wao wote"
    assert segment.romanised == "watu wa mji  na mbwa wao wote"
    assert len(segment.romanised.split(" ")) == len(segment.words)
    assert math.isnan(segment.words[3].score)
    assert segment.score == SCORE


def test_what_is_written_as_one_is_not_parted_for_a_little():
    # An equal pause at every word; only "mwana-simba" stands exactly in the middle.
    words = [Spoken(f"w{k}") for k in range(61)]
    alignment = make_chapter([words])
    verse_ = alignment.verses[0]
    middle = plan(alignment)[1].words[0].char_start
    offset = verse_.text.index(plan(alignment)[1].text) + middle
    hyphenated = verse_.text[: offset - 1] + "-" + verse_.text[offset:]
    joined = replace(alignment, verses=(replace(verse_, text=hyphenated),))
    pieces = [s.text for s in plan(joined)]
    assert not any(text.endswith("-") for text in pieces)
    assert any("-" in text for text in pieces)


def test_everything_about_a_segment_is_measured():
    alignment = make_chapter([[Spoken(w, 0.2) for w in "aa bb cc dd ee".split()]])
    frame_score = alignment.frame_score.copy()
    frame_score[45:80] = -1.0  # 0.7 s, all of it inside the words
    (verse_,) = alignment.verses
    sure = (0.5, math.nan, 0.25, 0.75, 1.0)
    words = tuple(
        replace(word, confidence=value)
        for word, value in zip(verse_.words, sure, strict=True)
    )
    verse_ = replace(verse_, words=words, margin=3.5)
    alignment = replace(alignment, frame_score=frame_score, verses=(verse_,))
    (segment,) = plan(alignment)
    assert segment.confidence == 0.25
    assert segment.margin == 3.5
    first, last = segment.words[0], segment.words[-1]
    frames = (last.end_sec - first.start_sec) / 0.02
    assert segment.score == pytest.approx(SCORE + 35 * (-1.0 - SCORE) / frames)
    assert segment.score_worst == pytest.approx(-1.0)
    assert segment.chars_per_sec == pytest.approx(10 / segment.duration_sec)
    speech, whole = 5 * 0.3, segment.duration_sec
    power = (speech * 1e-2 + (whole - speech) * 1e-6) / whole
    assert segment.level_db == pytest.approx(10 * math.log10(power))
    assert segment.edge_start_db == segment.edge_end_db == QUIET_DB - SPEECH_DB
    assert (segment.split, segment.key) == ("", "rec-001_0000600_0003100")
    for name, value in FACTS.items():
        assert getattr(segment, name) == value


def test_words_count_their_characters_in_the_text_of_the_segment():
    alignment = make_chapter([verse(20), verse(20), verse(9)])
    for segment in plan(alignment):
        for word in segment.words:
            assert segment.text[word.char_start : word.char_end] == word.word


def test_an_empty_verse_between_two_others_does_no_harm():
    alignment = make_chapter([verse(4), [], verse(4)])
    assert [s.verses for s in plan(alignment)] == ["1,3"]
    assert plan(make_chapter([[]])) == ()


@st.composite
def readings(draw):
    pause = st.one_of(st.integers(0, 60), st.sampled_from([150, 290, 310, 700]))
    length = st.one_of(st.integers(1, 90), st.sampled_from([400, 2500]))
    item = st.builds(
        Spoken,
        word=st.sampled_from(["ab", "cde", "7"]),
        pause_sec=pause.map(lambda k: k / 100),
        length_sec=length.map(lambda k: k / 100),
    )
    item = item.map(lambda s: replace(s, is_number=s.word == "7"))
    verses = draw(st.lists(st.lists(item, max_size=25), min_size=1, max_size=6))
    title = draw(st.sampled_from([0.0, 1.5])) if verses[0] else 0.0
    alignment = make_chapter(
        verses,
        title_sec=title,
        lead_sec=draw(st.sampled_from([0.0, 0.05, 0.5])),
        tail_sec=draw(st.sampled_from([0.0, 0.013, 0.5])),
    )
    noise = np.random.default_rng(draw(st.integers(0, 9))).normal(
        0, draw(st.sampled_from([0.0, 2.0, 20.0])), len(alignment.level_db)
    )
    level_db = (alignment.level_db + noise).astype(np.float32)
    return replace(alignment, level_db=level_db)


@settings(max_examples=80, deadline=None)
@given(alignment=readings(), mode=st.sampled_from(["packed", "verse"]))
def test_segments_are_ordered_whole_and_within_their_limits(alignment, mode):
    config = SegmentConfig(mode=mode)
    segments = plan(alignment, config)
    half_msec = 0.0005 + 1e-9
    assert len({s.key for s in segments}) == len(segments)
    for left, right in pairwise(segments):
        assert left.end_sec <= right.start_sec
    for segment in segments:
        assert 0 <= segment.start_sec < segment.end_sec <= alignment.duration_sec
        assert segment.duration_sec == pytest.approx(
            segment.end_sec - segment.start_sec
        )
        key = SegmentKey.parse(segment.key)
        assert key.start_msec / 1000 == pytest.approx(segment.start_sec, abs=1e-9)
        assert segment.start_sec <= segment.words[0].start_sec + half_msec
        assert segment.words[-1].end_sec - half_msec <= segment.end_sec
        if mode == "packed":
            assert config.min_sec <= segment.duration_sec <= config.max_sec
            for left, right in pairwise(segment.words):
                assert right.start_sec - left.end_sec <= 3.0 + half_msec
    words = [(w.start_sec, w.end_sec) for v in alignment.verses for w in v.words]
    held = [(w.start_sec, w.end_sec) for s in segments for w in s.words]
    assert held == [span for span in words if span in set(held)]
    if mode == "verse":
        assert held == words
    for start_sec, end_sec in words:
        for segment in segments:
            assert (
                end_sec <= segment.start_sec + half_msec
                or segment.end_sec - half_msec <= start_sec
                or (
                    segment.start_sec - half_msec <= start_sec
                    and end_sec <= segment.end_sec + half_msec
                )
            )


@settings(max_examples=30, deadline=None)
@given(
    pauses=st.lists(st.integers(0, 250), min_size=20, max_size=60),
    length=st.integers(10, 80),
)
def test_no_word_is_lost_where_every_word_and_pause_is_of_ordinary_length(
    pauses, length
):
    words = [Spoken("ab", pause / 100, length / 100) for pause in pauses]
    segments = plan(make_chapter([words]))
    assert sum(len(s.words) for s in segments) == len(words)
