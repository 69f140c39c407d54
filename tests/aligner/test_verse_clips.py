"""Verses as clips: cut in the pauses, and only where it is known what was said."""

from dataclasses import replace

import numpy as np
import pytest

from aligner.spelling import Speller
from aligner.verse_clips import needed_frames, verse_clips
from schemas.alignment import ChapterAlignment, EventKind, ReadingEvent
from schemas.units import sec_from_samples
from tests.aligner.spoken import LABELS, Letters
from tests.builders import Spoken, make_chapter, spoken

SPELLER = Speller.of(Letters(), "swh")  # type: ignore[arg-type]


def seconds(alignment: ChapterAlignment) -> list[tuple[float, float]]:
    return [
        (sec_from_samples(clip.start), sec_from_samples(clip.end))
        for clip in verse_clips(alignment, SPELLER)
    ]


def test_clips_end_half_way_to_the_neighbours_and_half_a_second_away_at_most():
    verses = [spoken("maji baridi"), spoken("moto", pause_sec=0.6), spoken("mvua", 4.0)]
    alignment = make_chapter(verses, lead_sec=2.0, tail_sec=0.2)
    # Words from 2.1 to 2.8, 3.4 to 3.7 and 7.7 to 8.0 s of 8.2.
    expected = [(1.6, 3.1), (3.1, 4.2), (7.2, 8.2)]
    assert np.allclose(seconds(alignment), expected)


def test_an_unwritten_title_is_a_neighbour():
    alignment = make_chapter([spoken("maji", pause_sec=0.4)], title_sec=3.0)
    title = replace(alignment.stars[0], end_sec=3.5)
    alignment = replace(alignment, stars=(title,))
    assert np.allclose(seconds(alignment), [(3.7, 4.7)])


def test_tokens_are_the_letters_that_were_read():
    alignment = make_chapter([spoken("Maji 3 mno")])
    verse = replace(alignment.verses[0], spoken_text="maji matatu mno")
    (clip,) = verse_clips(replace(alignment, verses=(verse,)), SPELLER)
    assert "".join(LABELS[token] for token in clip.tokens) == "majimatatumno"


def test_what_is_not_read_as_written_is_left_out():
    number = [Spoken("maji"), Spoken("12", is_number=True)]
    verses = [spoken("maji"), number, [], spoken("moto"), spoken("mvua")]
    alignment = make_chapter(verses)
    again = ReadingEvent(EventKind.REPEATED, "4", 0.0, 1.0)
    title = ReadingEvent(EventKind.UNWRITTEN, "1", 0.0, 0.4)
    alignment = replace(alignment, events=(again, title))
    texts = [clip.tokens.tolist() for clip in verse_clips(alignment, SPELLER)]
    assert texts == [SPELLER.tokens("maji").tolist(), SPELLER.tokens("mvua").tolist()]


def test_a_foreign_text_has_no_clips():
    alignment = make_chapter([spoken("maji"), spoken("moto")])
    foreign = ReadingEvent(EventKind.FOREIGN, "1", 0.0, alignment.duration_sec)
    assert verse_clips(replace(alignment, events=(foreign,)), SPELLER) == ()


# The 39 letters need 0.78 s.
@pytest.mark.parametrize("length_sec, kept", [(0.76, 0), (0.80, 1), (31.0, 0)])
def test_too_short_for_its_letters_or_longer_than_half_a_minute(length_sec, kept):
    verse = spoken("majibaridimno" * 3, 0.0, length_sec)
    alignment = make_chapter([verse], lead_sec=0.0, tail_sec=0.0)
    assert len(verse_clips(alignment, SPELLER)) == kept


def test_ctc_needs_a_frame_between_equal_letters():
    assert needed_frames(np.array([3, 3, 4, 4, 4], np.int32)) == 8
    assert needed_frames(np.array([], np.int32)) == 0
