"""The Conformer: chunks, padding, and what others make of its folders."""

import json

import numpy as np
import pytest
import torch
from transformers import (
    AttentionMaskInterface,
    LasrEncoder,
    LasrEncoderConfig,
    LasrForCTC,
)
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.modeling_utils import AttentionInterface

import models
from models.networks.conformer import ConformerNetwork
from models.networks.conformer_files import new_conformer_network
from models.networks.load import load_network, new_network, saved_reference
from models.training.dropout import set_dropout
from models.vocabulary import Vocabulary
from schemas.errors import ArtifactError, ConfigError
from tests.models.networks.clips import (
    assert_padding_changes_nothing,
    assert_workers_get_little,
    forwarded,
    sound,
)

VOCABULARY = Vocabulary.from_texts(["habari ya leo", "καλή"])
LENGTHS = (33_000, 16_161, 1, 640, 48_319)
CHUNK = 20
"""Frames of a chunk in these tests: 0.8 s."""


def conformer(chunk_sec: float | None = CHUNK * 0.04) -> ConformerNetwork:
    torch.manual_seed(0)
    network = new_conformer_network("tiny", VOCABULARY, ("swh", "ell"), chunk_sec)
    for parameter in network.parameters():  # so that outputs differ clearly
        if parameter.ndim > 1:
            torch.nn.init.normal_(parameter, std=0.3)
    return network


@pytest.fixture(scope="module")
def network() -> ConformerNetwork:
    return conformer()


