"""What was heard against what is written: planted speech, and brute force."""

import functools
import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from aligner.emissions import read_columns
from aligner.second_opinion import (
    Transcriber,
    character_error_rate,
    edge_error_rate,
    with_opinion,
)
from schemas.alignment import WordSpan
from schemas.segment import Segment
from schemas.units import FRAME_SAMPLES, sec_from_frames
from tests.aligner.spoken import SEPARATED, Letters
from tests.builders import make_segment

_PAUSE_FRAMES = 6
Words = Sequence[tuple[str, str]]
"""What is written and what is said in its place; "" is not said and has no time."""


def edits(written: str, heard: str) -> int:
    """Count the fewest edits, by trying all of them."""

    @functools.cache
    def rest(i: int, j: int) -> int:
        if i == len(written) or j == len(heard):
            return len(written) - i + len(heard) - j
        exchanged = rest(i + 1, j + 1) + (written[i] != heard[j])
        return min(exchanged, rest(i + 1, j) + 1, rest(i, j + 1) + 1)

    return rest(0, 0)


def read(
    words: Words,
    model: Letters = SEPARATED,
    *,
    language: str = "eng",
    before: str = "",
    after: str = "",
) -> tuple[Segment, np.ndarray]:
    """Say the words, one a stretch, and return their segment and the best columns.

    What is said before and after the segment's words is inside of it, too.
    """
    best: list[int] = [model.blank] * 50  # the recording begins long before
    start_frame = len(best)
    text, spans = "", []

    def say(letters: str) -> tuple[float, float]:
        best.extend([model.blank] * _PAUSE_FRAMES)
        start = len(best)
        for letter in letters:
            best.extend([model.labels.index(letter)] * 2 + [model.blank])
        end = len(best)
        if model.word_separator is not None:
            best.append(model.word_separator)
        return sec_from_frames(start), sec_from_frames(end)

    say(before)
    for written, said in words:
        place = len(text), len(text) + len(written)
        times = say(said) if said else (math.nan, math.nan)
        spans.append(WordSpan(written, *times, -0.1, *place))
        text += f"{written} "
    say(after)
    segment = make_segment(
        sec_from_frames(start_frame),
        sec_from_frames(len(best)),
        language=language,
        text=text.strip(),
        words=tuple(spans),
    )
    best += [model.labels.index(model.labels[-1])] * 20  # another segment's speech
    return segment, np.array(best)


def opinion(
    words: Words, model: Letters = SEPARATED, **more: str
) -> tuple[float, float]:
    segment, best_T = read(words, model, **more)
    transcriber = Transcriber.of(model, segment.language)
    judged = with_opinion(segment, best_T, transcriber, FRAME_SAMPLES)
    return judged.cer, judged.edge_cer


def as_written(*words: str) -> Words:
    return [(word, word.lower()) for word in words]


def test_words_that_were_said_as_they_are_written():
    for model in (Letters(), SEPARATED):
        assert opinion(as_written("Rain", "falls", "slowly"), model) == (0.0, 0.0)


def test_a_letter_that_was_heard_otherwise():
    assert opinion([("rain", "rajn"), ("falls", "falls")]) == (
        round(1 / 9, 5),
        round(1 / 9, 5),
    )


@pytest.mark.parametrize("said", ["seven", "saba"])
def test_a_number_may_be_read_in_any_form(said: str):
    """Wherever it stands, it and what was said in its place are left out."""
    words = as_written("in", "the", "year", "of", "rain")
    for place in range(len(words) + 1):
        assert opinion([*words[:place], ("7", said), *words[place:]]) == (0.0, 0.0)


def test_numbers_and_endings_that_share_a_star():
    (segment, best_T) = read(
        [*as_written("on", "the"), ("7", "seventh"), ("day", "day")]
    )
    seventh = segment.words[2]
    ending = WordSpan("th", seventh.start_sec, seventh.end_sec, math.nan, 0, 2)
    words = (*segment.words[:3], ending, segment.words[3])
    segment = make_segment(segment.start_sec, segment.end_sec, words=words)
    judged = with_opinion(
        segment, best_T, Transcriber.of(SEPARATED, "eng"), FRAME_SAMPLES
    )
    assert (judged.cer, judged.edge_cer) == (0.0, 0.0)


def test_a_word_that_the_model_cannot_write_is_left_out():
    greek = Letters(labels=("", *"αβγδεηιλμνοπρστυχ"), romanised=False)
    words = [*as_written("νερο", "και"), ("web", "παπ"), *as_written("γη")]
    words[1] = ("και", "ααι")  # its letter κ has no column
    assert opinion(words, greek, language="ell") == (round(1 / 8, 5), round(1 / 8, 5))


