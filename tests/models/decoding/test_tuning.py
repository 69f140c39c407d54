import numpy as np
import pytest

from models.decoding.arpa import letters_of, write_arpa
from models.decoding.beam import BeamDecoder
from models.decoding.error_rates import Transcript
from models.decoding.greedy import greedy_text
from models.decoding.ngram import NgramConfig, estimate_ngrams
from models.decoding.tuning import ALPHAS, BETAS, Heard, tune
from models.vocabulary import Vocabulary
from schemas.errors import ConfigError

pytest.importorskip("flashlight.lib.text")

VOCABULARY = Vocabulary(("", "|", *"abdenor"), 0, 1)
TEXTS = ["on a red road", "a bear and a dane", "no one adored a boar", "near a barn"]
SAID = ["a red bear", "no road on a barn", "one dane adored a boar"]


def spelled(text: str, rng: np.random.Generator) -> Heard:
    """Frames of a noisy model: letters are exchanged for others now and then."""
    columns = [VOCABULARY.labels.index(c) if c != " " else 1 for c in text]
    log_probs_TC = rng.standard_normal((2 * len(columns), len(VOCABULARY.labels)))
    log_probs_TC[np.arange(len(columns)) * 2, columns] += 3.0
    log_probs_TC[np.arange(len(columns)) * 2 + 1, 0] += 4.0
    log_probs_TC -= np.logaddexp.reduce(log_probs_TC, axis=1, keepdims=True)
    said = Transcript(language="eng", reference=text, heard="")
    return Heard(log_probs_TC.astype(np.float32), said)


@pytest.fixture(scope="module")
def decoder(tmp_path_factory) -> BeamDecoder:
    path = tmp_path_factory.mktemp("lm") / "lm.arpa"
    units = [letters_of(text.split()) for text in TEXTS * 3]
    write_arpa(estimate_ngrams(units, NgramConfig(order=4)), path)
    return BeamDecoder(VOCABULARY, path, alpha=0.0, beam=12)


def clips(seed: int = 0) -> list[Heard]:
    rng = np.random.default_rng(seed)
    return [spelled(text, rng) for text in SAID]


def test_the_chosen_weights_are_the_best_of_their_row_and_column(decoder):
    lines: list[str] = []
    tuned = tune(decoder, clips(), lines.append)
    assert len(lines) == len(set(lines)) == tuned.tried <= len(ALPHAS) * len(BETAS)
    wrong = {}
    for line in lines:
        alpha, beta = (float(part.split()[1]) for part in line.split(":")[0].split(","))
        wrong[alpha, beta] = float(line.split(": ")[1].split("%")[0]) / 100
    best = min(wrong.values())
    assert wrong[tuned.alpha, tuned.beta] == best
    assert tuned.errors / tuned.length == pytest.approx(best, abs=1e-4)
    row = {alpha for alpha, beta in wrong if beta == tuned.beta}
    assert row >= set(ALPHAS)
    greedy = [greedy_text(clip.log_probs_TC, VOCABULARY) for clip in clips()]
    assert greedy != SAID
    assert best < wrong[0.0, 0.0]


def test_it_chooses_the_same_again(decoder):
    first = tune(decoder, clips(), lambda line: None, count_words=True)
    again = tune(decoder, clips(), lambda line: None, count_words=True)
    assert first == again
    assert first.length == sum(len(text.split()) for text in SAID)


def test_clips_without_text(decoder):
    silent = Transcript(language="eng", reference="", heard="")
    with pytest.raises(ConfigError, match="got 1 clips without any"):
        tune(decoder, [Heard(np.zeros((3, 9)), silent)], lambda line: None)
