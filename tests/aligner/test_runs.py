"""Runs of words between which a chapter may be cut."""

from dataclasses import replace

import pytest

from aligner.runs import WordRun, place_words, verse_runs, word_runs
from tests.builders import NAN, make_chapter, spoken


def changed(alignment, verse: int, word: int, **times: float):
    """Return the alignment with other times of one word."""
    words = list(alignment.verses[verse].words)
    words[word] = replace(words[word], **times)
    verses = list(alignment.verses)
    verses[verse] = replace(verses[verse], words=tuple(words))
    return replace(alignment, verses=tuple(verses))


def untimed(alignment, verse: int, word: int):
    return changed(alignment, verse, word, start_sec=NAN, end_sec=NAN)


@pytest.fixture
def reading():
    return make_chapter([spoken("kuku mti nyoka"), spoken("simba duma")])


def spans(runs) -> list[tuple[int, int]]:
    return [(run.first, run.last) for run in runs]


def test_every_word_is_a_run_in_whole_samples(reading):
    runs = word_runs(reading)
    assert spans(runs) == [(0, 0), (1, 1), (2, 2), (3, 3), (4, 4)]
    assert runs[1] == WordRun(1, 1, 16000, 20800)


def test_words_are_numbered_through_verses_that_were_found(reading):
    silent = untimed(untimed(untimed(reading, 0, 0), 0, 1), 0, 2)
    assert [(p.verse, p.word) for p in place_words(silent)] == [(1, 0), (1, 1)]
    assert spans(word_runs(silent)) == [(0, 0), (1, 1)]
    assert spans(verse_runs(silent)) == [(0, 1)]


@pytest.mark.parametrize(
    ("lost", "expected"),
    [
        ((0, 1), [(0, 2), (3, 3), (4, 4)]),
        ((0, 0), [(0, 1), (2, 2), (3, 3), (4, 4)]),
        ((0, 2), [(0, 0), (1, 2), (3, 3), (4, 4)]),
        ((1, 0), [(0, 0), (1, 1), (2, 2), (3, 4)]),
    ],
)
def test_a_word_without_times_holds_its_neighbours_together(reading, lost, expected):
    assert spans(word_runs(untimed(reading, *lost))) == expected


def test_words_that_share_a_star_stay_together(reading):
    shared = {"start_sec": 1.0, "end_sec": 1.7}
    both = changed(changed(reading, 0, 1, **shared), 0, 2, **shared)
    runs = word_runs(both)
    assert spans(runs) == [(0, 0), (1, 2), (3, 3), (4, 4)]
    assert (runs[1].start, runs[1].end) == (16000, 27200)


def test_an_overlap_of_a_frame_is_no_tie(reading):
    late = changed(reading, 0, 1, start_sec=0.87)  # the first word ends at 0.9
    assert spans(word_runs(late)) == spans(word_runs(reading))


def test_times_out_of_order_never_run_backwards(reading):
    odd = changed(reading, 1, 0, start_sec=0.7, end_sec=0.8)
    runs = word_runs(odd)
    assert spans(runs) == [(0, 0), (1, 1), (2, 3), (4, 4)]
    assert [run.start for run in runs] == sorted(run.start for run in runs)
    assert [run.end for run in runs] == sorted(run.end for run in runs)


def test_a_verse_run_reaches_from_its_first_to_its_last_word(reading):
    runs = verse_runs(reading)
    words = [verse.words for verse in reading.verses]
    assert spans(runs) == [(0, 2), (3, 4)]
    assert [run.start / 16000 for run in runs] == [w[0].start_sec for w in words]
    assert [run.end / 16000 for run in runs] == [w[-1].end_sec for w in words]