def test_a_word_that_was_passed_over_is_missed():
    cer, edge_cer = opinion([*as_written("rain", "falls"), ("upon", "")])
    assert cer == round(4 / 13, 5)
    assert edge_cer == round(4 / 9, 5)


@pytest.mark.parametrize("edge", ["before", "after"])
def test_speech_that_is_not_written_shows_at_its_edge(edge: str):
    words = as_written("slowly", "falls", "the", "gentle", "warm", "rain", "today")
    cer, edge_cer = opinion(words, **{edge: "and"})
    assert cer == round(3 / 33, 5)
    assert edge_cer == round(3 / {"before": 11, "after": 9}[edge], 5)


def test_faults_inside_do_not_show_at_the_edges():
    words = as_written("slowly", "falls", "the", "rain", "today")
    words[2] = ("the", "a")
    cer, edge_cer = opinion(words)
    assert cer > 0
    assert edge_cer == 0


def test_nothing_written_is_no_opinion():
    for segment in (
        read([("7", "seven")])[0],
        make_segment(text="", romanised="", words=()),
    ):
        judged = with_opinion(
            segment,
            np.zeros(500, np.int64),
            Transcriber.of(SEPARATED, "eng"),
            FRAME_SAMPLES,
        )
        assert math.isnan(judged.cer)
        assert math.isnan(judged.edge_cer)


def test_texts_of_other_scripts_are_compared_in_the_models_letters():
    assert opinion([("Дождь", "dozhd"), ("идет", "idet")], language="rus") == (0.0, 0.0)
    han = Letters(labels=("", *"天地玄黄"), romanised=False)
    assert opinion(as_written(*"天地玄黄"), han, language="cmn") == (0.0, 0.0)
    assert opinion([(c, c) for c in "天玄地黄"], han, language="cmn") == (0.0, 0.0)


def test_capital_letters_of_a_vocabulary_are_no_other_letters():
    capitals = Letters(labels=("", *"ABCDEaF", "'"), romanised=True)
    assert opinion([("bade", "BADE"), ("Café", "CAFE")], capitals) == (0.0, 0.0)


letters = st.text("abc", max_size=9)


@given(letters, letters)
@example("", "a")
def test_the_error_rate_counts_the_fewest_edits(written: str, heard: str):
    found = character_error_rate(written, heard)
    if written:
        assert found == edits(written, heard) / len(written)
    else:
        assert math.isnan(found)


def slow_edge_rate(words: Sequence[str], heard: str) -> float:
    """Try every beginning of what was heard for the opening, and every end."""
    rates = []
    for in_order, whole in ((list(words), heard), (list(words)[::-1], heard[::-1])):
        spelt = [w if whole is heard else w[::-1] for w in in_order if w]
        count = next(
            (k for k in range(2, len(spelt)) if len("".join(spelt[:k])) >= 8),
            len(spelt),
        )
        edge = "".join(spelt[:count])
        fits = [edits(edge, whole[:end]) for end in range(len(whole) + 1)]
        rates.append(min(fits) / len(edge))
    return max(rates)


@given(st.lists(st.text("abc", max_size=6), max_size=6), st.text("abc", max_size=25))
def test_edges_against_all_fits(words: list[str], heard: str):
    found = edge_error_rate(words, heard)
    if any(words):
        assert found == pytest.approx(slow_edge_rate(words, heard))
        assert 0 <= found <= 1
    else:
        assert math.isnan(found)


@given(st.lists(st.text("abc", min_size=1, max_size=6), min_size=1, max_size=6))
def test_what_is_read_as_it_is_written_has_no_errors(words: list[str]):
    text = "".join(words)
    assert edge_error_rate(words, text) == character_error_rate(text, text) == 0


@given(
    st.lists(st.text("abc", min_size=1, max_size=6), min_size=1, max_size=6),
    st.text("abc", max_size=25),
)
def test_edges_are_the_same_read_backwards(words: list[str], heard: str):
    backwards = [word[::-1] for word in reversed(words)]
    assert edge_error_rate(words, heard) == edge_error_rate(backwards, heard[::-1])


@given(st.lists(st.integers(0, 3), max_size=30))
def test_letters_are_those_of_the_best_path(best: list[int]):
    labels = ("", "a", "b", "c")
    transcriber = Transcriber.of(Letters(labels=labels), "eng")
    best_T = np.array(best, np.int64)
    assert transcriber.heard(best_T) == read_columns(best_T, labels, 0)
