import numpy as np
import pytest

from aligner.config import AlignConfig
from aligner.reading import plain_graph
from aligner.star_cost import star_level
from aligner.viterbi import forced_align
from tests.aligner.spoken import chapter_of, encoded_with_variants, spoken

VERSES = ("in a boat upon a river", "sat a quiet old man", "who fed his birds")


def level_of(text: float, silence: float, *, wrong_verses: int = 0) -> float | None:
    """Return the star's level where speech has these log-probabilities a frame."""
    config = AlignConfig(star_at_start=False)
    encoded, _ = encoded_with_variants(chapter_of(*VERSES), config)
    heard = spoken(*VERSES)
    emissions = heard.emissions.copy()
    for k, (start, end) in enumerate(heard.spans):
        inside = emissions[start:end]
        is_text = inside > -1
        inside[is_text] = text if k >= wrong_verses else -5.0
        inside[:, 0] = silence
    path = forced_align(heard.emissions, plain_graph(encoded).tokens)
    return star_level(emissions, path, encoded, 0)


def test_the_star_lies_a_quarter_of_the_way_from_text_to_blanks():
    # Of three frames two are letters, one is blank.
    read = (2 * -0.3 + -1.2) / 3
    assert level_of(-0.3, -1.2) == pytest.approx(read + (-1.2 - read) / 4, abs=0.02)


def test_one_wrong_verse_of_three_moves_nothing():
    assert level_of(-0.3, -1.2, wrong_verses=1) == pytest.approx(
        level_of(-0.3, -1.2), abs=0.02
    )


def test_where_blanks_are_as_likely_as_the_text_nothing_is_free():
    assert level_of(-0.8, -0.4) is None
    assert level_of(-0.5, -0.6) is None


def test_a_chapter_whose_verses_have_no_tokens_but_one_is_measured_by_that_one():
    config = AlignConfig(star_at_start=False)
    encoded, _ = encoded_with_variants(chapter_of("...", VERSES[0]), config)
    heard = spoken(VERSES[0])
    path = forced_align(heard.emissions, encoded.tokens)
    level = star_level(heard.emissions, path, encoded, 0)
    assert level is not None and np.isfinite(level)
