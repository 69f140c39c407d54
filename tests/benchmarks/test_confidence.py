import random

import numpy as np
import pytest

from benchmarks.confidence import (
    Judged,
    area_under_curve,
    half_word,
    other_word,
    rank_figures,
    spoiled,
)
from schemas.source import Chapter, Verse
from tests.builders import make_chapter, spoken


def test_the_area_is_the_share_of_pairs_in_order():
    values = np.array([0.9, 0.5, 0.5, 0.1, np.nan])
    wrong = np.array([False, False, True, True, True])
    assert area_under_curve(values, wrong) == (1 + 1 + 0.5 + 1) / 4
    assert area_under_curve(values, ~wrong) == 0.5 / 4


def test_a_spoiled_text_differs_in_the_words_that_are_marked():
    verses = tuple(Verse(str(n), "Mvua 7 ndogo, kubwa haba.") for n in range(20))
    chapter = Chapter(language="swh", verses=verses)
    for spoil in (other_word, half_word):
        changed, wrong = spoiled(chapter, 1, spoil, share=0.5)
        assert 10 < sum(map(sum, wrong)) < 70
        for verse, marks in zip(changed.verses, wrong, strict=True):
            words = verse.text.replace(",", "").replace(".", "").split()
            old = "Mvua 7 ndogo kubwa haba".split()
            differs = [a != b for a, b in zip(words, old, strict=True)]
            assert differs == marks
            assert not marks[1]


def test_no_other_word_is_none():
    rng = random.Random(0)
    assert other_word("ndogo", ["Ndogo", "a"], rng) is None
    assert half_word("nne", [], rng) is None


def test_figures_of_words_and_verses():
    verses = make_chapter([spoken("moja mbili"), spoken("tatu")]).verses
    words = [word for verse in verses for word in verse.words]
    judged = Judged(
        tuple(zip(words, [True, False, False], strict=True)),
        tuple(zip(verses, [True, False], strict=True)),
    )
    found = {figure.name: figure.value for figure in rank_figures(judged, "case")}
    assert found["wrong words"] == 1
    assert found["words, score"] == pytest.approx(0.5)
    assert set(found) == {
        "wrong words", "words, score", "words, confidence", "verses, score",
        "verses, score_worst", "verses, confidence",
    }  # fmt: skip
