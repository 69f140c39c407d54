from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from pipelines.report.cards import make_card, wave_path
from schemas.alignment import WordSpan
from tests.builders import NAN, make_segment

spans = st.tuples(st.integers(0, 30), st.integers(0, 30))


@given(st.text(max_size=30), st.lists(spans, max_size=6))
def test_pieces_are_the_whole_text_whatever_the_words_say(text, places):
    words = tuple(
        WordSpan("x", 1.0, 2.0, 0.0, min(a, len(text)), min(b, len(text)))
        for a, b in places
    )
    card = make_card(make_segment(text=text, words=words), "", True, "", ())
    assert "".join(piece.text for piece in card.pieces) == text


def test_words_have_times_in_the_clip():
    card = make_card(make_segment(10.0, 13.0), "", True, "", ())
    marked = [piece for piece in card.pieces if piece.start_sec is not None]
    assert [(p.text, p.start_sec, p.end_sec) for p in marked] == [
        ("Mvua", 0.1, 0.5),
        ("ndogo", 0.6, 2.9),
    ]
    assert marked[0].told == "score −0.050, confidence 0.750"
    assert [piece.is_unsure for piece in marked] == [False, False]
    assert card.pieces[-1].text == "."


def test_a_word_without_a_time_is_text():
    segment = make_segment()
    silent = replace(segment.words[0], start_sec=NAN, end_sec=NAN)
    doubtful = replace(segment.words[1], confidence=0.2)
    card = make_card(
        replace(segment, words=(silent, doubtful)), "rejected", False, "", ()
    )
    assert [(p.text, p.is_unsure) for p in card.pieces] == [
        ("Mvua ", False),
        ("ndogo", True),
        (".", False),
    ]


def test_only_measured_numbers_are_told():
    names = [name for name, _ in make_card(make_segment(), "", True, "", ()).measures]
    assert {"score", "trust", "CER"} <= set(names)
    blank = make_segment(trust=NAN, cer=NAN)
    names = [name for name, _ in make_card(blank, "", True, "", ()).measures]
    assert not {"trust", "CER"} & set(names)


def test_a_waveform_is_a_line_for_each_column():
    assert wave_path((100, 0, 50)) == "M0 0v100M1 49.5v1M2 25v50"
