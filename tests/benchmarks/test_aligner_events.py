import math
from dataclasses import replace

import pytest

from benchmarks.accuracy import Aligned
from benchmarks.aligner_events import (
    GRAPH,
    LINE,
    edge_error_sec,
    edge_figures,
    event_figures,
    events_of_asides,
    matched,
    true_events,
    with_asides,
)
from benchmarks.aligner_star import errors_under_headings_sec
from pipelines.synth.truth import TruthExtra
from schemas.alignment import EventKind, ReadingEvent
from tests.benchmarks.truths import truth_of
from tests.builders import make_chapter, spoken

CHAPTER = make_chapter([spoken("moja mbili"), spoken("tatu nne"), spoken("tano sita")])
FIRST, SECOND, THIRD = CHAPTER.verses


def eventful_truth():
    """Verse 2 under a heading in the pause before it, verse 3 never read."""
    truth = truth_of(CHAPTER)
    heading = TruthExtra("heading", "x", FIRST.end_sec, SECOND.start_sec)
    third = replace(truth.verses[2], read="never", start_sec=math.nan, words=())
    return replace(truth, verses=(*truth.verses[:2], third), extras=(heading,))


def told(kind, verse, start_sec=0.0, end_sec=0.0) -> ReadingEvent:
    return ReadingEvent(kind, verse.verse, start_sec, end_sec)


def values(figures) -> dict[str, float]:
    return {figure.name: figure.value for figure in figures}


def test_the_title_headings_repeats_and_omissions_are_events():
    title = TruthExtra("title", "x", 0.0, FIRST.start_sec)
    repeat = TruthExtra("repeat", "x", FIRST.end_sec, SECOND.start_sec)
    truth = eventful_truth()
    truth = replace(truth, extras=(title, *truth.extras, repeat))
    assert [(event.kind, event.verse) for event in true_events(truth)] == [
        (EventKind.OMITTED, THIRD.verse),
        (EventKind.UNWRITTEN, FIRST.verse),
        (EventKind.UNWRITTEN, SECOND.verse),
        (EventKind.REPEATED, SECOND.verse),
    ]


def test_an_event_is_found_once_where_and_when_it_was():
    expected = true_events(eventful_truth())
    when = FIRST.end_sec, SECOND.start_sec
    right = told(EventKind.UNWRITTEN, SECOND, *when)
    assert matched([right], expected) == [EventKind.UNWRITTEN]
    assert matched([right, right], expected) == [EventKind.UNWRITTEN]
    assert matched([told(EventKind.OMITTED, THIRD)], expected) == [EventKind.OMITTED]
    wrong = [
        told(EventKind.UNWRITTEN, THIRD, *when),
        told(EventKind.REPEATED, SECOND, *when),
        told(EventKind.UNWRITTEN, SECOND, SECOND.end_sec, SECOND.end_sec + 1),
        told(EventKind.OMITTED, SECOND),
    ]
    assert matched(wrong, expected) == []


def test_precision_and_recall_are_counted_over_all_chapters():
    events = (
        told(EventKind.UNWRITTEN, SECOND, FIRST.end_sec, SECOND.start_sec),
        told(EventKind.UNWRITTEN, FIRST, 0.0, 0.1),
    )
    truth = eventful_truth()
    pairs = ((replace(CHAPTER, events=events), truth), (CHAPTER, truth))
    found = values(event_figures("heading", Aligned(pairs)))
    assert found == {
        "omitted, events": 2,
        "omitted, told": 0,
        "omitted, recall": 0,
        "unwritten, events": 2,
        "unwritten, told": 2,
        "unwritten, precision": 0.5,
        "unwritten, recall": 0.5,
    }


def test_edges_are_of_verses_that_were_read_once():
    truth = truth_of(CHAPTER, start_sec=0.03, end_sec=-0.01)
    late = replace(truth.verses[2], read="twice", start_sec=99.0)
    truth = replace(truth, verses=(*truth.verses[:2], late))
    mean_sec = edge_error_sec(Aligned(((CHAPTER, truth),)))
    assert mean_sec == pytest.approx(0.02)
    graph = edge_figures("heading", GRAPH, 0.023, 0.02)
    assert [figure.is_missed for figure in graph] == [False, True]
    assert values(graph)["edges over clean, graph"] == pytest.approx(1.15)
    assert not any(f.has_aim for f in edge_figures("heading", LINE, 0.023, 0.02))


def test_under_a_heading_a_lost_verse_counts_with_its_length():
    truth = eventful_truth()
    late = replace(SECOND, start_sec=SECOND.start_sec + 0.04)
    lost = replace(SECOND, start_sec=math.nan)
    chapters = [
        replace(CHAPTER, verses=(FIRST, verse, THIRD)) for verse in (late, lost)
    ]
    pairs = tuple((chapter, truth) for chapter in chapters)
    assert errors_under_headings_sec(Aligned(pairs)) == pytest.approx(
        [0.04, SECOND.end_sec - SECOND.start_sec]
    )


def test_the_text_of_another_chapter_is_one_event():
    truth = truth_of(CHAPTER)
    said = TruthExtra("foreign", "x", FIRST.start_sec, FIRST.end_sec)
    (event,) = true_events(replace(truth, extras=(said,)))
    assert (event.kind, event.verse) == (EventKind.FOREIGN, FIRST.verse)
    assert event.interval == (0.0, truth.duration_sec)


def test_asides_are_written_where_they_were_read_and_where_not():
    chapter = make_chapter([spoken(f"moja {word}") for word in "abcdef"])
    second, third = chapter.verses[1:3]
    heading = TruthExtra("heading", "kichwa", second.end_sec, third.start_sec)
    truth = replace(truth_of(chapter), language="swh", extras=(heading,))
    text = with_asides(truth)
    spoken_aside = next(aside for aside in text.asides if aside.text == "kichwa")
    assert spoken_aside.before == 2 and len(text.asides) == 3
    referring = [v.number for v in text.verses if v.text.endswith("(Mark 3:16)")]
    aside, *unread = events_of_asides(truth)
    assert (aside.kind, aside.verse) == (EventKind.ASIDE, third.verse)
    assert {event.kind for event in unread} == {EventKind.UNREAD}
    assert sorted(event.verse for event in unread) == referring
    assert len(referring) == 2 and third.verse not in referring
