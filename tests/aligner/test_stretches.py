import math

from aligner.spelling import Speller
from aligner.stretches import stretches_of
from schemas.alignment import WordSpan
from tests.aligner.spoken import LABELS, Letters
from tests.builders import make_segment

SPELLER = Speller.of(Letters(), "swh")  # type: ignore[arg-type]


def segment(*words: tuple[str, float, float]):
    """Return a segment from 10 to 14 s with words and their times."""
    text, spans = "", []
    for word, start_sec, end_sec in words:
        text = f"{text} {word}" if text else word
        place = len(text) - len(word), len(text)
        spans.append(WordSpan(word, start_sec, end_sec, -0.1, *place))
    return make_segment(
        start_sec=10.0, end_sec=14.0, text=text, words=tuple(spans), language="swh"
    )


def spelt(found):
    return [
        (
            stretch.start_frame,
            stretch.end_frame,
            " ".join("".join(LABELS[t] for t in word) for word in stretch.words),
        )
        for stretch in found
    ]


def test_without_numbers_there_is_one_stretch_of_all_frames():
    words = ("Mvua", 10.1, 11.0), ("ndogo", 11.2, 12.0), ("haba", 12.5, 13.8)
    found = stretches_of(segment(*words), SPELLER, 320, 9000)
    assert spelt(found) == [(500, 700, "mvua ndogo haba")]


def test_numbers_part_the_words_and_their_frames_are_left_out():
    words = [
        *(("Mvua", 10.1, 11.0), ("12", 11.2, 12.0), ("ndogo", 12.1, 12.6)),
        *(("haba", 12.6, 13.0), ("7", 13.2, 13.8)),
    ]
    found = stretches_of(segment(*words), SPELLER, 320, 9000)
    assert spelt(found) == [(500, 560, "mvua"), (600, 660, "ndogo haba")]


def test_a_number_without_times_leaves_its_frames_to_the_words_after_it():
    words = ("Mvua", 10.1, 11.0), ("12", math.nan, math.nan), ("ndogo", 12.1, 13.6)
    found = stretches_of(segment(*words), SPELLER, 320, 9000)
    assert spelt(found) == [(500, 550, "mvua"), (550, 700, "ndogo")]


def test_words_without_letters_are_left_out_and_the_end_is_that_of_the_audio():
    words = ("Mvua", 10.1, 11.0), ("☃", 11.2, 12.0), ("ndogo", 12.1, 13.6)
    found = stretches_of(segment(*words), SPELLER, 320, 680)
    assert spelt(found) == [(500, 680, "mvua ndogo")]
    assert stretches_of(segment(("5", 10.0, 14.0)), SPELLER, 320, 9000) == []
