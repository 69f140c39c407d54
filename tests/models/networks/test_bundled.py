"""The bundled architecture, trained from what comes with Pericope or from nothing."""

import numpy as np
import pytest
import torch

import models
from models.networks.bundled import BundledNetwork
from models.networks.load import load_network, new_network, saved_reference
from models.vocabulary import Vocabulary
from schemas.errors import ArtifactError, ConfigError
from tests.models.networks.clips import (
    assert_padding_changes_nothing,
    assert_workers_get_little,
    forwarded,
    sound,
)

VOCABULARY = Vocabulary.from_texts(["habari ya leo", "καλή"])
LENGTHS = (33_000, 16_161, 640, 48_319)


@pytest.fixture(scope="module")
def network() -> BundledNetwork:
    torch.manual_seed(0)
    return new_network(
        "bundled", size="tiny", vocabulary=VOCABULARY, languages=("swh", "ell")
    )


def test_padding_changes_nothing(network):
    clips = [sound(samples, seed) for seed, samples in enumerate(LENGTHS)]
    assert_padding_changes_nothing(network, clips)
    expected = [-(-samples // 320) for samples in LENGTHS]
    assert forwarded(network, clips).frames.tolist() == expected


def test_the_network_that_comes_with_pericope_answers_as_the_model_does():
    clip = sound(48_000)
    model = models.load_acoustic_model("bundled", "cpu")
    network = load_network("bundled")
    assert network.training
    assert network.vocabulary.labels == model.labels
    expected = model.log_probs(model.normaliser(clip)(clip)[None])
    found = forwarded(network, [clip]).logits_BTC.log_softmax(-1).numpy()
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_known_letters_keep_their_columns_in_a_new_vocabulary():
    clip = sound(16_000)
    whole = load_network("bundled")
    other = load_network("bundled", vocabulary=Vocabulary.from_texts(["cab é"]))
    before, after = forwarded(whole, [clip]), forwarded(other, [clip])
    for letter in ("", "a", "b", "c"):
        torch.testing.assert_close(
            after.logits_BTC[..., other.vocabulary.labels.index(letter)],
            before.logits_BTC[..., whole.vocabulary.labels.index(letter)],
        )
    same = load_network("bundled", vocabulary=whole.vocabulary)
    torch.testing.assert_close(forwarded(same, [clip]).logits_BTC, before.logits_BTC)


def test_saved_and_loaded_as_a_network_and_as_a_model(network, tmp_path):
    clip = sound(32_077)
    network.save_pretrained(tmp_path / "net")
    reference = saved_reference(tmp_path / "net")
    assert reference == f"bundled:{tmp_path}/net"
    expected = forwarded(network, [clip])
    again = load_network(reference)
    assert again.vocabulary == VOCABULARY
    assert again.languages == ("swh", "ell")
    found = forwarded(again, [clip])
    torch.testing.assert_close(found.logits_BTC, expected.logits_BTC)
    torch.testing.assert_close(found.language_logits_BL, expected.language_logits_BL)
    model = models.load_acoustic_model(reference, "cpu")
    assert (model.labels, model.word_separator) == (VOCABULARY.labels, 4)
    assert not model.romanised
    log_probs = model.log_probs(model.normaliser(clip)(clip)[None])
    frames = 32_077 // 320
    np.testing.assert_allclose(
        log_probs[0, : frames - 1],
        expected.logits_BTC.log_softmax(-1)[0, : frames - 1].numpy(),
        atol=1e-4,
    )


def test_other_languages_start_anew(network, tmp_path):
    network.save_pretrained(tmp_path)
    reference = saved_reference(tmp_path)
    kept = load_network(reference, languages=("swh", "ell"))
    torch.testing.assert_close(
        kept.language_head.layer.weight, network.language_head.layer.weight
    )
    assert load_network(reference, languages=("swh", "eng")).languages == ("swh", "eng")
    bare = load_network(reference, languages=())
    assert forwarded(bare, [sound(3200)]).language_logits_BL is None
    bare.save_pretrained(tmp_path)  # and the head on disk goes with it
    assert load_network(reference).languages == ()


def test_workers_get_little(network):
    assert_workers_get_little(network)


def test_encoder_and_heads(network):
    heads = {
        name for name, _ in network.named_parameters() if not network.is_encoder(name)
    }
    assert heads == {
        f"{head}.{kind}"
        for head in ("network.head", "language_head.layer")
        for kind in ("weight", "bias")
    }


def test_bad_names(tmp_path):
    for reference, message in [
        ("whisper", "expected one of bundled"),
        ("new:bundled", "give a vocabulary"),
    ]:
        with pytest.raises(ConfigError, match=message):
            load_network(reference)
    with pytest.raises(ConfigError, match="got 'rnn'"):
        load_network("new:rnn", vocabulary=VOCABULARY)
    with pytest.raises(ConfigError, match="tiny, small, full, got 'huge'"):
        load_network("new:bundled:huge", vocabulary=VOCABULARY)
    with pytest.raises(ConfigError, match="each one once"):
        load_network("new:bundled", vocabulary=VOCABULARY, languages=("swh", "swh"))
    with pytest.raises(ArtifactError, match="found none"):
        saved_reference(tmp_path)


def test_a_damaged_language_head(network, tmp_path):
    network.save_pretrained(tmp_path)
    path = tmp_path / "language_head.safetensors"
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(ArtifactError, match="damaged language head"):
        load_network(saved_reference(tmp_path))
