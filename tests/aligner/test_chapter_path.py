"""Planted readings: events, intervals of verses, and what was said, all exact."""

import numpy as np
import pytest

from aligner.chapter_path import ChapterPath
from aligner.config import AlignConfig
from aligner.reading_events import FrameEvent
from aligner.tokens import EncodedChapter
from schemas.alignment import EventKind
from schemas.source import Aside, AsideKind
from tests.aligner.spoken import Spoken, chapter_of, read_chapter, spoken

# Verses are so short that at the usual cost of repetition a star takes them for less.
FREE = AlignConfig(star_at_start=False, free_star_log_prob=-0.5, repeat_cost=5)
ONE, TWO, THREE = "in a boat upon a river", "sat a quiet old man", "who fed his birds"
UNWRITTEN = "kwizeljux qvubbop"


def spans_of(encoded: EncodedChapter, found: ChapterPath) -> list[tuple[int, int]]:
    """Return the frames of each verse that was read."""
    spans = []
    for verse in range(len(encoded.verses)):
        own = (encoded.token_verse == verse) & (found.path.starts >= 0)
        if own.any():
            starts, ends = found.path.starts[own], found.path.ends[own]
            spans.append((int(starts.min()), int(ends.max())))
    return spans


def read(verses: tuple[str, ...], heard: Spoken, config=FREE, asides=()):
    encoded, found = read_chapter(chapter_of(*verses, asides=asides), heard, config)
    return spans_of(encoded, found), found.reading, found


def said_of(found: ChapterPath) -> list[tuple[int, str]]:
    return [(verse, said) for verse, (_, _, said) in found.reading.changes]


def test_a_reading_that_follows_the_text_has_no_events():
    heard = spoken(ONE, TWO, THREE)
    spans, reading, found = read((ONE, TWO, THREE), heard)
    assert spans == list(heard.spans)
    assert reading.events == () and reading.changes == ()
    assert (found.margins > 50).all()


def test_speech_that_is_not_written_lies_between_its_neighbours():
    heard = spoken(ONE, UNWRITTEN, TWO, UNWRITTEN)
    spans, reading, _ = read((ONE, TWO), heard)
    assert spans == [heard.spans[0], heard.spans[2]]
    assert [(event.kind, event.verse) for event in reading.events] == [
        (EventKind.UNWRITTEN, 1), (EventKind.UNWRITTEN, 2),
    ]  # fmt: skip
    for event, span in zip(reading.events, heard.spans[1::2], strict=True):
        assert event.start_frame <= span[0] + 1 and event.end_frame >= span[1] - 1


@pytest.mark.parametrize("is_read", [True, False])
def test_an_aside_is_read_or_not(is_read):
    aside = Aside(1, AsideKind.HEADING, "The Fisher of 3 Lakes")
    said = [ONE, *["the fisher of three lakes"] * is_read, TWO]
    heard = spoken(*said)
    spans, reading, _ = read((ONE, TWO), heard, asides=[aside])
    assert spans == [heard.spans[0], heard.spans[-1]]
    expected = (FrameEvent(EventKind.ASIDE, 1, *heard.spans[1], aside.text),)
    assert reading.events == (expected if is_read else ())


def test_asides_beside_each_other_are_read_one_by_one():
    asides = [
        Aside(0, AsideKind.CHAPTER, "Mark 3"),
        Aside(0, AsideKind.HEADING, "Upon the Water"),
        Aside(2, AsideKind.BOOK, "Here ends the book"),
    ]
    heard = spoken("mark three", ONE, TWO, "here ends the book")
    spans, reading, _ = read((ONE, TWO), heard, asides=asides)
    assert spans == list(heard.spans[1:3])
    assert reading.events == (
        FrameEvent(EventKind.ASIDE, 0, *heard.spans[0], "Mark 3"),
        FrameEvent(EventKind.ASIDE, 2, *heard.spans[3], "Here ends the book"),
    )


def test_asides_are_taken_for_unread_where_they_are_switched_off():
    aside = Aside(1, AsideKind.HEADING, "The Fisher of 3 Lakes")
    heard = spoken(ONE, "the fisher of three lakes", TWO)
    config = AlignConfig(star_at_start=False, free_star_log_prob=-0.5, asides=False)
    spans, reading, _ = read((ONE, TWO), heard, config, [aside])
    assert spans == [heard.spans[0], heard.spans[2]]
    assert [event.kind for event in reading.events] == [EventKind.UNWRITTEN]


def test_a_verse_is_left_out():
    heard = spoken(ONE, THREE)
    spans, reading, found = read((ONE, f"{TWO} of 12", THREE), heard)
    assert spans == list(heard.spans)
    (event,) = reading.events
    assert (event.kind, event.verse) == (EventKind.OMITTED, 1)
    assert heard.spans[0][1] <= event.start_frame == event.end_frame
    assert event.end_frame <= heard.spans[1][0]
    assert np.isnan(found.margins).tolist() == [False, True, False]


