"""Checkpoints of the wav2vec 2.0 family, trained on and saved for transformers."""

from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import Wav2Vec2ForCTC, Wav2Vec2ForPreTraining, Wav2Vec2Model

import models
from models.networks.load import load_network, saved_reference
from models.networks.wav2vec2 import Wav2Vec2Network
from models.training.dropout import set_dropout
from models.vocabulary import Vocabulary
from schemas.errors import ConfigError
from tests.models.networks.clips import (
    assert_padding_changes_nothing,
    assert_workers_get_little,
    forwarded,
    sound,
)
from tests.models.tiny_wav2vec2 import save_plain, save_with_adapters, tiny_config

LENGTHS = (16_000, 9_999, 320, 21_345)


@pytest.fixture(scope="module")
def plain(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "plain"
    save_plain(folder)
    return folder


@pytest.fixture(scope="module")
def network(plain) -> Wav2Vec2Network:
    torch.manual_seed(0)
    return load_network(f"hf:{plain}", languages=("swh", "ell"))


@pytest.fixture(scope="module")
def clips() -> list[np.ndarray]:
    return [sound(samples, seed) for seed, samples in enumerate(LENGTHS)]


def test_padding_changes_nothing(network, clips):
    assert_padding_changes_nothing(network, clips)
    frames = forwarded(network, clips).frames.tolist()
    assert frames == [samples // 320 for samples in LENGTHS]


def test_nor_where_norms_would_hear_it(tmp_path, clips):
    save_plain(tmp_path, feat_extract_norm="group", conv_bias=False)
    assert_padding_changes_nothing(load_network(f"hf:{tmp_path}"), clips)


def test_the_same_answers_as_the_acoustic_model(network, plain, clips):
    model = models.load_acoustic_model(f"hf:{plain}", "cpu")
    for clip in clips:
        expected = model.log_probs(model.normaliser(clip)(clip)[None])
        found = forwarded(network, [clip]).logits_BTC.log_softmax(-1)
        np.testing.assert_allclose(found.numpy(), expected, atol=2e-4)


def test_saved_for_transformers_and_for_us(network, tmp_path, clips):
    network.save_pretrained(tmp_path)
    assert saved_reference(tmp_path) == f"hf:{tmp_path}"
    expected = forwarded(network, clips[:1])
    again = load_network(f"hf:{tmp_path}")
    assert (again.vocabulary, again.languages) == (network.vocabulary, ("swh", "ell"))
    found = forwarded(again, clips[:1])
    torch.testing.assert_close(found.logits_BTC, expected.logits_BTC)
    torch.testing.assert_close(found.language_logits_BL, expected.language_logits_BL)
    alone = Wav2Vec2ForCTC.from_pretrained(tmp_path).eval()
    assert alone.config._attn_implementation == "sdpa"
    with torch.no_grad():
        logits = alone(network.prepare(clips[:1]).values).logits
    torch.testing.assert_close(logits, expected.logits_BTC, atol=1e-5, rtol=0)


@pytest.mark.parametrize("kind", [Wav2Vec2Model, Wav2Vec2ForPreTraining])
def test_only_pretrained_ones_need_letters(kind, plain, tmp_path, clips):
    vocabulary = Vocabulary.from_texts(["habari ya leo"])
    torch.manual_seed(1)
    pretrained = kind(tiny_config(hidden_size=16))
    pretrained.save_pretrained(tmp_path)
    settings = (plain / "preprocessor_config.json").read_text()
    (tmp_path / "preprocessor_config.json").write_text(settings)
    with pytest.raises(ConfigError, match=r"only pre-trained.*train asr --new-letters"):
        load_network(f"hf:{tmp_path}")
    network = load_network(f"hf:{tmp_path}", vocabulary=vocabulary)
    encoder = getattr(pretrained, "wav2vec2", pretrained)
    for name, tensor in encoder.state_dict().items():
        torch.testing.assert_close(network.network.wav2vec2.state_dict()[name], tensor)
    assert forwarded(network, clips[:1]).logits_BTC.shape[-1] == len(vocabulary.labels)
    network.save_pretrained(tmp_path / "tuned")
    assert load_network(f"hf:{tmp_path}/tuned").vocabulary == vocabulary


def test_new_letters_beside_known_ones(network, plain, clips):
    other = load_network(f"hf:{plain}", vocabulary=Vocabulary.from_texts(["bad ñ"]))
    before, after = forwarded(network, clips[:1]), forwarded(other, clips[:1])
    for letter in ("", "|", "a", "b", "d"):
        torch.testing.assert_close(
            after.logits_BTC[..., other.vocabulary.labels.index(letter)],
            before.logits_BTC[..., network.vocabulary.labels.index(letter)],
        )


def test_a_language_of_many(tmp_path, clips):
    save_with_adapters(tmp_path)
    network = load_network(f"hf:{tmp_path}#ell")
    model = models.load_acoustic_model(f"hf:{tmp_path}#ell", "cpu")
    assert network.vocabulary.labels == model.labels
    expected = model.log_probs(model.normaliser(clips[0])(clips[0])[None])
    found = forwarded(network, clips[:1]).logits_BTC.log_softmax(-1)
    np.testing.assert_allclose(found.numpy(), expected, atol=2e-4)


def test_hidden_spans_come_from_torch_and_end_with_the_clip(plain):
    network = load_network(f"hf:{plain}").train()
    network.network.config.mask_time_prob = 0.5
    network.network.config.mask_time_length = 4
    frames = torch.tensor([400, 37])
    draws = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        draws.append(network._masked(frames, 400))
    assert draws[0].equal(draws[1])
    assert not draws[0].equal(draws[2])
    assert not draws[0][1, 37:].any()
    assert 0.25 < draws[0][0].float().mean() < 0.6
    assert not network.eval()._masked(frames, 400).any()


def test_short_context_is_short_in_training(plain, network):
    """With a quarter of the clip to see, the last quarter tells the first nothing."""
    own = load_network(f"hf:{plain}")
    set_dropout(own, 0.0)
    own.network.config.mask_time_prob = 0.0
    own.normalised = False
    clip = sound(320 * 80, 5)
    changed = clip.copy()
    changed[-320 * 8 :] *= -0.5
    far = slice(0, 8)  # beyond the reach of the convolution that tells positions
    for share, equal in [(1.0, False), (0.25, True)]:
        own.context_share = share
        batches = [own.prepare([x]) for x in (clip, changed)]
        ours, theirs = (own(b.values, b.lengths).logits_BTC for b in batches)
        assert ours.shape[1] == 80
        assert torch.allclose(ours[:, far], theirs[:, far], atol=1e-6) == equal
    own.normalised = True
    whole = forwarded(network, [clip]).logits_BTC
    torch.testing.assert_close(forwarded(own, [clip]).logits_BTC, whole)


def test_workers_get_little(network):
    assert_workers_get_little(network)


def test_encoder_and_heads(network):
    heads = {
        name for name, _ in network.named_parameters() if not network.is_encoder(name)
    }
    assert heads == {
        f"{head}.{kind}"
        for head in ("network.lm_head", "language_head.layer")
        for kind in ("weight", "bias")
    }
