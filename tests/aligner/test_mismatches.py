"""Planted faults of spelling among invented words of invented readers."""

import random
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aligner.mismatches import (
    HeardWords,
    MiningConfig,
    Mismatch,
    Pattern,
    find_mismatches,
    written_form,
)
from schemas.errors import ConfigError

CONSONANTS, VOWELS = "bdfgklmnprst", "aeiou"


def vocabulary(count: int, seed: int = 1) -> list[str]:
    """Return distinct words of one to four syllables."""
    rng = random.Random(seed)
    words: dict[str, None] = {}
    while len(words) < count:
        syllables = rng.choice([1, 2, 2, 3, 4])
        word = "".join(rng.choice(CONSONANTS) + rng.choice(VOWELS)
                       for _ in range(syllables))  # fmt: skip
        words[word] = None
    return list(words)


def read_aloud(
    is_wrong: Callable[[str, int], bool],
    *,
    recordings: int = 6,
    count: int = 300,
    seed: int = 1,
    habits: float = 0.4,
) -> HeardWords:
    """Let readers of different clarity read; wrong words are much less sure.

    By their habits some spellings are less clear than others, everywhere.
    """
    words = vocabulary(200)
    rng = np.random.default_rng(seed)
    habit = rng.normal(0, habits, len(words))
    often = 1 / np.arange(1, len(words) + 1) ** 0.7
    spelling, recording, confidence = [], [], []
    for reader in range(recordings):
        drawn = rng.choice(len(words), count, p=often / often.sum())
        level = rng.normal(1.0, 0.8, count) + habit[drawn] + rng.normal(0, 1)
        level -= [3.0 * is_wrong(words[k], reader) for k in drawn]
        spelling += drawn.tolist()
        recording += [reader] * count
        confidence += (1 / (1 + np.exp(-level))).tolist()
    return HeardWords(
        tuple(words), np.array(spelling), np.array(recording), np.array(confidence)
    )


def found_in(words: HeardWords, **settings: float) -> list[Mismatch]:
    return list(find_mismatches(words, MiningConfig(**settings)))  # type: ignore[arg-type]


def texts(found: Sequence[Mismatch]) -> list[str]:
    return [mismatch.pattern.text for mismatch in found]


@pytest.mark.parametrize("seed", range(12))
def test_where_nothing_is_wrong_nothing_is_listed(seed):
    assert found_in(read_aloud(lambda word, reader: False, seed=seed)) == []


def test_by_chance_alone_few_lists_have_an_entry():
    """Even where the least difference between spellings would be told."""
    lists = [
        found_in(
            read_aloud(lambda word, reader: False, seed=seed, habits=0.0),
            min_effect=0.5,
            false_discovery_rate=0.05,
        )
        for seed in range(20)
    ]
    assert sum(map(bool, lists)) <= 4  # 1 expected; more than 4 of 20: p < 0.003


@pytest.mark.parametrize("letter", ["k", "o", "t"])
@pytest.mark.parametrize("recordings", [1, 6])
def test_a_letter_is_reported_and_not_the_words_that_have_it(letter, recordings):
    words = read_aloud(lambda word, reader: letter in word, recordings=recordings)
    (mismatch,) = found_in(words)
    assert mismatch.pattern == Pattern(letter, is_word=False)
    assert (mismatch.recordings, mismatch.low_recordings) == (recordings, recordings)
    has = [letter in words.spellings[k] for k in words.spelling_W]
    assert mismatch.count == sum(has)
    assert sorted(mismatch.words.tolist()) == np.flatnonzero(has).tolist()
    assert mismatch.effect > 0.9
    assert mismatch.p_value < 1e-4
    own = words.confidence_W[has]
    assert mismatch.confidence == pytest.approx(own.mean())
    assert np.array_equal(words.confidence_W[mismatch.words], np.sort(own))


def test_two_letters_together_are_reported_as_such():
    words = read_aloud(lambda word, reader: "ka" in word)
    assert texts(found_in(words)) == ["ka"]


