"""ARPA files against KenLM, as flashlight-text brings it along."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.decoding.arpa import (
    are_letters,
    letters_of,
    read_arpa,
    read_words,
    write_arpa,
)
from models.decoding.ngram import NgramConfig, estimate_ngrams
from schemas.errors import ArtifactError

SENTENCES = [
    "the old boat drifts past the island".split(),
    "the island is old".split(),
    "past the old mill the boat drifts".split(),
    "the mill is past the island".split(),
]


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("arpa") / "lm.arpa"
    write_arpa(estimate_ngrams(SENTENCES, NgramConfig(order=4)), path)
    return path


@pytest.fixture(scope="module")
def kenlm(path):
    """Scores a sentence, to base 10, with its end."""
    module = pytest.importorskip("flashlight.lib.text.decoder.kenlm")
    dictionary = pytest.importorskip("flashlight.lib.text.dictionary").Dictionary
    words = dictionary([*read_words(path), "<unk>"])
    model = module.KenLM(str(path), words)

    def score(sentence) -> float:
        known = [word if words.contains(word) else "<unk>" for word in sentence]
        state, total = model.start(False), 0.0
        for word in known:
            state, log10_prob = model.score(state, words.get_index(word))
            total += log10_prob
        return total + model.finish(state)[1]

    return score


@given(
    st.lists(
        st.sampled_from("the old boat drifts past island is mill windmill".split()),
        max_size=8,
    )
)
def test_kenlm_scores_sentences_as_we_do(path, kenlm, sentence):
    ours = read_arpa(path).sentence_log_prob(sentence)
    assert ours == pytest.approx(kenlm(sentence) * math.log(10), rel=1e-5)


def test_the_words_of_a_file(path):
    words = sorted({word for text in SENTENCES for word in text})
    assert read_words(path) == read_arpa(path).words == words
    assert not are_letters(words)


def test_texts_are_scored_in_the_units_of_the_model(tmp_path):
    for is_joined in (False, True):
        units = [letters_of(text, is_joined=is_joined) for text in SENTENCES]
        write_arpa(estimate_ngrams(units, NgramConfig(order=3)), tmp_path / "l.arpa")
        model = read_arpa(tmp_path / "l.arpa")
        assert are_letters(model.words)
        expected = model.sentence_log_prob(units[1])
        assert model.text_log_prob("the island is old") == expected
        assert model.text_log_prob("eht dnalsi si dlo") < expected


@pytest.mark.parametrize(
    ("content", "got"),
    [
        ("", "no \\\\end"),
        ("hello\n", "no \\\\end"),
        ("\\data\\\n\\end\\\n", "no n-grams"),
        ("\\data\\\n\\1-grams:\n-1.0\ta\n", "no \\\\end"),
        ("\\data\\\n\\1-grams:\n-1.0\n\\end\\\n", "'-1.0' among 1-grams"),
        ("\\data\\\n\\1-grams:\nx\ta\n\\end\\\n", "'x a'"),
        ("\\data\\\n\\1-grams:\n-1\ta\t0\t0\n\\end\\\n", "'-1 a 0 0' among 1-grams"),
    ],
)
def test_files_that_are_no_models(tmp_path, content, got):
    (tmp_path / "bad.arpa").write_text(content)
    with pytest.raises(ArtifactError, match=got):
        read_arpa(tmp_path / "bad.arpa")


def test_a_file_of_bytes_and_a_missing_one(tmp_path):
    (tmp_path / "bad.arpa").write_bytes(b"\\data\\\n\\1-grams:\n\xff\xfe")
    with pytest.raises(ArtifactError, match="no UTF-8"):
        read_arpa(tmp_path / "bad.arpa")
    with pytest.raises(ArtifactError, match="no language model here"):
        read_words(tmp_path / "none.arpa")
