"""Numbers in clips: their reading is told where it is known, and nowhere else."""

from dataclasses import replace

import pytest

from models.data import Clip
from pipelines.spelling import ClipSpeller
from pipelines.spoken_texts import spoken_texts
from pipelines.tables import write_rows
from schemas.alignment import StarSpan, VerseAlignment, WordSpan
from schemas.alignment_row import AlignmentRow
from schemas.tables import ALIGNMENT_TABLE, SEGMENT_TABLE
from tests.builders import make_segment

TEXT = "On day 7 he had 12,000 sheep. 5!"


def word_spans(text: str, begins_sec: float) -> tuple[WordSpan, ...]:
    """A word each half second; characters count in the text."""
    spans, at = [], 0
    for k, word in enumerate(text.split()):
        first = text.index(word.strip(".!"), at)
        at = first + len(word.strip(".!"))
        start_sec = begins_sec + k / 2
        spans.append(
            WordSpan(text[first:at], start_sec, start_sec + 0.4, 0.0, first, at)
        )
    return tuple(spans)


def verse(text: str, spoken: str, begins_sec: float, numbers: str) -> VerseAlignment:
    words = word_spans(text, begins_sec)
    stars = tuple(
        StarSpan(word.start_sec, word.end_sec, word.word)
        for word in words
        if word.word in numbers.split()
    )
    return VerseAlignment(
        verse="1",
        text=text,
        romanised="",
        start_sec=begins_sec,
        end_sec=words[-1].end_sec,
        score=0.0,
        score_worst=0.0,
        words=words,
        stars=stars,
        spoken_text=spoken,
    )


def clip(verse: VerseAlignment, first: int, last: int, star_sec: float, recording="a"):
    """A segment of some words of a verse."""
    words = verse.words[first:last]
    begins = words[0].char_start
    text = verse.text[begins : words[-1].char_end]
    moved = tuple(
        replace(w, char_start=w.char_start - begins, char_end=w.char_end - begins)
        for w in words
    )
    return make_segment(
        words[0].start_sec - 0.1,
        words[-1].end_sec + 0.1,
        recording_id=recording,
        text=text,
        words=moved,
        star_sec=star_sec,
    )


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    root = tmp_path_factory.mktemp("corpus")
    known = verse(
        TEXT, "On day seven he had twelve thousand sheep. five!", 1.0, "7 12,000 5"
    )
    other = verse("In 3 days (Gen 2:2).", "In three days.", 11.0, "3")
    silent = verse("Of 9 men.", "", 21.0, "9")
    half = verse("At 4 of 6.", "At four of 6.", 31.0, "4 6")
    verses = [known, other, silent, half]
    rows = [
        AlignmentRow(
            recording_id="a",
            language="swh",
            book="MRK",
            chapter=1,
            verse=replace(v, verse=str(k)),
            model="m",
            digest="d",
        )
        for k, v in enumerate(verses)
    ]
    segments = {
        "whole": clip(known, 0, 8, 1.2),
        "begin": clip(known, 0, 4, 0.4),
        "later": clip(known, 4, 8, 0.8),
        "title": clip(known, 1, 4, 1.9),  # another star is in it, too
        "aside": clip(other, 0, 3, 0.4),
        "silent": clip(silent, 0, 3, 0.4),
        "half": clip(half, 0, 4, 0.8),
        "plain": clip(known, 3, 5, 0.0),
    }
    write_rows(str(root), ALIGNMENT_TABLE, rows, "swh")
    write_rows(str(root), SEGMENT_TABLE, list(segments.values()), "swh")
    return root, segments


def test_numbers_are_told_as_they_were_read(corpus):
    root, segments = corpus
    found = spoken_texts(root, ["swh", "deu"])
    names = {segment.key: name for name, segment in segments.items()}
    assert {names[key]: text for key, text in found.items()} == {
        "whole": "On day seven he had twelve thousand sheep. five",
        "begin": "On day seven he",
        "later": "had twelve thousand sheep. five",
        "half": "At four of 6",
    }


def test_a_clip_with_a_known_number_can_be_spelled(corpus):
    root, segments = corpus
    spell = ClipSpeller(romanised=True, spoken=spoken_texts(root, ["swh"]))
    told = {}
    for name, segment in segments.items():
        row = {"star_sec": segment.star_sec, "language": "swh"}
        heard = Clip(segment.key, b"", 1.0, segment.text, row, "swh")
        told[name] = spell(heard)
    assert told == {
        "whole": "on day seven he had twelve thousand sheep five",
        "begin": "on day seven he",
        "later": "had twelve thousand sheep five",
        "title": None,
        "aside": None,
        "silent": None,
        "half": None,
        "plain": "he had",
    }


def test_a_corpus_without_tables_knows_of_none(tmp_path):
    assert spoken_texts(tmp_path, ["swh"]) == {}


def test_a_pseudo_label_stays_as_its_teacher_wrote_it():
    spell = ClipSpeller(romanised=True)
    label = Clip("a", b"", 1.0, " çok  güzel ", {"star_sec": 0.0}, "tur", "unread")
    assert spell(label) == "çok güzel"
    assert spell(replace(label, text="")) == ""