def test_one_word_is_reported_as_a_word():
    common = vocabulary(200)[3]
    (mismatch,) = found_in(read_aloud(lambda word, reader: word == common))
    assert mismatch.pattern == Pattern(common, is_word=True)
    assert mismatch.spellings == 1


def test_two_faults_are_two_entries_and_the_larger_comes_first():
    words = read_aloud(lambda word, reader: "o" in word or "ki" in word)
    assert texts(found_in(words)) == ["o", "ki"]


def test_what_one_reader_does_is_no_fault_of_the_spelling():
    words = read_aloud(lambda word, reader: "k" in word and reader < 2, recordings=6)
    assert found_in(words) == []
    assert "k" not in texts(found_in(words, min_effect=0.5))


def test_what_one_recording_alone_has_is_no_fault_of_the_spelling():
    """Its words may be the text's own, as a name in one chapter is."""
    words = read_aloud(lambda word, reader: "k" in word)
    first = words.recording_W == 0
    kept = first | np.array(["k" not in words.spellings[s] for s in words.spelling_W])
    alone = HeardWords(
        words.spellings, words.spelling_W[kept], words.recording_W[kept],
        words.confidence_W[kept],
    )  # fmt: skip
    assert "k" not in texts(found_in(alone))
    by_itself = HeardWords(
        words.spellings, words.spelling_W[first], words.recording_W[first],
        words.confidence_W[first],
    )  # fmt: skip
    assert texts(found_in(by_itself)) == ["k"]


def test_a_poor_reader_or_recording_does_not_count():
    words = read_aloud(lambda word, reader: reader == 0)
    assert found_in(words) == []


def test_too_few_words_are_not_judged():
    rare = vocabulary(200)[50]
    words = read_aloud(lambda word, reader: word == rare)
    count = sum(words.spellings[k] == rare for k in words.spelling_W)
    assert 5 < count < 20
    assert found_in(words) == []
    assert texts(found_in(words, min_count=5)) == [rare]


def test_a_letter_that_comes_once_in_a_recording_is_found():
    words = read_aloud(lambda word, reader: "mu" in word, recordings=60, count=12)
    (mismatch,) = found_in(words)
    assert mismatch.pattern.text == "mu"
    assert 0.8 * mismatch.recordings < mismatch.low_recordings


def effect_by_pairs(words: HeardWords, has: np.ndarray) -> float:
    """Return how often a word with the pattern is less sure than one without."""
    low, high = words.confidence_W[has][:, None], words.confidence_W[~has][None]
    return float((low < high).mean() + (low == high).mean() / 2)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1000), letter=st.sampled_from("kamse"))
def test_the_effect_is_the_share_of_pairs_and_no_scale_matters(seed, letter):
    words = read_aloud(lambda w, r: letter in w, recordings=1, count=200, seed=seed)
    has = np.array([letter in words.spellings[k] for k in words.spelling_W])
    (mismatch, *_) = found_in(words, min_effect=0.5)
    assert mismatch.pattern.text == letter
    assert mismatch.effect == pytest.approx(effect_by_pairs(words, has))
    scaled = HeardWords(
        words.spellings, words.spelling_W, words.recording_W, words.confidence_W**3
    )
    assert found_in(scaled, min_effect=0.5)[0].p_value == mismatch.p_value


def test_no_words_have_no_mismatches():
    none = np.zeros(0, np.int64)
    assert found_in(HeardWords((), none, none, np.zeros(0))) == []


def test_letters_are_compared_as_one_code_and_in_lower_case():
    assert written_form("E\u0301TE\u0301") == "été"


@pytest.mark.parametrize(
    "wrong",
    [{"false_discovery_rate": 0.0}, {"min_effect": 1.0}, {"min_effect": 0.4},
     {"min_count": 1}],
)  # fmt: skip
def test_impossible_settings_are_refused(wrong):
    with pytest.raises(ConfigError, match="expected"):
        MiningConfig(**wrong)