def test_a_verse_is_read_three_times():
    heard = spoken(ONE, TWO, TWO, TWO, THREE)
    spans, reading, _ = read((ONE, TWO, THREE), heard)
    assert spans == [heard.spans[0], heard.spans[3], heard.spans[4]]
    assert reading.events == tuple(
        FrameEvent(EventKind.REPEATED, 1, *span, "") for span in heard.spans[1:3]
    )


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("and 12 birds", "twelve"),
        ("the 4th bird", "fourth"),
        ("in 1948 again", "nineteen forty-eight"),
    ],
)
def test_a_number_is_read_in_one_of_its_forms(written, said):
    before, _, after = written.split(" ")
    letters = said.replace("-", " ")
    heard = spoken(ONE, before, letters, after, pause_frames=4)
    encoded, found = read_chapter(chapter_of(ONE, written), heard, FREE)
    assert said_of(found) == [(1, said)]
    (star,) = found.reading.stars
    own = found.path.starts[star.token], found.path.ends[star.token]
    assert own == heard.spans[2]
    assert spans_of(encoded, found)[1] == (heard.spans[1][0], heard.spans[3][1])
    covered = encoded.verses[1][star.word_start : star.word_end]
    assert "".join(word.written for word in covered) == written.split(" ")[1]


def test_a_number_is_read_otherwise():
    heard = spoken(ONE, "and", "a dozen", "birds", pause_frames=4)
    encoded, found = read_chapter(chapter_of(ONE, "and 12 birds"), heard, FREE)
    assert found.reading.changes == ()
    (star,) = found.reading.stars
    assert found.path.starts[star.token] <= heard.spans[2][0] + 1
    assert found.path.ends[star.token] >= heard.spans[2][1] - 1
    assert spans_of(encoded, found)[1] == (heard.spans[1][0], heard.spans[3][1])


def test_numbers_that_share_a_star_are_read_together():
    heard = spoken(ONE, "psalms", "three four", pause_frames=6)
    _, found = read_chapter(chapter_of(ONE, "psalms 3-4"), heard, FREE)
    assert said_of(found) == [(1, "three"), (1, "four")]


@pytest.mark.parametrize("title", [[], [UNWRITTEN]])
@pytest.mark.parametrize("said", ["twelve", "a dozen"])
def test_a_chapter_begins_with_a_number(title, said):
    heard = spoken(*title, f"{said} men", TWO)
    config = AlignConfig(free_star_log_prob=-0.5)
    _, found = read_chapter(chapter_of("12 men", TWO), heard, config)
    events = [(event.kind, event.verse) for event in found.reading.events]
    known = said == "twelve"
    assert said_of(found) == [(0, "twelve")] * known
    assert events == [(EventKind.UNWRITTEN, 0)] * (len(title) * known)
    if known:
        assert found.path.starts[0] == heard.spans[len(title)][0]
        assert found.margins[0] > 0


def test_a_number_in_a_verse_that_is_read_twice():
    verse = "and 12 birds"
    heard = spoken(ONE, "and twelve birds", "and a dozen birds", THREE)
    _, found = read_chapter(chapter_of(ONE, verse, THREE), heard, FREE)
    assert found.reading.changes == ()
    assert [event.kind for event in found.reading.events] == [EventKind.REPEATED]
    (star,) = found.reading.stars
    assert heard.spans[2][0] < found.path.starts[star.token] < heard.spans[2][1]


REFERENCE = "(Isa 40:3)"


@pytest.mark.parametrize(
    "text",
    ["as is written {} of him", "{} as is written", "as is written {}"],
)
@pytest.mark.parametrize("said", ["isa forty three", "isaiah", ""])
def test_a_reference_is_read_or_passed_over(text, said):
    written = text.format(REFERENCE)
    words = [part for part in text.replace("{}", f"|{said}|").split("|") if part]
    heard = spoken(ONE, *(word.strip() for word in words), THREE, pause_frames=6)
    encoded, found = read_chapter(chapter_of(ONE, written, THREE), heard, FREE)
    verse = spans_of(encoded, found)[1]
    assert verse == (heard.spans[1][0], heard.spans[-2][1])
    unread = [e for e in found.reading.events if e.kind == EventKind.UNREAD]
    assert [event.text for event in unread] == ([] if said else [REFERENCE])
    assert (1, "") in said_of(found) if not said else (1, "") not in said_of(found)
    assert ((1, "forty three") in said_of(found)) == (said == "isa forty three")
    assert np.isfinite(found.margins).all()


def test_without_freedom_the_plain_line_is_read():
    heard = spoken(ONE, "and twelve birds", THREE)
    config = AlignConfig(
        star_at_start=False, star_between_verses=False, star_at_end=False,
        omissions=False, repeats=False, asides=False, number_forms=False,
        unread_references=False, free_star_log_prob=-0.5,
    )  # fmt: skip
    assert not config.free_reading
    spans, reading, found = read((ONE, "and 12 birds", THREE), heard, config)
    assert spans == list(heard.spans)
    assert reading.events == () and found.path.jumps == ()


def test_another_backend_reads_the_plain_line():
    """The defaults ask for a free reading; only viterbi can give one."""
    heard = spoken(ONE, THREE)
    config = AlignConfig(star_at_start=False, backend="torchaudio", pause_cost=0)
    assert not config.free_reading
    aside = Aside(1, AsideKind.HEADING, "The Fisher of 3 Lakes")
    spans, reading, found = read((ONE, THREE), heard, config, [aside])
    assert spans == list(heard.spans)
    assert reading.events == () and found.path.jumps == ()