def inputs(frames: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(1, 4 * frames, 80, generator=generator)


def answers(network: ConformerNetwork, values: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        lengths = torch.full((len(values),), values.shape[1])
        return network.eval()(values, lengths).logits_BTC


def test_padding_changes_nothing(network):
    clips = [sound(samples, seed) for seed, samples in enumerate(LENGTHS)]
    assert_padding_changes_nothing(network, clips, atol=1e-4)
    frames = forwarded(network, clips).frames.tolist()
    assert frames == [-(-samples // 640) for samples in LENGTHS]


def test_usm_chunks_by_default():
    usual = new_network("conformer", size="tiny", vocabulary=VOCABULARY)
    assert usual.chunk_frames == 200
    assert new_conformer_network("tiny", VOCABULARY, (), None).chunk_frames is None


def test_first_chunks_stay_when_the_recording_gets_longer(network):
    """What comes behind reaches back one chunk a layer: here two, and two frames.

    The last frames see some of it, and the first layer's attention hands it on within
    their chunk; its convolution takes it over the border, the second layer's attention
    through that chunk, and the last convolution two frames further.
    """
    exact = replace_weights(network).double()
    long = inputs(6 * CHUNK).double()
    short = long[:, : 4 * 5 * CHUNK]
    ours, theirs = answers(exact, short)[0], answers(exact, long)[0]
    change = (ours - theirs[: len(ours)]).abs().amax(1)
    border = 3 * CHUNK
    assert change[: border - 2].max() < 1e-12
    assert change[border - 2 :].min() > 1e-8


def test_with_full_attention_everything_changes():
    network = conformer(None)
    long = inputs(6 * CHUNK)
    ours = answers(network, long[:, : 4 * 5 * CHUNK])[0]
    change = (ours - answers(network, long)[0, : len(ours)]).abs().amax(1)
    assert change.min() > 1e-4


def dense_chunks(q_length, kv_length, attention_mask=None, device="cpu", **_):
    """The masked form: every pair of frames, and whether they share a chunk."""
    q, k = torch.arange(q_length)[:, None], torch.arange(kv_length)[None]
    mask = ((q // CHUNK) == (k // CHUNK))[None, None]
    if attention_mask is not None:
        mask = mask & attention_mask[:, None, None, :]
    return mask


def test_the_reshaped_form_equals_the_masked_one(network, tmp_path):
    """The oracle: transformers' own network and attention under a full mask."""
    AttentionInterface.register("dense_chunks", sdpa_attention_forward)
    AttentionMaskInterface.register("dense_chunks", dense_chunks)
    network.save_pretrained(tmp_path)
    oracle = LasrForCTC.from_pretrained(tmp_path, attn_implementation="dense_chunks")
    values = inputs(3 * CHUNK + 7)
    padded = torch.nn.functional.pad(values, (0, 0, 4, 5))
    with torch.no_grad():
        expected = oracle.eval()(padded).logits
    torch.testing.assert_close(answers(network, values), expected, atol=1e-4, rtol=0)


def test_transformers_alone_agrees_up_to_one_chunk(network, tmp_path):
    network.save_pretrained(tmp_path)
    alone = LasrForCTC.from_pretrained(tmp_path).eval()
    assert alone.config._attn_implementation == "sdpa"
    for frames, equal in [(CHUNK, True), (2 * CHUNK, False)]:
        values = inputs(frames)
        with torch.no_grad():
            logits = alone(torch.nn.functional.pad(values, (0, 0, 4, 5))).logits
        ours = answers(network, values)
        assert torch.allclose(logits, ours, atol=1e-4) == equal


def test_saved_and_loaded_as_a_network_and_as_a_model(network, tmp_path):
    clip = sound(64_000)
    network.save_pretrained(tmp_path)
    reference = saved_reference(tmp_path)
    assert reference == f"hf:{tmp_path}"
    expected = forwarded(network, [clip])
    again = load_network(reference)
    assert (again.vocabulary, again.languages) == (VOCABULARY, ("swh", "ell"))
    assert again.chunk_frames == CHUNK
    found = forwarded(again, [clip])
    torch.testing.assert_close(found.logits_BTC, expected.logits_BTC)
    torch.testing.assert_close(found.language_logits_BL, expected.language_logits_BL)
    model = models.load_acoustic_model(reference, "cpu")
    assert (model.labels, model.blank) == (VOCABULARY.labels, 0)
    assert (model.hop_samples, model.word_separator) == (640, 4)
    log_probs = model.log_probs(model.normaliser(clip)(clip)[None])
    assert log_probs.dtype == np.float32
    np.testing.assert_allclose(
        log_probs, expected.logits_BTC.log_softmax(-1).numpy(), atol=1e-5
    )
    assert model.log_probs(np.zeros((2, 639), np.float32)).shape == (
        (2, 0, len(VOCABULARY.labels))
    )


def test_new_letters_beside_known_ones(network, tmp_path):
    network.save_pretrained(tmp_path)
    other = load_network(f"hf:{tmp_path}", vocabulary=Vocabulary.from_texts(["aby ñ"]))
    values = inputs(30)
    before, after = answers(network, values), answers(other, values)
    for letter in ("", "|", "a", "b", "y"):
        torch.testing.assert_close(
            after[..., other.vocabulary.labels.index(letter)],
            before[..., VOCABULARY.labels.index(letter)],
        )


def test_only_pretrained_encoders_need_letters(network, tmp_path):
    network.save_pretrained(tmp_path)
    settings = (tmp_path / "preprocessor_config.json").read_text()
    folder = tmp_path / "encoder"
    network.network.encoder.save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(settings)
    assert LasrEncoder.from_pretrained(folder).config.chunk_frames == CHUNK
    with pytest.raises(ConfigError, match="has no letters"):
        load_network(f"hf:{folder}")
    tuned = load_network(f"hf:{folder}", vocabulary=VOCABULARY)
    assert tuned.normalised
    assert tuned.chunk_frames == CHUNK
    values = inputs(30)
    for one in (tuned, network):  # the same encoder under another head
        one.network.ctc_head.load_state_dict(network.network.ctc_head.state_dict())
    torch.testing.assert_close(answers(tuned, values), answers(network, values))
    (folder / "preprocessor_config.json").unlink()
    with pytest.raises(ArtifactError, match="preprocessor_config"):
        load_network(f"hf:{folder}", vocabulary=VOCABULARY)


def test_frames_of_another_length_are_refused(tmp_path):
    encoder = LasrEncoderConfig(
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=8,
        num_mel_bins=80,
        subsampling_conv_channels=8,
        subsampling_conv_kernel_size=3,
    )
    LasrEncoder(encoder).save_pretrained(tmp_path)
    with pytest.raises(ConfigError, match="got kernel 3 and stride 2"):
        load_network(f"hf:{tmp_path}", vocabulary=VOCABULARY)


def test_features_of_others_are_taken_as_they_are(network, tmp_path):
    network.save_pretrained(tmp_path)
    path = tmp_path / "preprocessor_config.json"
    settings = json.loads(path.read_text())
    assert settings.pop("normalise_clips") is True
    path.write_text(json.dumps(settings))
    clip = sound(16_000)
    foreign = load_network(f"hf:{tmp_path}")
    assert not foreign.normalised
    assert abs(foreign.prepare([clip]).values.mean()) > 1


def test_short_context_is_shorter_than_a_chunk_in_training(network):
    own = replace_weights(network).train().requires_grad_(False)
    set_dropout(own, 0.0)
    values = inputs(CHUNK)
    changed = values.clone()
    changed[:, -4 * 3 :] += 1
    lengths = torch.tensor([4 * CHUNK])
    for share, equal in [(1.0, False), (0.2, True)]:
        own.context_share = share
        ours, theirs = (own(x, lengths).logits_BTC for x in (values, changed))
        assert ours.shape[1] == CHUNK  # CTC has as many frames as without pieces
        assert torch.allclose(ours[:, :4], theirs[:, :4], atol=1e-6) == equal
    torch.testing.assert_close(answers(own, values), answers(network, values))


def test_gradients_of_a_padded_batch_are_finite(network):
    own = replace_weights(network)
    clips = [sound(samples, seed) for seed, samples in enumerate((40_000, 700))]
    batch = own.train().prepare(clips)
    encoded = own(batch.values, batch.lengths)
    (encoded.logits_BTC.sum() + encoded.language_logits_BL.sum()).backward()
    for name, parameter in own.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
    norm = own.network.encoder.layers[0].conv.norm
    assert norm.running_mean.abs().sum() > 0


def replace_weights(network: ConformerNetwork) -> ConformerNetwork:
    own = conformer()
    own.load_state_dict(network.state_dict())
    return own


def test_workers_get_little(network):
    assert_workers_get_little(network)


def test_encoder_and_heads(network):
    heads = {
        name for name, _ in network.named_parameters() if not network.is_encoder(name)
    }
    assert heads == {
        f"{head}.{kind}"
        for head in ("network.ctc_head", "language_head.layer")
        for kind in ("weight", "bias")
    }
    with pytest.raises(ConfigError, match="usm-2b, got 'huge'"):
        load_network("new:conformer:huge", vocabulary=VOCABULARY)
