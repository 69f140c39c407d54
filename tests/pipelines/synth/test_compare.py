"""Errors against the truth: what is counted, and with which sign."""

import math
from dataclasses import replace

import numpy as np
import pytest

from pipelines.synth.compare import (
    edge_errors,
    median_error_sec,
    pooled,
    share_within,
)
from pipelines.synth.truth import ChapterTruth, TruthVerse, TruthWord
from schemas.alignment import ChapterAlignment
from tests.builders import make_chapter, spoken


def truth_of(aligned: ChapterAlignment) -> ChapterTruth:
    """The truth that the alignment meets exactly."""
    verses = tuple(
        TruthVerse(
            verse.verse,
            verse.text,
            "once",
            verse.start_sec,
            verse.end_sec,
            tuple(
                TruthWord(w.char_start, w.char_end, w.start_sec, w.end_sec)
                for w in verse.words
            ),
        )
        for verse in aligned.verses
    )
    return ChapterTruth(
        recording_id="r",
        language="swh",
        duration_sec=aligned.duration_sec,
        options={},
        verses=verses,
        extras=(),
    )


@pytest.fixture
def aligned() -> ChapterAlignment:
    return make_chapter([spoken("moja mbili tatu"), spoken("nne tano")])


def with_verse(truth: ChapterTruth, index: int, **changes: object) -> ChapterTruth:
    verses = list(truth.verses)
    verses[index] = replace(verses[index], **changes)
    return replace(truth, verses=tuple(verses))


def test_the_truth_itself_has_no_error(aligned):
    errors = edge_errors(aligned, truth_of(aligned))
    assert len(errors.word_start) == len(errors.word_end) == 5
    assert len(errors.verse_start) == len(errors.verse_end) == 2
    for found in (errors.word_start, errors.word_end, errors.verse_start):
        assert not found.any()
    assert errors.missing_words == 0


def test_late_is_positive(aligned):
    late = [
        replace(word, start_sec=word.start_sec + 0.02, end_sec=word.end_sec - 0.03)
        for word in aligned.verses[0].words
    ]
    verse = replace(aligned.verses[0], words=tuple(late), start_sec=late[0].start_sec)
    moved = replace(aligned, verses=(verse, aligned.verses[1]))
    errors = edge_errors(moved, truth_of(aligned))
    assert errors.word_start == pytest.approx([0.02, 0.02, 0.02, 0, 0])
    assert errors.word_end == pytest.approx([-0.03, -0.03, -0.03, 0, 0])
    assert errors.verse_start == pytest.approx([0.02, 0])


@pytest.mark.parametrize("read", ["never", "twice"])
def test_verses_that_were_not_read_once_do_not_count(read, aligned):
    truth = with_verse(truth_of(aligned), 0, read=read, start_sec=math.nan)
    errors = edge_errors(aligned, truth)
    assert len(errors.word_start) == 2
    assert len(errors.verse_start) == 1


def test_numbers_do_not_count(aligned):
    truth = truth_of(aligned)
    words = truth.verses[0].words
    numbers = (replace(words[0], is_number=True, start_sec=0.0), *words[1:])
    errors = edge_errors(aligned, with_verse(truth, 0, words=numbers))
    assert len(errors.word_start) == 4
    assert not errors.word_start.any()


def test_words_that_were_run_together_count_by_their_edges(aligned):
    truth = truth_of(aligned)
    first, second, third = truth.verses[0].words
    both = TruthWord(first.char_start, second.char_end, first.start_sec, second.end_sec)
    errors = edge_errors(aligned, with_verse(truth, 0, words=(both, third)))
    assert len(errors.word_start) == 4
    assert not errors.word_start.any()
    assert not errors.word_end.any()
    assert errors.missing_words == 0


def test_a_word_without_a_time_is_missing(aligned):
    first = replace(aligned.verses[0].words[0], start_sec=math.nan)
    verse = replace(aligned.verses[0], words=(first, *aligned.verses[0].words[1:]))
    found = replace(aligned, verses=(verse, aligned.verses[1]))
    errors = edge_errors(found, truth_of(aligned))
    assert errors.missing_words == 1
    assert len(errors.word_start) == 4


def test_chapters_are_pooled_word_by_word(aligned):
    errors = edge_errors(aligned, truth_of(aligned))
    both = pooled([errors, replace(errors, missing_words=3)])
    assert len(both.word_start) == 10
    assert len(both.verse_end) == 4
    assert both.missing_words == 3


def test_shares_and_medians_take_the_size_not_the_sign():
    errors = np.array([-0.04, 0.01, 0.2, np.nan])
    assert share_within(errors, 0.05) == 0.5
    assert median_error_sec(errors) == pytest.approx(0.04)
    assert math.isnan(share_within(np.array([]), 0.05))
    assert math.isnan(median_error_sec(np.array([])))
