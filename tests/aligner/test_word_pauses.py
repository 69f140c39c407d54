"""Words torn by a pause, planted; and what mending leaves as it is."""

import numpy as np
import pytest

from aligner.chapter_path import best_chapter_path
from aligner.config import AlignConfig
from tests.aligner.spoken import (
    LABELS,
    Letters,
    Spoken,
    chapter_of,
    encoded_with_variants,
    read_chapter,
    spoken,
)

ONE, TWO = "in a boat upon a riverk", "sat a quiet old man"
HEADING = "kwizeljux qvubbop"
FREE = AlignConfig(star_at_start=False, free_star_log_prob=-0.5)


def with_weak_letter(heard: Spoken, verse: int, *, last: bool, nats: float) -> Spoken:
    """Make an utterance's first or last letter unlikely, blank likely."""
    emissions = heard.emissions.copy()
    start, end = heard.spans[verse]
    frames = slice(end - 2, end) if last else slice(start, start + 2)
    letter = int(emissions[frames][0].argmax())
    emissions[frames, letter] = -nats
    emissions[frames, 0] = -0.02
    return Spoken(emissions, heard.pauses, heard.spans)


def spans(heard: Spoken, config: AlignConfig, *verses: str) -> list[tuple[int, int]]:
    encoded, found = read_chapter(chapter_of(*verses), heard, config)
    return [
        (int(found.path.starts[own].min()), int(found.path.ends[own].max()))
        for own in (encoded.token_verse == k for k in range(len(verses)))
    ]


def test_a_last_letter_is_not_found_in_the_heading_after_the_pause():
    heard = with_weak_letter(spoken(ONE, HEADING, TWO), 0, last=True, nats=8)
    (start, end), after = spans(heard, FREE, ONE, TWO)
    assert start == heard.spans[0][0] and abs(end - heard.spans[0][1]) <= 5
    assert after == heard.spans[2]


def test_without_the_cost_it_would_be():
    heard = with_weak_letter(spoken(ONE, HEADING, TWO), 0, last=True, nats=8)
    encoded, variants = encoded_with_variants(chapter_of(ONE, TWO), FREE)
    no_pauses = best_chapter_path(
        heard.emissions, encoded, (), FREE, Letters(), variants
    )
    own = encoded.token_verse == 0
    assert no_pauses.path.ends[own].max() > heard.spans[1][0]


def test_the_star_takes_what_the_letter_leaves():
    heard = with_weak_letter(spoken(ONE, HEADING, TWO), 0, last=True, nats=8)
    _, found = read_chapter(chapter_of(ONE, TWO), heard, FREE)
    (event,) = found.reading.events
    start, end = heard.spans[1]
    assert abs(event.start_frame - start) <= 1 and abs(event.end_frame - end) <= 1
    heading = found.path.frames[start + 1 : end - 1]
    assert (heading >= len(LABELS)).all()


@pytest.mark.parametrize("nats", [8.0, 20.0])
def test_a_letter_that_was_said_after_the_pause_stays_there(nats):
    """Nothing on either side is worth the two strong halves of a word."""
    heard = spoken(TWO, "boats", "wain", TWO)
    emissions = heard.emissions.copy()
    (_, end), (start, _) = heard.spans[1:3]
    emissions[end:start, 0] = -nats / 100
    torn = Spoken(emissions, heard.pauses, heard.spans)
    found = spans(torn, FREE, TWO, "boatswain", TWO)
    assert found == [
        heard.spans[0], (heard.spans[1][0], heard.spans[2][1]), heard.spans[3]
    ]  # fmt: skip


def test_the_score_is_that_of_the_path():
    heard = with_weak_letter(spoken(ONE, HEADING, TWO), 0, last=True, nats=8)
    config = AlignConfig(
        star_at_start=False, star_between_verses=False, star_at_end=False,
        omissions=False, repeats=False, asides=False, number_forms=False,
        unread_references=False,
    )  # fmt: skip
    encoded, found = read_chapter(chapter_of(ONE, HEADING, TWO), heard, config)
    path = found.path
    summed = heard.emissions[np.arange(len(path.frames)), path.frames].sum()
    paid = summed - path.score  # costs of the verses' starts, none where a pause ends
    assert 0 <= paid < 20
    read = np.flatnonzero(path.tokens >= 0)
    assert (path.frames[read] == encoded.tokens[path.tokens[read]]).all()
