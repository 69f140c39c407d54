import numpy as np
import pytest

from benchmarks.clipping import clip_edges, clipping_figures, pooled_edges
from tests.benchmarks.truths import truth_of
from tests.builders import make_chapter, spoken

# Pauses of 0.6 s between verses leave a tenth of a second of quiet at every edge.
CHAPTER = make_chapter(
    [
        spoken(f"moja mbili tatu nne tano sita saba nane tisa w{number}")
        for number in range(6)
    ]
)


def shares(edges) -> dict[str, float]:
    return {figure.name: figure.value for figure in clipping_figures(edges, "")}


def test_a_true_alignment_clips_nothing():
    edges = clip_edges(CHAPTER, truth_of(CHAPTER))
    found = shares(edges)
    clips = found.pop("clips")
    assert clips > 1
    assert set(found.values()) == {0.0}
    assert len(edges.lost_start) == len(edges.lost_end) == clips


@pytest.mark.parametrize(("late_sec", "lost"), [(0.02, False), (0.2, True)])
def test_words_that_end_later_than_aligned_are_clipped(late_sec, lost):
    # The chapter's last clip ends in quiet that goes on for half a second.
    edges = clip_edges(CHAPTER, truth_of(CHAPTER, end_sec=late_sec))
    exact = clip_edges(CHAPTER, truth_of(CHAPTER))
    assert edges.lost_end == pytest.approx(exact.lost_end + late_sec)
    assert (shares(edges)["clips with a clipped last word"] > 0) is lost


def test_words_that_start_earlier_than_aligned_are_clipped():
    edges = clip_edges(CHAPTER, truth_of(CHAPTER, start_sec=-0.3))
    assert shares(edges)["clips with a clipped first word"] == 1.0


def test_words_of_neighbouring_clips_that_reach_in_are_counted():
    edges = clip_edges(CHAPTER, truth_of(CHAPTER, end_sec=0.095))
    inner = len(edges.foreign_start)
    assert inner == len(edges.lost_start) - 1  # nothing is before the first clip
    assert (edges.foreign_start > 0).all()


def test_an_edge_between_words_run_together_is_left_out():
    truth = truth_of(CHAPTER)
    exact = clip_edges(CHAPTER, truth)
    joined = []
    for verse in truth.verses:
        first, *rest = verse.words
        second = rest.pop(0)
        both = type(first)(
            first.char_start, second.char_end, first.start_sec, second.end_sec
        )
        joined.append(type(verse)(**{**vars(verse), "words": (both, *rest)}))
    edges = clip_edges(CHAPTER, type(truth)(**{**vars(truth), "verses": tuple(joined)}))
    assert len(edges.lost_start) == len(exact.lost_start)  # its start is known
    assert len(edges.lost_end) == len(exact.lost_end)


def test_chapters_are_pooled():
    edges = clip_edges(CHAPTER, truth_of(CHAPTER))
    pooled = pooled_edges([edges, edges])
    assert np.array_equal(pooled.lost_end, np.tile(edges.lost_end, 2))
