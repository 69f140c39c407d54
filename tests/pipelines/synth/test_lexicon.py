"""Invented texts look like their language and depend on the seed alone."""

import random
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.synth.lexicon import (
    TRAINING_LANGUAGES,
    UNHEARD_LANGUAGES,
    invent_sentence,
    invent_word,
    invent_words,
    languages,
    load_lexicon,
)
from schemas.errors import ConfigError

codes = st.sampled_from(languages())
seeds = st.integers(0, 10**6)


def triples(word: str) -> set[str]:
    """Every three letters in a row, the word's edges being letters too."""
    padded = f"^^{word}$"
    return {padded[at : at + 3] for at in range(len(padded) - 2)}


@cache
def real_triples(code: str) -> frozenset[str]:
    return frozenset().union(*map(triples, load_lexicon(code).words))


@given(codes, seeds)
def test_an_invented_word_has_only_letter_sequences_of_real_ones(code, seed):
    lexicon = load_lexicon(code)
    word = invent_word(lexicon, random.Random(seed))
    # A word that grew too long is cut: only its end may be its own.
    assert all(t in real_triples(code) for t in triples(word) if not t.endswith("$"))
    assert 2 <= len(word) < 13


@given(codes, seeds, st.integers(1, 20))
def test_a_sentence_has_its_words_and_an_end(code, seed, count):
    sentence = invent_sentence(load_lexicon(code), count, random.Random(seed))
    assert len(sentence.split()) == count
    assert sentence[-1] in ".?!"
    assert sentence == sentence.strip()
    assert sentence == invent_sentence(load_lexicon(code), count, random.Random(seed))


def test_about_half_of_the_words_are_invented():
    lexicon = load_lexicon("fin")
    words = invent_words(lexicon, 2000, random.Random(0))
    real = sum(word in lexicon.words for word in words)
    assert 900 < real < 1300  # some inventions are words
    assert len(set(words)) > 500


def test_sentences_begin_with_a_capital_where_there_are_any():
    rng = random.Random(0)
    assert invent_sentence(load_lexicon("rus"), 3, rng)[0].isupper()
    georgian = invent_sentence(load_lexicon("kat"), 3, rng)
    assert georgian == georgian.lower()


def test_training_and_benchmark_languages_are_apart_and_known():
    assert not set(TRAINING_LANGUAGES) & set(UNHEARD_LANGUAGES)
    assert set(TRAINING_LANGUAGES) | set(UNHEARD_LANGUAGES) <= set(languages())


def test_an_unknown_language_is_refused_with_what_to_do():
    with pytest.raises(ConfigError, match=r"xyz: expected one of .* swh .*--text"):
        load_lexicon("xyz")
