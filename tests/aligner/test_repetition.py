"""Repeated words, against a plain search."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aligner.repetition import repeated_share


@pytest.mark.parametrize(
    ("text", "share"),
    [
        ("Mvua ndogo inanyesha leo.", 0.0),
        ("Kweli, kweli nawaambia haya", 1 / 4),
        ("na na na na na", 4 / 5),
        ("na hii na hii na hii", 4 / 6),
        ("moja mbili tatu nne moja mbili tatu nne", 1 / 2),
        ("moja mbili tatu mbili", 0.0),
        ("Moja moja", 1 / 2),
        ("7 7", 1 / 2),
    ],
)
def test_words_that_were_just_said(text, share):
    assert repeated_share(text, "swh") == share


def test_clusters_are_words_where_there_are_no_spaces():
    assert repeated_share("慢慢走", "cmn") == 1 / 3


@pytest.mark.parametrize("text", ["", "?!", "..."])
def test_without_words_it_is_not_a_number(text):
    assert math.isnan(repeated_share(text, "swh"))


def plain_share(words: list[str]) -> float:
    marked = set()
    for start in range(len(words)):
        for length in range(1, start + 1):
            again = words[start : start + length]
            if len(again) == length and again == words[start - length : start]:
                marked.update(range(start, start + length))
    return len(marked) / len(words)


@given(words=st.lists(st.sampled_from("abc"), min_size=1, max_size=14))
def test_it_is_what_a_plain_search_finds(words):
    assert repeated_share(" ".join(words), "swh") == plain_share(words)
