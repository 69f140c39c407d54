"""The job from shards to a model that others load, on languages of tones."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from models.catalog import load_acoustic_model
from models.data import BatchPlan, SpeechShards
from models.devices import one_thread_each
from models.networks.load import load_network, saved_reference
from models.training.config import LoopConfig
from models.training.metrics import read_metrics
from models.training.schedule import Cosine
from pipelines.cli import app
from pipelines.train_asr import AsrConfig, train_asr
from schemas.errors import ConfigError, LettersUnknown
from tests.models.shards import (
    invented_words,
    sample_key,
    shard_path,
    spoken_sample,
    write_tar,
)

CONFIG = AsrConfig(
    model="new:bundled:tiny",
    new_letters=True,
    tells_languages=True,
    masks=False,
    plan=BatchPlan(batch_sec=6.0, max_clip_sec=6.0, beta_language=0.5),
    validation_clips=8,
    workers=0,
    loop=LoopConfig(
        steps=4,
        learning_rate=1e-2,
        schedule=Cosine(5),
        validate_every=2,
        checkpoint_every=2,
        report_every=1,
        device="cpu",
    ),
)


@pytest.fixture(autouse=True)
def one_thread():
    with one_thread_each():
        yield


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """Two languages; of swh a clip has a number and another one a star."""
    root = tmp_path_factory.mktemp("corpus")
    rng = np.random.default_rng(0)
    for language in ("deu", "swh"):
        for split, count in (("train", 10), ("dev", 6)):
            spoken = [spoken_sample(invented_words(rng, 1)) for _ in range(count)]
            if (language, split) == ("swh", "train"):
                spoken[3] = {**spoken[3], "txt": b"KAI 7"}
                row = json.loads(spoken[4]["json"]) | {"star_sec": 0.4}
                spoken[4] = {**spoken[4], "json": json.dumps(row).encode()}
            keyed = enumerate(spoken)
            samples = {sample_key(f"{language}-{split}", k, s): s for k, s in keyed}
            write_tar(shard_path(root, language, split), samples)
    return root


def shards(corpus, **changes) -> SpeechShards:
    return SpeechShards(corpus=corpus, selection=None, **changes)


def trained(corpus, folder, config=CONFIG, **changes):
    told: list[str] = []
    source = shards(corpus, **changes)
    result = train_asr(
        [source], [replace(source, split="dev")], folder, config, print, told.append
    )
    return result, told


def test_a_job_learns_saves_and_says_what_it_learned_from(corpus, tmp_path):
    result, told = trained(corpus, tmp_path)
    assert result.measures.keys() == {
        *("cer", "wer", "language_wrong"),
        *(f"{rate}/{code}" for rate in ("cer", "wer") for code in ("deu", "swh")),
    }
    assert told[0].startswith("deu: 10 clips, 0.00 h")
    assert told[1].startswith("swh: 8 clips")
    assert told[2].startswith("left out, nobody knows what letters are said: 2 clips")
    shares = [float(line.split()[5].strip(",%")) for line in told[3:]]
    assert sum(shares) == pytest.approx(100, abs=0.2)
    unusable = (tmp_path / "unusable.csv").read_text().splitlines()
    assert [line.split("_")[0] for line in unusable[1:]] == ["swh-train"] * 2

    reference = saved_reference(tmp_path / "model")
    network = load_network(reference)
    assert network.languages == ("deu", "swh")
    assert set("".join(network.vocabulary.labels)) >= {*"aiuk", "|"}
    model = load_acoustic_model(reference, "cpu")
    assert model.labels == network.vocabulary.labels
    losses = [value for _, name, value in read_metrics(tmp_path) if name == "loss"]
    assert len(losses) == 4


def test_the_best_weights_are_saved_not_the_last(corpus, tmp_path):
    result, _ = trained(corpus, tmp_path)
    network = load_network(saved_reference(tmp_path / "model"))
    from safetensors.torch import load_file

    for name, weights in load_file(result.best).items():
        assert torch.equal(weights, network.state_dict()[name])


def test_a_job_that_was_stopped_goes_on_as_if_nothing_had_been(corpus, tmp_path):
    class Stopped(Exception):
        pass

    def stop(progress):
        if progress.step == 3:
            raise Stopped

    trained(corpus, tmp_path / "1")
    source = shards(corpus)
    job = ([source], [replace(source, split="dev")], tmp_path / "2", CONFIG)
    with pytest.raises(Stopped):
        train_asr(*job, stop, print)
    train_asr(*job, print, print)
    one, two = (
        load_network(saved_reference(tmp_path / k / "model")).state_dict() for k in "12"
    )
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert read_metrics(tmp_path / "1") == read_metrics(tmp_path / "2")


def test_another_job_in_the_same_folder_is_refused(corpus, tmp_path):
    trained(corpus, tmp_path)
    with pytest.raises(ConfigError, match=r"gamma 1.0, now 2.0"):
        trained(corpus, tmp_path, replace(CONFIG, gamma=2.0))
    before = (tmp_path / "unusable.csv").read_text()
    with pytest.raises(ConfigError, match="other settings"):
        trained(corpus, tmp_path, replace(CONFIG, gamma=2.0), language="deu")
    assert (tmp_path / "unusable.csv").read_text() == before


def test_letters_that_a_model_lacks_are_an_error_or_left_out_by_name(corpus, tmp_path):
    small = replace(CONFIG, loop=replace(CONFIG.loop, steps=1))
    train_a = replace(small, letters="own")
    trained(corpus, tmp_path / "a", train_a)
    reference = saved_reference(tmp_path / "a/model")
    root = tmp_path / "corpus"
    for split in ("train", "dev"):
        spoken = [spoken_sample(["ai"]) for _ in range(4)]
        spoken[1] = {**spoken[1], "txt": "AÖ".encode()}
        samples = {sample_key(f"fin-{split}", k, s): s for k, s in enumerate(spoken)}
        write_tar(shard_path(root, "fin", split), samples)
    onwards = replace(train_a, model=reference, new_letters=False)
    with pytest.raises(LettersUnknown, match=r"1 of 4 clips: .* ö \(first in fin-tr"):
        trained(root, tmp_path / "b", onwards)
    _, told = trained(root, tmp_path / "b", replace(onwards, skip_unknown=True))
    assert told[0].startswith("fin: 3 clips")
    assert "left out, letters outside the vocabulary: 1 clips" in told[1]


def test_clips_that_are_too_long_are_named(corpus, tmp_path):
    root = tmp_path / "corpus"
    for split in ("train", "dev"):
        spoken = [spoken_sample(["a"] * words) for words in (1, 2, 12)]
        samples = {sample_key(f"swh-{split}", k, s): s for k, s in enumerate(spoken)}
        write_tar(shard_path(root, "swh", split), samples)
    plan = BatchPlan(batch_sec=6.0, min_clip_sec=0.6, max_clip_sec=2.0)
    config = replace(CONFIG, plan=plan, loop=replace(CONFIG.loop, steps=1))
    _, told = trained(root, tmp_path / "folder", config)
    assert told[0].startswith("swh: 1 clips")
    assert [line.partition(" (")[0] for line in told[1:3]] == [
        "left out, shorter than 0.6 s: 1 clips",
        "left out, longer than 2 s: 1 clips",
    ]


def test_a_corpus_of_numbers_is_refused(corpus, tmp_path):
    root = tmp_path / "corpus"
    sample = {**spoken_sample(["a"]), "txt": b"7"}
    write_tar(shard_path(root, "swh", "train"), {sample_key("a", 0, sample): sample})
    with pytest.raises(ConfigError, match=r"found none \(1: nobody knows"):
        trained(root, tmp_path / "folder")


def test_the_command_trains_a_model(corpus, tmp_path):
    options = {
        "model": "new:bundled:tiny",
        "selection": "",
        "language": "deu",
        "steps": 2,
        "batch-sec": 6,
        "workers": 0,
        "device": "cpu",
        "threads": 1,
    }
    arguments = [word for k, v in options.items() for word in (f"--{k}", str(v))]
    command = ["train", "asr", str(corpus), str(tmp_path), *arguments]
    done = CliRunner().invoke(app, command, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert f"{tmp_path / 'model'}: cer " in done.output
    assert "2/2 (100%)  loss" in done.output
    assert load_network(saved_reference(tmp_path / "model")).languages == ()


def test_the_command_says_what_is_missing(tmp_path):
    done = CliRunner().invoke(app, ["train", "asr", str(tmp_path)])
    assert done.exit_code == 2
    assert "CORPUS... FOLDER" in done.output


@pytest.mark.parametrize("job", ["asr", "lid"])
def test_a_learning_rate_of_zero_is_refused_not_replaced(job, tmp_path, command):
    done = command("train", job, tmp_path, tmp_path / "out", "--learning-rate", 0)
    assert done.status == 2
    assert "learning_rate: expected above 0" in done.err
