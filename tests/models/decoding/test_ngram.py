"""Estimates against their definition, a sum over all words, and arithmetic by hand."""

import itertools
from collections import Counter
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.decoding.arpa import NgramModel, read_arpa, write_arpa
from models.decoding.ngram import (
    END,
    START,
    UNKNOWN,
    NgramConfig,
    count_ngrams,
    estimate_ngrams,
)
from schemas.errors import ConfigError

RIVER = ["the river is wide", "the river is deep", "the sea is wide and deep"]
texts = st.lists(st.lists(st.sampled_from("abcd"), max_size=7), min_size=1, max_size=12)
configs = st.builds(
    NgramConfig,
    order=st.integers(1, 4),
    prune=st.sampled_from([(), (0, 1), (0, 0, 1), (0, 1, 2)]),
)


def model_of(sentences, config: NgramConfig, folder) -> NgramModel:
    write_arpa(estimate_ngrams(sentences, config), folder / "lm.arpa")
    return read_arpa(folder / "lm.arpa")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("arpa")


@settings(max_examples=40)
@given(texts.filter(any), configs)
def test_after_every_context_the_probabilities_sum_to_one(folder, sentences, config):
    model = model_of(sentences, config, folder)
    words = {word for text in sentences for word in text}
    for length in range(model.order):
        for context in itertools.product([START, *words, UNKNOWN], repeat=length):
            total = sum(
                10 ** model.log10_prob(word, context) for word in (*words, UNKNOWN, END)
            )
            assert total == pytest.approx(1, abs=2e-6)  # seven decimals in the file


class Definition:
    """The formulas as they are written, with dictionaries and a recursion."""

    def __init__(self, sentences, config: NgramConfig) -> None:
        padded = [(START, *text, END) for text in sentences if text]
        self.config = config
        self.order = min(config.order, max(map(len, padded)))
        self.count = Counter(
            text[at : at + length]
            for text in padded
            for length in range(1, self.order + 1)
            for at in range(len(text) - length + 1)
        )
        self.words = {word for text in padded for word in text} - {START}

    def adjusted(self, ngram) -> int:
        if len(ngram) == self.order or ngram[0] == START:
            return 0 if ngram == (START,) else self.count[ngram]
        longer = [g for g in self.count if len(g) == len(ngram) + 1 and g[1:] == ngram]
        return len(longer)

    def discount(self, length: int, count: int) -> float:
        seen = Counter(self.adjusted(g) for g in self.count if len(g) == length)
        fallback = {0: 0, 1: 0.5, 2: 1.0, 3: 1.5}
        if any(seen[k] == 0 for k in (1, 2, 3, 4)):
            return fallback[min(count, 3)]
        y = Fraction(seen[1], seen[1] + 2 * seen[2])
        table = {k: k - (k + 1) * y * Fraction(seen[k + 1], seen[k]) for k in (1, 2, 3)}
        if not all(0 <= value <= k for k, value in table.items()):
            return fallback[min(count, 3)]
        return float(table[min(count, 3)]) if count else 0.0

    def prob(self, word: str, context: tuple[str, ...]) -> float:
        if len(context) >= self.order:
            return self.prob(word, context[1:])
        length = len(context) + 1
        after = {w: self.adjusted((*context, w)) for w in self.words}
        total = sum(after.values())
        if not total:
            return self.prob(word, context[1:])
        threshold = self.config.threshold(length)
        left = {
            w: max(0.0, count - self.discount(length, count))
            if self.count[(*context, w)] > threshold
            else 0.0
            for w, count in after.items()
        }
        shorter = self.prob(word, context[1:]) if context else 1 / (len(self.words) + 1)
        return (left.get(word, 0.0) + (total - sum(left.values())) * shorter) / total


@settings(max_examples=30)
@given(texts.filter(any), configs, st.data())
def test_probabilities_are_those_of_the_definition(folder, sentences, config, data):
    model = model_of(sentences, config, folder)
    definition = Definition(sentences, config)
    assert model.order <= definition.order
    words = st.sampled_from([*sorted(definition.words - {END}), UNKNOWN])
    for _ in range(10):
        context = tuple(data.draw(st.lists(words, max_size=model.order - 1)))
        if data.draw(st.booleans()):
            context = (START, *context)[: model.order - 1]
        word = data.draw(st.one_of(words, st.just(END)))
        expected = definition.prob(word, context)
        assert 10 ** model.log10_prob(word, context) == pytest.approx(
            expected, rel=1e-5
        )


