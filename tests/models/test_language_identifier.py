"""Identifiers against the networks that they were saved from."""

import json

import numpy as np
import pytest
import torch
from transformers import Wav2Vec2FeatureExtractor, Wav2Vec2ForSequenceClassification

from models.language_identifier import load_language_identifier
from models.networks.bundled import new_bundled_network
from models.networks.load import load_network
from models.vocabulary import Vocabulary
from schemas.errors import ArtifactError, ConfigError
from tests.models.tiny_wav2vec2 import save_plain, tiny_config

CODES = ("ell", "hin", "swh")
LETTERS = Vocabulary(("", "a", "b"), 0, None)


def waveform(sec: float, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (0.1 * rng.standard_normal(int(sec * 16_000))).astype(np.float32)


def save_bundled_kind(folder) -> None:
    torch.manual_seed(3)
    network = new_bundled_network("tiny", LETTERS, CODES)
    network.language_head.layer.weight.data *= 30
    network.save_pretrained(folder)


def save_wav2vec2_kind(folder) -> None:
    save_plain(folder)
    torch.manual_seed(3)
    network = load_network(f"hf:{folder}", languages=CODES)
    network.save_pretrained(folder)


def save_classifier(folder, **changes) -> Wav2Vec2ForSequenceClassification:
    torch.manual_seed(3)
    names = dict(enumerate(CODES))
    config = tiny_config(num_labels=3, classifier_proj_size=8, id2label=names)
    network = Wav2Vec2ForSequenceClassification(config).eval()
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    network.save_pretrained(folder)
    Wav2Vec2FeatureExtractor(do_normalize=True, **changes).save_pretrained(folder)
    return network


@pytest.mark.parametrize("save", [save_bundled_kind, save_wav2vec2_kind])
def test_a_saved_network_tells_what_it_told_before(tmp_path, save):
    save(tmp_path)
    prefix = "hf" if save is save_wav2vec2_kind else "bundled"
    network = load_network(f"{prefix}:{tmp_path}").eval()
    clip_N = waveform(1.3)
    with torch.no_grad():
        inputs = network.prepare([clip_N])
        encoded = network(inputs.values, inputs.lengths)
        expected = encoded.language_logits_BL[0].softmax(-1).tolist()
    identifier = load_language_identifier(str(tmp_path), "cpu")
    assert identifier.languages == CODES
    found = identifier.identify(clip_N)
    assert list(found) == list(CODES)
    assert list(found.values()) == pytest.approx(expected, abs=1e-5)
    assert sum(found.values()) == pytest.approx(1)
    assert max(expected) - min(expected) > 1e-3


def test_a_classifier_of_transformers_is_heard_as_it_hears_itself(tmp_path):
    network = save_classifier(tmp_path)
    clip_N = waveform(1.3)
    extractor = Wav2Vec2FeatureExtractor.from_pretrained(tmp_path)
    inputs = extractor(clip_N, sampling_rate=16_000, return_tensors="pt")
    with torch.no_grad():
        expected = network(inputs.input_values).logits[0].softmax(-1).tolist()
    for reference in (str(tmp_path), f"hf:{tmp_path}"):
        identifier = load_language_identifier(reference, torch.device("cpu"))
        assert identifier.languages == CODES
        found = identifier.identify(clip_N)
        assert list(found.values()) == pytest.approx(expected, abs=1e-4)


def test_a_long_clip_is_heard_in_equal_pieces(tmp_path):
    save_bundled_kind(tmp_path)
    identifier = load_language_identifier(str(tmp_path), "cpu")
    clip_N = waveform(31.0)
    clip_N[: len(clip_N) // 2] *= np.linspace(0, 1, len(clip_N) // 2)
    halves = [identifier.logits(half) for half in np.split(clip_N, 2)]
    expected = torch.stack(halves).mean(0).softmax(-1).tolist()
    found = identifier.identify(clip_N)
    assert list(found.values()) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("save", [save_bundled_kind, save_classifier])
def test_clips_too_short_for_a_frame(tmp_path, save):
    save(tmp_path)
    identifier = load_language_identifier(str(tmp_path), "cpu")
    for samples in (1, 100):
        found = identifier.identify(waveform(1.0)[:samples])
        assert sum(found.values()) == pytest.approx(1)


def test_its_fingerprint_is_that_of_weights_and_languages(tmp_path):
    fingerprints = set()
    for number, codes in enumerate([CODES, CODES, ("ell", "hin", "eng")]):
        torch.manual_seed(3)
        folder = tmp_path / str(number)
        new_bundled_network("tiny", LETTERS, codes).save_pretrained(folder)
        (folder / "notes.txt").write_text(str(number))
        identifier = load_language_identifier(str(folder), "cpu")
        fingerprints.add(identifier.fingerprint)
    assert len(fingerprints) == 2


def test_models_that_tell_no_languages(tmp_path):
    new_bundled_network("tiny", LETTERS).save_pretrained(tmp_path / "bundled")
    save_plain(tmp_path / "letters")
    for name in ("bundled", "letters"):
        with pytest.raises(ConfigError, match="expected a model that tells languages"):
            load_language_identifier(str(tmp_path / name), "cpu")
    with pytest.raises(ConfigError, match="neither"):
        load_language_identifier(str(tmp_path / "no folder"), "cpu")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ArtifactError, match="found none"):
        load_language_identifier(str(tmp_path / "empty"), "cpu")


def test_a_classifier_without_its_weights(tmp_path):
    save_classifier(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    Wav2Vec2ForSequenceClassification(
        tiny_config(num_labels=3)
    ).wav2vec2.save_pretrained(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(ArtifactError, match="expected all weights"):
        load_language_identifier(str(tmp_path), "cpu")
