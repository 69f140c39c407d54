"""Adapters of one language: trained alone, saved, and read by transformers."""

import copy
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from transformers import Wav2Vec2CTCTokenizer, Wav2Vec2ForCTC

import models
from models.networks.adapters import add_adapter, save_adapter
from models.networks.load import load_network, load_whole_network, new_network
from models.vocabulary import Vocabulary
from schemas.errors import ArtifactError, ConfigError
from tests.models.networks.clips import (
    assert_padding_changes_nothing,
    forwarded,
    sound,
)
from tests.models.networks.learning import LETTERS, spoken, train
from tests.models.tiny_wav2vec2 import save_plain, save_with_adapters

VOCABULARY = Vocabulary.from_texts([LETTERS])


@pytest.fixture(scope="module")
def mms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint in the format of MMS, with adapters of three languages."""
    folder = tmp_path_factory.mktemp("models") / "mms"
    save_with_adapters(folder)
    return folder


@pytest.fixture
def conformer(tmp_path: Path) -> Path:
    torch.manual_seed(3)
    letters = Vocabulary.from_texts(["abc"])
    network = new_network("conformer", size="tiny", vocabulary=letters)
    network.save_pretrained(tmp_path / "base")
    return tmp_path / "base"


def state(network: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in network.state_dict().items()}


def changed(before: dict, network: torch.nn.Module) -> set[str]:
    after = network.state_dict()
    return {name for name in after if not torch.equal(before[name], after[name])}


def test_mms_adapters_train_alone_and_load_in_transformers(mms, tmp_path):
    """The whole way: fresh adapters, training, file, and transformers without us."""
    torch.manual_seed(0)
    network = load_network(f"hf:{mms}")
    add_adapter(network, "lsah", VOCABULARY)
    before = state(network)
    first, last = train(network, steps=80)
    assert last < 0.5 * first
    learnt = changed(before, network)
    assert learnt == {f"network.{name}" for name in network.network._get_adapters()}
    # Into the folder that it was trained from, beside the other languages.
    files = {path: path.read_bytes() for path in mms.glob("*.safetensors")}
    save_adapter(network, mms, "grc")
    assert all(path.read_bytes() == content for path, content in files.items())
    assert set(json.loads((mms / "vocab.json").read_text())) == {
        *("eng", "swh", "ell", "grc")
    }
    clip = spoken("αββδ")
    expected = forwarded(network, [clip])
    alone = Wav2Vec2ForCTC.from_pretrained(mms)
    alone.load_adapter("grc")
    with torch.no_grad():
        logits = alone.eval()(network.prepare([clip]).values).logits
    torch.testing.assert_close(logits, expected.logits_BTC, atol=1e-4, rtol=1e-4)
    tokenizer = Wav2Vec2CTCTokenizer.from_pretrained(mms, target_lang="grc")
    assert tokenizer("αβ").input_ids == VOCABULARY.encode("αβ")
    again = load_network(f"hf:{mms}#grc")
    assert again.vocabulary == VOCABULARY
    torch.testing.assert_close(
        forwarded(again, [clip]).logits_BTC, expected.logits_BTC, atol=1e-4, rtol=1e-4
    )
    model = models.load_acoustic_model(f"hf:{mms}#grc", "cpu")
    found = model.log_probs(model.normaliser(clip)(clip)[None])
    np.testing.assert_allclose(
        found, expected.logits_BTC.log_softmax(-1).numpy(), atol=1e-3
    )


def test_a_new_folder_begins_with_the_language(tmp_path):
    """From a plain checkpoint without adapters; a second language comes beside."""
    save_plain(tmp_path / "plain")
    clip = sound(16_000)
    network = load_network(f"hf:{tmp_path}/plain")
    before = forwarded(network, [clip]).logits_BTC
    add_adapter(network, "lsah", network.vocabulary)
    torch.testing.assert_close(forwarded(network, [clip]).logits_BTC, before)
    train_nothing = load_network(f"hf:{tmp_path}/plain")
    add_adapter(train_nothing, "lsah", VOCABULARY)
    folder = tmp_path / "adapted"
    save_adapter(train_nothing, folder, "ell")
    assert load_network(f"hf:{folder}").vocabulary == VOCABULARY
    config = json.loads((folder / "config.json").read_text())
    assert config["adapter_attn_dim"] == 16
    second = load_network(f"hf:{folder}")
    letters = Vocabulary.from_texts(["habari"])
    add_adapter(second, "lsah", letters)
    save_adapter(second, folder, "swh")
    for language, vocabulary in [("ell", VOCABULARY), ("swh", letters)]:
        assert load_network(f"hf:{folder}#{language}").vocabulary == vocabulary
    assert load_network(f"hf:{folder}").vocabulary == VOCABULARY
    # A folder whose vocabulary is of no language cannot take one up.
    with pytest.raises(ArtifactError, match="a part for each language"):
        save_adapter(second, tmp_path / "plain", "swh")


def test_residual_adapters_start_as_the_network_and_train_alone(conformer):
    clips = [sound(20_000), sound(9_000, 1)]
    plain = load_network(f"hf:{conformer}")
    network = load_network(f"hf:{conformer}")
    add_adapter(network, "residual", plain.vocabulary)
    before = forwarded(plain, clips).logits_BTC
    torch.testing.assert_close(forwarded(network, clips).logits_BTC, before)

    network = load_network(f"hf:{conformer}")
    add_adapter(network, "residual", VOCABULARY)
    weights = state(network)
    first, last = train(network, steps=60)
    assert last < 0.5 * first
    assert changed(weights, network) == {  # nor batch norms' means
        *(name for name in weights if name.startswith("adapters.")),
        *("network.ctc_head.weight", "network.ctc_head.bias"),
    }


@pytest.mark.parametrize("kind", ["conformer", "wav2vec2"])
def test_residual_adapters_have_a_file_of_their_own(kind, conformer, tmp_path):
    folder = conformer
    if kind == "wav2vec2":
        folder = tmp_path / "plain"
        save_plain(folder)
    before = (folder / "model.safetensors").read_bytes()
    network = load_network(f"hf:{folder}")
    add_adapter(network, "residual", VOCABULARY)
    for parameter in network.adapters.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    clips = [sound(20_000), sound(9_000, 1), sound(31_000, 2)]
    assert_padding_changes_nothing(network, clips, atol=3e-5)
    save_adapter(network, folder, "ell")
    assert (folder / "model.safetensors").read_bytes() == before
    tensors = load_file(folder / "residual.ell.safetensors")
    assert {name.split(".")[0] for name in tensors} == {"adapters", "head"}
    expected = forwarded(network, clips[:1]).logits_BTC
    again = load_network(f"hf:{folder}#ell")
    assert again.vocabulary == VOCABULARY
    torch.testing.assert_close(forwarded(again, clips[:1]).logits_BTC, expected)
    model = models.load_acoustic_model(f"hf:{folder}#ell", "cpu")
    assert model.labels == VOCABULARY.labels
    found = model.log_probs(model.normaliser(clips[0])(clips[0])[None])
    frames = found.shape[1]
    np.testing.assert_allclose(
        found, expected.log_softmax(-1)[:, :frames].numpy(), atol=1e-3
    )
    # Without the name of the language the network is as it was.
    assert load_network(f"hf:{folder}").vocabulary != VOCABULARY
    with pytest.raises(ConfigError, match="save_adapter"):
        network.save_pretrained(tmp_path / "elsewhere")


def test_a_copy_has_adapters_of_its_own(conformer):
    network = load_network(f"hf:{conformer}")
    add_adapter(network, "residual", VOCABULARY)
    clip = sound(9_000)
    own = copy.deepcopy(network)
    for parameter in own.adapters.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    before = forwarded(load_network(f"hf:{conformer}"), [clip]).logits_BTC[..., :1]
    blank = forwarded(network, [clip]).logits_BTC[..., :1]
    torch.testing.assert_close(blank, before)
    assert not torch.allclose(forwarded(own, [clip]).logits_BTC[..., :1], blank)


def test_adapters_that_do_not_fit(conformer, mms, tmp_path):
    letters = Vocabulary.from_texts(["a"])
    bundled = new_network("bundled", size="tiny", vocabulary=letters)
    save_plain(tmp_path / "old", do_stable_layer_norm=False)
    for network, kind, message in [
        (bundled, "residual", "train whole"),
        (load_network(f"hf:{conformer}"), "lsah", "take residual"),
        (load_network(f"hf:{tmp_path}/old"), "lsah", "do_stable_layer_norm"),
        (load_network(f"hf:{conformer}"), "lora", "lsah or residual, got 'lora'"),
    ]:
        with pytest.raises(ConfigError, match=message):
            add_adapter(network, kind, letters)
    path = conformer / "residual.ell.safetensors"
    network = load_network(f"hf:{mms}")
    add_adapter(network, "residual", VOCABULARY)
    save_adapter(network, conformer, "ell")  # of another network
    with pytest.raises(ArtifactError, match="cannot be loaded into this network"):
        load_network(f"hf:{conformer}#ell")
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(ArtifactError, match="cannot be loaded"):
        load_network(f"hf:{conformer}#ell")
    with pytest.raises(ArtifactError, match="adapters here: ell"):
        load_network(f"hf:{conformer}#swh")


def test_a_network_with_adapters_beside_it_is_not_trained_whole(conformer):
    network = load_network(f"hf:{conformer}")
    add_adapter(network, "residual", VOCABULARY)
    save_adapter(network, conformer, "swh")
    assert load_network(f"hf:{conformer}#swh").adapters is not None
    with pytest.raises(ConfigError, match=r"base#swh has residual adapters"):
        load_whole_network(f"hf:{conformer}#swh")