def test_an_example_worked_by_hand(tmp_path):
    """Bigrams of three sentences; counts of 4 are missing, so 0.5, 1 and 1.5 are taken.

    Words by what they follow: the 1 (only the start), river 1, sea 1, is 2 (river,
    sea), wide 1, deep 2 (is, and), and 1, the end 2 (wide, deep); 11 in all. 5 x 0.5 +
    3 x 1 = 5.5 are taken from them and given to 9 words, the unknown one among them.
    """
    model = model_of([text.split() for text in RIVER], NgramConfig(order=2), tmp_path)
    equal = Fraction(11, 2) / 11 / 9
    once, twice = Fraction(1, 2) / 11 + equal, Fraction(1, 11) + equal
    # "is" is followed by wide twice and deep once: 1 and 0.5 are taken of 3.
    after_is = Fraction(3, 2) / 3
    # The start is followed by "the" three times: 1.5 of 3.
    after_start = Fraction(3, 2) / 3
    expected = {
        ("wide", "is"): Fraction(1, 3) + after_is * once,
        ("deep", "is"): Fraction(1, 2) / 3 + after_is * twice,
        ("river", "is"): after_is * once,
        (UNKNOWN, "is"): after_is * equal,
        ("the", START): Fraction(3, 2) / 3 + after_start * once,
        (END, "nothing"): twice,
    }
    for (word, context), prob in expected.items():
        found = 10 ** model.log10_prob(word, [context])
        assert found == pytest.approx(float(prob), rel=1e-6)


def test_discounts_come_from_counts_of_counts(tmp_path):
    """Of single words: 4, 3, 2 and 1 are seen 1, 2, 3 and 4 times.

    Y = 4 / (4 + 6) = 0.4, so that 1 - 2 Y 3/4 = 0.4, 2 - 3 Y 2/3 = 1.2 and
    3 - 4 Y 1/2 = 2.2 are taken. The end is the one that is seen 4 times.
    """
    sentences = ["a e h", "b e h", "c f i", "d f g g i h i"]
    model = model_of([t.split() for t in sentences], NgramConfig(order=1), tmp_path)
    total = 4 * 1 + 3 * 2 + 2 * 3 + 4
    equal = (4 * 0.4 + 3 * 1.2 + 3 * 2.2) / total / 11
    for word, count, taken in (("a", 1, 0.4), ("e", 2, 1.2), ("h", 3, 2.2)):
        found = 10 ** model.log10_prob(word, [])
        assert found == pytest.approx((count - taken) / total + equal, rel=1e-6)
    assert 10 ** model.log10_prob(END, []) == pytest.approx(1.8 / total + equal)


@given(texts.filter(any), st.integers(2, 4))
def test_counts_are_those_of_a_loop(sentences, order):
    words, counted = count_ngrams(sentences, order)
    for length, ngrams in enumerate(counted, 1):
        expected = Counter(
            padded[at : at + length]
            for text in sentences
            if text
            for padded in [(START, *text, END)]
            for at in range(len(padded) - length + 1)
        )
        assert sum(ngrams.count_K) == sum(expected.values())
        assert sorted(c for c in ngrams.count_K if c) == sorted(expected.values())
    assert words[:3] == (UNKNOWN, START, END)


def test_equal_texts_give_equal_files_in_the_order_of_words(tmp_path):
    sentences = [text.split() for text in RIVER]
    write_arpa(estimate_ngrams(sentences, NgramConfig()), tmp_path / "a.arpa")
    write_arpa(estimate_ngrams(reversed(sentences), NgramConfig()), tmp_path / "b.arpa")
    text = (tmp_path / "a.arpa").read_text()
    assert text == (tmp_path / "b.arpa").read_text()
    assert text.index("\tand\t") < text.index("\tdeep\t") < text.index("\tis\t")


def test_pruning_leaves_out_rare_ngrams(tmp_path):
    sentences = [text.split() for text in RIVER]
    model = model_of(sentences, NgramConfig(order=3, prune=(0, 1)), tmp_path)
    kept = {" ".join(ngram) for ngram in model.entries if len(ngram) > 1}
    assert kept == {
        *("<s> the", "the river", "river is", "is wide", "deep </s>"),
        *("<s> the river", "the river is"),
    }


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"order": 0}, "expected 1 to 6, got 0"),
        ({"order": 7}, "expected 1 to 6, got 7"),
        ({"prune": (0, 2, 1)}, "do not fall"),
        ({"prune": (1, 1)}, "expected 0 for single words"),
    ],
)
def test_settings_that_cannot_be(settings, message):
    with pytest.raises(ConfigError, match=message):
        NgramConfig(**settings)


@pytest.mark.parametrize("sentences", [[], [[]], [["a", "<s>"]]])
def test_texts_that_cannot_be(sentences):
    with pytest.raises(ConfigError, match="expected sentences without <unk>"):
        estimate_ngrams(sentences, NgramConfig())
