"""Runs of letters on one line, counted the slow way."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from aligner.sieve import BAND, RUN, LetterIndex

letters = st.lists(st.integers(1, 3), max_size=60).map(lambda x: np.array(x, np.int32))


def matches_by_hand(text: np.ndarray, heard: np.ndarray) -> int:
    """Return the most equal runs in any two neighbouring bands of lines."""
    runs = max(0, len(heard) - RUN + 1)
    lines = [
        place - at + runs
        for at in range(runs)
        for place in range(len(text) - RUN + 1)
        if (text[place : place + RUN] == heard[at : at + RUN]).all()
    ]
    bands = [line // BAND for line in lines]
    return max(
        (bands.count(band) + bands.count(band + 1) for band in range(-1, 100)),
        default=0,
    )


@settings(deadline=None)
@given(texts=st.lists(letters, max_size=5), heard=letters)
def test_every_text_has_as_many_matches_as_by_hand(texts, heard):
    found = LetterIndex.of(texts, 4).matches(heard)
    assert found.tolist() == [matches_by_hand(text, heard) for text in texts]


def test_the_text_that_was_heard_badly_comes_first():
    rng = np.random.default_rng(3)
    texts = [rng.integers(1, 27, 2000).astype(np.int32) for _ in range(150)]
    for read in (0, 17, 149):
        heard = texts[read][700:880].copy()
        wrong = rng.random(len(heard)) < 0.45
        heard[wrong] = rng.integers(1, 27, wrong.sum())
        heard = heard[rng.random(len(heard)) > 0.05]
        assert LetterIndex.of(texts, 27).matches(heard).argmax() == read
