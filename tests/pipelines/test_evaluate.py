"""Error rates of the bundled model on real clips, and language models from them."""

import json

import pytest

from models import load_acoustic_model
from models.data import SpeechShards
from models.decoding.arpa import read_arpa
from models.decoding.error_rates import Transcript, error_rates
from models.decoding.greedy import greedy_text
from models.vocabulary import Vocabulary
from pipelines.asr_clips import clip_speller
from pipelines.evaluate import EvaluateConfig, emissions_of
from schemas.errors import ConfigError


@pytest.fixture(scope="module")
def split_of(finished) -> dict[str, str]:
    """A split of each language that has clips."""
    folders = sorted((finished / "shards" / "labeled").glob("*/*"))
    return {folder.parent.name: folder.name for folder in folders}


@pytest.fixture
def evaluated(finished, command):
    def run(*arguments):
        done = command("evaluate", "bundled", finished, "--json", *arguments)
        assert done.status == 0, done.err
        return json.loads(done.out)

    return run


def test_counts_are_those_of_every_clip(finished, split_of, evaluated):
    language, split = next(iter(split_of.items()))
    found = evaluated("--split", split, "--language", language)
    model = load_acoustic_model("bundled", "cpu")
    vocabulary = Vocabulary(model.labels, model.blank, None)
    rows = []
    shards = SpeechShards(corpus=finished, split=split, language=language)
    spell = clip_speller([shards], romanised=True)
    for clip in shards.in_order():
        said = spell(clip)
        heard = greedy_text(emissions_of(clip, model), vocabulary)
        if said is not None:
            rows.append(Transcript(language=language, reference=said, heard=heard))
    expected = error_rates(rows)
    told = found["languages"][language]
    assert told["cer"] == pytest.approx(expected.cer)
    assert told["clips"] == len(rows) > 0
    assert 0 < told["cer"] < 0.4
    assert told["wer"] is None  # the model writes no spaces
    assert found["decoder"] == "greedy"


def test_a_language_model_of_the_texts_helps(
    finished, split_of, evaluated, command, tmp_path
):
    pytest.importorskip("flashlight.lib.text")
    language, split = next(iter(split_of.items()))
    path = tmp_path / "lm.arpa"
    options = ("--language", language, "--split", split)
    done = command("train", "lm", finished, path, *options, "--joined", "--order", 4)
    assert done.status == 0, done.err
    assert "n-grams by length" in done.out
    greedy = evaluated(*options)["languages"][language]
    searched = evaluated(*options, "--lm", path, "--alpha", 0.8)
    assert searched["languages"][language]["cer"] < greedy["cer"]
    assert "alpha 0.8, beta 0, lm " in searched["decoder"]


def test_a_language_model_of_words_from_a_file(tmp_path, command):
    texts = tmp_path / "texts.txt"
    texts.write_text("Река широка.\nНа реке 3 лодки.\n\nЛодка стара!\n")
    options = ("--language", "rus", "--unit", "words", "--letters", "own", "--order", 2)
    done = command("train", "lm", texts, tmp_path / "lm.arpa", *options)
    assert "2 sentences (1 with numbers left out)" in done.out
    assert read_arpa(tmp_path / "lm.arpa").words == ["лодка", "река", "стара", "широка"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--unit", "syllables"), "expected letters or words, got syllables"),
        (("--unit", "words", "--joined"), "expected --unit letters"),
        (("--prune", "0,x"), "expected counts with commas"),
        (("--prune", "0,2,1"), "do not fall"),
    ],
)
def test_language_models_that_cannot_be(tmp_path, command, options, message):
    (tmp_path / "texts.txt").write_text("a b c\n")
    done = command("train", "lm", tmp_path / "texts.txt", tmp_path / "lm.arpa",
                   "--language", "eng", *options)  # fmt: skip
    assert done.status == 2
    assert message in " ".join(done.err.split())


def test_weights_are_never_tuned_on_what_is_told():
    with pytest.raises(ConfigError, match="another split than dev"):
        EvaluateConfig(split="dev", tune_split="dev")
    with pytest.raises(ConfigError, match="a language model"):
        EvaluateConfig(tune_split="dev")
