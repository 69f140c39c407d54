"""From shards to a language's adapter, beside a network of many languages."""

import json

import numpy as np
import pytest
import torch
from transformers import Wav2Vec2ForCTC
from typer.testing import CliRunner

from models.catalog import load_acoustic_model
from models.devices import one_thread_each
from models.networks.load import load_network, new_network
from models.training.metrics import read_metrics
from models.vocabulary import Vocabulary
from pipelines.cli import app
from schemas.errors import ConfigError
from tests.models.shards import (
    invented_words,
    sample_key,
    shard_path,
    spoken_sample,
    write_tar,
)
from tests.models.tiny_wav2vec2 import save_plain, save_with_adapters


@pytest.fixture(autouse=True)
def one_thread():
    with one_thread_each():
        yield


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    root = tmp_path_factory.mktemp("corpus")
    rng = np.random.default_rng(0)
    for split, count in (("train", 8), ("dev", 4)):
        spoken = [spoken_sample(invented_words(rng, 1)) for _ in range(count)]
        samples = {sample_key(f"swa-{split}", k, s): s for k, s in enumerate(spoken)}
        write_tar(shard_path(root, "swa", split), samples)
    return root


def train(corpus, folder, model, **changes):
    options = {
        "model": model,
        "language": "swa",
        "selection": "",
        "steps": 3,
        "batch-sec": 6,
        "validate-every": 2,
        "workers": 0,
        "device": "cpu",
        "threads": 1,
    } | {name.replace("_", "-"): value for name, value in changes.items()}
    arguments = [word for k, v in options.items() for word in (f"--{k}", str(v))]
    command = ["train", "adapter", str(corpus), str(folder), *arguments]
    return CliRunner().invoke(app, command, catch_exceptions=False)


def test_a_language_more_in_the_folder_of_mms(corpus, tmp_path):
    folder = tmp_path / "mms"
    save_with_adapters(folder)
    before = {path: path.read_bytes() for path in folder.glob("*.safetensors")}
    done = train(corpus, folder, f"hf:{folder}")
    assert done.exit_code == 0, done.output
    assert f"hf:{folder}#swa: cer " in done.output
    assert all(path.read_bytes() == content for path, content in before.items())
    model = load_acoustic_model(f"hf:{folder}#swa", "cpu")
    assert set("aiuk") <= set(model.labels)
    alone = Wav2Vec2ForCTC.from_pretrained(folder)
    alone.load_adapter("swa")
    network = load_network(f"hf:{folder}#swa").eval()
    inputs = network.prepare([np.sin(np.arange(9000) / 9).astype(np.float32)])
    with torch.no_grad():
        expected = alone.eval()(inputs.values).logits
        found = network(inputs.values, inputs.lengths).logits_BTC
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)
    # The same command again has nothing to do and changes nothing.
    adapter = (folder / "adapter.swa.safetensors").read_bytes()
    again = train(corpus, folder, f"hf:{folder}")
    assert again.exit_code == 0, again.output
    assert (folder / "adapter.swa.safetensors").read_bytes() == adapter
    losses = [v for _, n, v in read_metrics(folder / "training/swa") if n == "loss"]
    assert len(losses) == 2


@pytest.mark.parametrize("kind", ["lsah", "residual"])
def test_a_new_folder_gets_the_network_as_well(kind, corpus, tmp_path):
    save_plain(tmp_path / "plain")
    done = train(corpus, tmp_path / "new", f"hf:{tmp_path}/plain", kind=kind)
    assert done.exit_code == 0, done.output
    network = load_network(f"hf:{tmp_path}/new#swa")
    assert set("aiuk") <= set(network.vocabulary.labels)
    name = {"lsah": "adapter", "residual": "residual"}[kind]
    assert (tmp_path / f"new/{name}.swa.safetensors").is_file()
    default = load_network(f"hf:{tmp_path}/new").vocabulary
    plain = load_network(f"hf:{tmp_path}/plain").vocabulary
    assert default == (network.vocabulary if kind == "lsah" else plain)


def test_a_conformer_takes_residual_ones(corpus, tmp_path):
    torch.manual_seed(0)
    letters = Vocabulary.from_texts(["mno"])
    network = new_network("conformer", size="tiny", vocabulary=letters)
    network.save_pretrained(tmp_path / "base")
    done = train(corpus, tmp_path / "base", f"hf:{tmp_path}/base", kind="residual")
    assert done.exit_code == 0, done.output
    assert load_network(f"hf:{tmp_path}/base").vocabulary == letters
    assert "a" in load_acoustic_model(f"hf:{tmp_path}/base#swa", "cpu").labels


def test_what_is_refused_before_the_training(corpus, tmp_path):
    save_plain(tmp_path / "plain")
    save_with_adapters(tmp_path / "mms")
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken/config.json").write_text(json.dumps({"model_type": "wav2vec2"}))
    plain, mms = tmp_path / "plain", tmp_path / "mms"
    for folder, model, language, message in [
        (tmp_path / "x", "bundled", "swa", "expected hf:"),
        (tmp_path / "x", f"hf:{mms}#eng", "swa", "without a language"),
        (tmp_path / "taken", f"hf:{mms}", "swa", "has a network already"),
        (plain, f"hf:{plain}", "swa", "choose a new folder"),
        (mms, f"hf:{mms}", "swh", "is there already"),
    ]:
        with pytest.raises(ConfigError, match=message):
            train(corpus, folder, model, language=language)
