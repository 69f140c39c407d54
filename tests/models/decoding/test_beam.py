"""The search against all texts and all paths of a few frames."""

import itertools
import math
import sys

import numpy as np
import pytest

from models.decoding.arpa import letters_of, read_arpa, write_arpa
from models.decoding.beam import BeamDecoder
from models.decoding.greedy import collapsed, decoded_columns, greedy_text, text_of
from models.decoding.ngram import NgramConfig, estimate_ngrams
from models.vocabulary import Vocabulary
from schemas.errors import ArtifactError, ConfigError

pytest.importorskip("flashlight.lib.text")

JOINED = Vocabulary(("", "a", "b"), 0, None)
WITH_WORDS = Vocabulary(("a", "|", "", "b", "<unk>"), 2, 1)
TEXTS = [text.split() for text in ("a ab b", "ab a", "ba b a", "ab ab", "bba a b")]
WIDE = 100_000


def emissions(frames: int, columns: int, seed: int) -> np.ndarray:
    rows = np.random.default_rng(seed).standard_normal((frames, columns)) * 1.5
    return (rows - np.logaddexp.reduce(rows, axis=1, keepdims=True)).astype(np.float32)


def all_texts(log_probs_TC: np.ndarray, vocabulary: Vocabulary) -> dict[tuple, float]:
    """What every sequence of columns is worth: the sum over all its paths."""
    worth: dict[tuple, float] = {}
    columns = decoded_columns(vocabulary)
    for path in itertools.product(columns, repeat=len(log_probs_TC)):
        written = tuple(collapsed(np.array(path), vocabulary.blank).tolist())
        score = sum(log_probs_TC[t, column] for t, column in enumerate(path))
        worth[written] = np.logaddexp(worth.get(written, -math.inf), score)
    return worth


def letters_model(folder, *, is_joined: bool):
    units = [letters_of(text, is_joined=is_joined) for text in TEXTS]
    write_arpa(estimate_ngrams(units, NgramConfig(order=3)), folder / "letters.arpa")
    return folder / "letters.arpa"


def words_model(folder):
    write_arpa(estimate_ngrams(TEXTS, NgramConfig(order=2)), folder / "words.arpa")
    return folder / "words.arpa"


@pytest.mark.parametrize("alpha", [0.0, 0.7, 2.0])
@pytest.mark.parametrize("beta", [0.0, 1.3, -0.8])
@pytest.mark.parametrize("vocabulary", [JOINED, WITH_WORDS])
def test_letters_are_the_best_of_all_texts(tmp_path, vocabulary, alpha, beta):
    path = letters_model(tmp_path, is_joined=vocabulary is JOINED)
    lm = read_arpa(path)
    decoder = BeamDecoder(vocabulary, path, alpha, beta, WIDE)
    for seed in range(3):
        log_probs_TC = emissions(6, len(vocabulary.labels), seed)
        worth = {
            columns: score
            + alpha * lm.sentence_log_prob([vocabulary.labels[c] for c in columns])
            + beta * len(columns)
            for columns, score in all_texts(log_probs_TC, vocabulary).items()
        }
        best = max(worth, key=worth.__getitem__)
        text, score = decoder.decode(log_probs_TC)
        assert text == text_of(best, vocabulary)
        assert score == pytest.approx(worth[best], abs=1e-3)


def test_without_a_language_model_the_likeliest_text_wins():
    """It need not be that of the best path."""
    log_probs_TC = np.log([[0.4, 0.3, 0.3], [0.4, 0.35, 0.25]]).astype(np.float32)
    assert greedy_text(log_probs_TC, JOINED) == ""
    text, score = BeamDecoder(JOINED, None).decode(log_probs_TC)
    assert text == "a"
    assert math.exp(score) == pytest.approx(0.3 * 0.35 + 0.4 * 0.35 + 0.3 * 0.4)


@pytest.mark.parametrize(("alpha", "beta"), [(0.0, 0.0), (0.8, 0.0), (1.5, 0.9)])
def test_words_are_the_best_of_all_texts_of_known_words(tmp_path, alpha, beta):
    path = words_model(tmp_path)
    lm = read_arpa(path)
    known = set(lm.words)
    decoder = BeamDecoder(WITH_WORDS, path, alpha, beta, WIDE)
    for seed in range(4):
        log_probs_TC = emissions(6, 5, seed)
        worth: dict[str, float] = {}
        for columns, score in all_texts(log_probs_TC, WITH_WORDS).items():
            text = text_of(columns, WITH_WORDS)
            if set(text.split()) <= known:
                worth[text] = np.logaddexp(worth.get(text, -math.inf), score)
        for text in worth:
            words = text.split()
            worth[text] += alpha * lm.sentence_log_prob(words) + beta * len(words)
        text, score = decoder.decode(log_probs_TC)
        assert text == max(worth, key=worth.__getitem__)
        assert score == pytest.approx(worth[text], abs=1e-3)


