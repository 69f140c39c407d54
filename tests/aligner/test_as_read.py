import numpy as np
import pytest

from aligner.as_read import as_read, spoken_text
from aligner.normalise import normalise_verse
from schemas.alignment import (
    ChapterAlignment,
    EventKind,
    ReadingEvent,
    VerseAlignment,
    WordSpan,
)


@pytest.mark.parametrize(
    ("text", "changes", "said"),
    [
        ("and 12 men", [(4, 6, "twelve")], "and twelve men"),
        ("3-4 (Gen 1:1).", [(0, 1, "three"), (2, 3, "four"), (4, 13, "")],
         "three-four."),
        ("(Gen 1:1) so it was", [(0, 9, "")], "so it was"),
        ("so (Gen 1:1) it was", [(3, 12, "")], "so it was"),
    ],
)  # fmt: skip
def test_a_text_as_it_was_spoken(text, changes, said):
    assert spoken_text(text, changes) == said


def verse_of(text: str, unread: tuple[int, int]) -> VerseAlignment:
    words, at = [], 1.0
    for token in normalise_verse(text, "eng"):
        is_read = not unread[0] <= token.char_start < unread[1]
        times = (at, at + 0.3) if is_read else (float("nan"), float("nan"))
        span = token.char_start, token.char_end
        words.append(WordSpan(token.written, *times, -0.1, *span))
        at += 0.4
    return VerseAlignment(
        verse="1", text=text, romanised=" ".join(word.word.lower() for word in words),
        start_sec=1, end_sec=at, score=0, score_worst=0, words=tuple(words), stars=(),
    )  # fmt: skip


def alignment_of(verse: VerseAlignment, unread: str) -> ChapterAlignment:
    event = ReadingEvent(EventKind.UNREAD, "1", 1.5, 1.5, unread)
    return ChapterAlignment(
        recording_id="a", language="eng", duration_sec=9.0, verses=(verse,), stars=(),
        events=(event,), model="", frame_score=np.zeros(450, np.float32),
        level_db=np.zeros(900, np.float32), hop_samples=320,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "place", "expected"),
    [
        ("It is written (Isa 40:3): go", 14, "It is written: go"),
        ("(Isa 40:3) It is written", 0, "It is written"),
        ("(Isa 40:3) It is written (Isa 40:3).", 25, "(Isa 40:3) It is written."),
        ("(Isa 40:3) It is written (Isa 40:3).", 0, "It is written (Isa 40:3)."),
    ],
)
def test_words_that_were_passed_over_are_left_out(text, place, expected):
    verse = verse_of(text, (place, place + 10))
    (found,) = as_read(alignment_of(verse, "(Isa 40:3)")).verses
    assert found.text == expected
    timed = [word for word in verse.words if word.start_sec > 0]
    assert [word.word for word in found.words] == [word.word for word in timed]
    for word in found.words:
        assert found.text[word.char_start : word.char_end] == word.word
    assert len(found.romanised.split(" ")) == len(found.words)


def test_an_alignment_without_such_events_stays_as_it_is():
    verse = verse_of("It is written (Isa 40:3)", (0, 0))
    alignment = alignment_of(verse, "(Isa 40:3)")
    assert as_read(alignment).verses == (verse,)