def test_a_last_word_needs_no_separator_behind_it(tmp_path):
    decoder = BeamDecoder(WITH_WORDS, words_model(tmp_path), 0.1)
    sure = np.log(np.eye(5)[[0, 0, 3, 3, 1, 0, 0]] * 0.95 + 0.01)
    assert decoder.decode(sure)[0] == "ab a"


def test_only_allowed_letters_are_written(tmp_path):
    log_probs_TC = emissions(8, 3, 1)
    path = letters_model(tmp_path, is_joined=True)
    assert "a" in BeamDecoder(JOINED, path).decode(log_probs_TC)[0]
    only_b = BeamDecoder(JOINED, path, allowed_columns=(2,))
    assert set(only_b.decode(log_probs_TC)[0]) == {"b"}


def test_no_frames(tmp_path):
    nothing = np.empty((0, 5), np.float32)
    assert BeamDecoder(WITH_WORDS, None).decode(nothing) == ("", 0.0)
    text, _ = BeamDecoder(WITH_WORDS, words_model(tmp_path)).decode(nothing)
    assert text == ""


def test_a_model_with_zeros_does_not_break_it(tmp_path):
    log_probs_TC = np.where(np.eye(5)[[0, 3, 1, 0]] == 1, 0.0, -np.inf)
    for path in (None, words_model(tmp_path)):
        assert BeamDecoder(WITH_WORDS, path).decode(log_probs_TC)[0] == "ab a"


def test_frames_in_which_no_word_ends(tmp_path):
    units = [["aaaa", "abab"]]
    write_arpa(estimate_ngrams(units, NgramConfig(order=2)), tmp_path / "long.arpa")
    decoder = BeamDecoder(WITH_WORDS, tmp_path / "long.arpa")
    only_a = np.where(np.eye(5)[[0, 0]] == 1, 0.0, -np.inf)
    assert decoder.decode(only_a)[0] == ""


def test_settings_tell_all_that_matters(tmp_path):
    path = letters_model(tmp_path, is_joined=True)
    decoder = BeamDecoder(JOINED, path, 0.25, 1.5, 20)
    assert decoder.settings.startswith("beam 20, alpha 0.25, beta 1.5, lm ")
    assert decoder.weighted(0.5, 1.5).settings != decoder.settings
    path.write_text(path.read_text() + "\n")
    assert BeamDecoder(JOINED, path, 0.25, 1.5, 20).settings != decoder.settings


def test_models_that_do_not_fit(tmp_path):
    nothing = np.empty((0, 5), np.float32)
    joined = letters_model(tmp_path, is_joined=True)
    with pytest.raises(ConfigError, match="the acoustic model has a word separator"):
        BeamDecoder(WITH_WORDS, joined).decode(nothing)
    with_words = letters_model(tmp_path, is_joined=False)
    with pytest.raises(ConfigError, match="the language model has a word separator"):
        BeamDecoder(JOINED, with_words).decode(nothing)
    with pytest.raises(ConfigError, match="model of words, and an acoustic model with"):
        BeamDecoder(JOINED, words_model(tmp_path)).decode(nothing)
    greek = Vocabulary(("", "|", "α"), 0, 1)
    with pytest.raises(ConfigError, match="in the acoustic model's letters, got a, ab"):
        BeamDecoder(greek, words_model(tmp_path)).decode(nothing)
    write_arpa(estimate_ngrams(TEXTS, NgramConfig(order=1)), tmp_path / "one.arpa")
    with pytest.raises(ArtifactError, match=r"does not read: .* at least a bigram"):
        BeamDecoder(WITH_WORDS, tmp_path / "one.arpa").decode(nothing)
    with pytest.raises(ArtifactError, match="no language model here"):
        BeamDecoder(JOINED, tmp_path / "none.arpa").decode(nothing)


def test_without_flashlight_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "flashlight.lib.text.decoder", None)
    with pytest.raises(ConfigError, match=r"install pericope\[lm\]"):
        BeamDecoder(JOINED, None).decode(np.empty((0, 3), np.float32))
