"""Foreign checkpoints load as what they are, and answer as transformers itself does."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import (
    Wav2Vec2FeatureExtractor,
    Wav2Vec2ForCTC,
    Wav2Vec2Model,
)

from aligner.config import AlignConfig
from aligner.emissions import AcousticModel, compute_emissions
from models.wav2vec2 import load_wav2vec2
from schemas.errors import ArtifactError, ConfigError
from tests.models.tiny_wav2vec2 import (
    LETTERS,
    columns,
    save_plain,
    save_tokenizer,
    save_with_adapters,
    tiny_config,
)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "plain"
    save_plain(folder)
    return folder


@pytest.fixture(scope="module")
def adapted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "adapted"
    save_with_adapters(folder)
    return folder


def sound(samples: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (0.05 * rng.standard_normal(samples) + 0.01).astype(np.float32)


def reference_log_probs(network: Wav2Vec2ForCTC, waveform_N: np.ndarray) -> np.ndarray:
    """transformers' own way: its feature extractor, then its model."""
    extractor = Wav2Vec2FeatureExtractor(do_normalize=True)
    values = extractor(waveform_N, sampling_rate=16_000, return_tensors="pt")
    with torch.no_grad():
        logits = network.eval()(values.input_values).logits
    return logits.log_softmax(-1)[0].numpy()


def test_labels_blank_and_alphabet(plain):
    model: AcousticModel = load_wav2vec2(str(plain), "cpu")
    assert model.licence == ""  # there is no card
    assert model.labels == ("", "<s>", "</s>", "<unk>", "|", *"abcdefgh'")
    assert (model.blank, model.word_separator, model.romanised) == (0, 4, True)
    assert (model.hop_samples, model.score_threshold) == (320, -0.2)
    assert model.name == f"hf:{plain}"


@pytest.mark.parametrize("samples", [400, 640, 16_000, 16_319, 48_123])
def test_equal_to_transformers_but_for_the_edge(samples, plain):
    """Same values for every frame whose view lies inside; one frame more than there."""
    model = load_wav2vec2(str(plain), "cpu")
    network = Wav2Vec2ForCTC.from_pretrained(plain)
    waveform_N = sound(samples)
    ours = model.log_probs(model.normaliser(waveform_N)(waveform_N)[None])
    assert ours.dtype == np.float32
    assert ours.shape == (1, samples // 320, len(model.labels))
    padded = np.pad(model.normaliser(waveform_N)(waveform_N), (0, 80))
    with torch.no_grad():
        theirs = network(torch.from_numpy(padded)[None]).logits.log_softmax(-1)
    np.testing.assert_allclose(ours[0], theirs[0, : samples // 320], atol=2e-5)


def test_normalised_as_the_feature_extractor_does(plain):
    model = load_wav2vec2(str(plain), "cpu")
    for waveform_N in (sound(16_000), 1e-3 * sound(2_500_000, 1), sound(1)):
        before = waveform_N.copy()
        extractor = Wav2Vec2FeatureExtractor(do_normalize=True)
        theirs = extractor(waveform_N.astype(np.float64), sampling_rate=16_000)
        ours = model.normaliser(waveform_N)(waveform_N)
        assert ours.dtype == np.float32
        np.testing.assert_allclose(ours, theirs.input_values[0], atol=1e-4)
        np.testing.assert_array_equal(waveform_N, before)


def test_a_model_that_takes_audio_as_it_is(tmp_path):
    save_plain(tmp_path / "m", normalise=False, feat_extract_norm="group",
               do_stable_layer_norm=False, conv_bias=False)  # fmt: skip
    model = load_wav2vec2(str(tmp_path / "m"), "cpu")
    waveform_N = sound(3200)
    np.testing.assert_array_equal(model.normaliser(waveform_N)(waveform_N), waveform_N)


def test_batches_of_any_size_give_the_same(plain, monkeypatch):
    model = load_wav2vec2(str(plain), "cpu")
    windows_BN = np.stack([sound(9600, seed) for seed in range(5)])
    together = model.log_probs(windows_BN)
    alone = np.concatenate([model.log_probs(window[None]) for window in windows_BN])
    np.testing.assert_allclose(together, alone, atol=1e-5)
    monkeypatch.setattr("models.waveform_model._PASS_SAMPLES", 2 * 9600)
    np.testing.assert_allclose(model.log_probs(windows_BN), together, atol=1e-5)
    assert model.log_probs(windows_BN[:, :319]).shape == (5, 0, len(model.labels))


def test_whole_recordings_in_windows(plain):
    model = load_wav2vec2(str(plain), "cpu")
    config = AlignConfig(window_sec=1.0, context_sec=0.5, batch_windows=3)
    results = [
        compute_emissions(sound(16_000 * 6 + 77), model, config, workers=workers)
        for workers in (1, 2)
    ]
    assert results[0].shape == (301, len(model.labels))
    np.testing.assert_allclose(results[0], results[1], atol=1e-5)


def test_an_adapter_changes_the_output_as_in_transformers(adapted):
    waveform_N = sound(32_000 + 80)
    found = {}
    for language, letters in LETTERS.items():
        model = load_wav2vec2(f"{adapted}#{language}", "cpu")
        assert model.labels[5:] == tuple(letters)
        assert model.romanised == (language != "ell")
        network = Wav2Vec2ForCTC.from_pretrained(adapted)
        network.load_adapter(language)
        ours = model.log_probs(model.normaliser(waveform_N)(waveform_N)[None])[0]
        theirs = reference_log_probs(network, waveform_N)
        np.testing.assert_allclose(ours[: len(theirs)], theirs, atol=2e-4)
        found[language] = ours
    base = load_wav2vec2(str(adapted), "cpu")
    plain_output = base.log_probs(base.normaliser(waveform_N)(waveform_N)[None])[0]
    assert np.abs(found["eng"] - plain_output).max() > 0.1
    assert found["eng"].shape != found["ell"].shape


def test_fingerprints_tell_models_apart(plain, adapted, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(adapted, copy)
    prints = {
        load_wav2vec2(str(reference), "cpu").fingerprint
        for reference in (plain, adapted, f"{adapted}#eng", f"{adapted}#swh")
    }
    assert len(prints) == 4
    assert load_wav2vec2(f"{copy}#eng", "cpu").fingerprint in prints
    shutil.copy(copy / "adapter.ell.safetensors", copy / "adapter.eng.safetensors")
    save_tokenizer(copy, {"eng": columns(LETTERS["ell"])}, target_lang="eng")
    assert load_wav2vec2(f"{copy}#eng", "cpu").fingerprint not in prints


def test_capital_letters_become_small_ones(tmp_path):
    save_plain(tmp_path / "m", letters="ABCD'")
    model = load_wav2vec2(str(tmp_path / "m"), "cpu")
    assert model.labels[5:] == tuple("abcd'")
    assert model.romanised
    save_plain(tmp_path / "both", letters="ABab")
    assert load_wav2vec2(str(tmp_path / "both"), "cpu").labels[5:] == tuple("ABab")


def test_special_tokens_never_pass_for_letters(tmp_path):
    folder = tmp_path / "m"
    save_plain(folder, letters="abcdef")
    tokens = {"[PAD]": 8, "?": 0, "x": 1, " ": 2, "ab": 3, "a": 4, "é": 6}
    save_tokenizer(folder, tokens, pad_token="[PAD]", unk_token="?", bos_token="x",
                   eos_token="</s>", word_delimiter_token=" ")  # fmt: skip
    model = load_wav2vec2(str(folder), "cpu")
    assert model.blank == 8
    assert model.word_separator == 2
    assert model.labels[:9] == ("<?>", "<x>", " ", "ab", "a", "<unused 5>", "é",
                                "<unused 7>", "")  # fmt: skip
    assert not model.romanised
    assert len(set(model.labels)) == len(model.labels)


def test_a_checkpoint_in_pytorchs_own_format(plain, tmp_path):
    folder = tmp_path / "old"
    shutil.copytree(plain, folder)
    network = Wav2Vec2ForCTC.from_pretrained(plain)
    (folder / "model.safetensors").unlink()
    torch.save(network.state_dict(), folder / "pytorch_model.bin")
    windows_BN = sound(6400)[None]
    np.testing.assert_allclose(
        load_wav2vec2(str(folder), "cpu").log_probs(windows_BN),
        load_wav2vec2(str(plain), "cpu").log_probs(windows_BN),
        atol=1e-6,
    )


class Hostile:
    """Would run a program if it were unpickled."""

    def __init__(self, mark: Path):
        self.mark = mark

    def __reduce__(self):
        return Path.touch, (self.mark,)


def test_pickled_code_is_never_run(plain, tmp_path):
    folder = tmp_path / "evil"
    shutil.copytree(plain, folder)
    (folder / "model.safetensors").unlink()
    torch.save({"x": Hostile(tmp_path / "ran")}, folder / "pytorch_model.bin")
    with pytest.raises(ArtifactError, match="cannot be loaded"):
        load_wav2vec2(str(folder), "cpu")
    assert not (tmp_path / "ran").exists()


def test_damaged_and_incomplete_checkpoints(plain, adapted, tmp_path):
    def copy(source: Path, name: str) -> Path:
        return Path(shutil.copytree(source, tmp_path / name))

    cut = copy(plain, "cut")
    octets = (cut / "model.safetensors").read_bytes()
    (cut / "model.safetensors").write_bytes(octets[: len(octets) // 2])
    empty = copy(plain, "empty")
    (empty / "model.safetensors").unlink()
    speechless = copy(plain, "speechless")
    (speechless / "vocab.json").unlink()
    odd = copy(plain, "odd")
    (odd / "vocab.json").write_text("[]")
    wide = copy(plain, "wide")
    save_tokenizer(wide, columns("abcdefghijklmnop"))
    untrained = copy(plain, "untrained")
    Wav2Vec2Model(tiny_config()).save_pretrained(untrained)
    no_settings = copy(plain, "no_settings")
    (no_settings / "preprocessor_config.json").unlink()
    for reference, message in [
        (cut, "cannot be loaded"),
        (empty, r"model\.safetensors"),
        (speechless, r"vocab\.json: missing"),
        (odd, r"vocab\.json: expected an object"),
        (wide, "do not belong together"),
        (untrained, r"missing, lm_head"),
        (no_settings, "preprocessor_config"),
        (f"{adapted}#fra", "adapters here: ell, eng, swh"),
    ]:
        with pytest.raises(ArtifactError, match=message):
            load_wav2vec2(str(reference), "cpu")


def test_what_the_user_can_put_right(plain, adapted, tmp_path):
    hubert = Path(shutil.copytree(plain, tmp_path / "hubert"))
    settings = json.loads((hubert / "config.json").read_text())
    (hubert / "config.json").write_text(json.dumps(settings | {"model_type": "hubert"}))
    rate = Path(shutil.copytree(plain, tmp_path / "rate"))
    Wav2Vec2FeatureExtractor(sampling_rate=8000).save_pretrained(rate)
    coarse = Path(shutil.copytree(plain, tmp_path / "coarse"))
    (coarse / "config.json").write_text(json.dumps(settings | {"add_adapter": True}))
    nameless = tmp_path / "nameless"
    save_with_adapters(nameless, default=None)
    shutil.copy(
        nameless / "adapter.eng.safetensors", nameless / "adapter.x.safetensors"
    )
    for reference, message in [
        (hubert, "'hubert'"),
        (rate, "8000 Hz"),
        (coarse, "add_adapter=True"),
        (f"{nameless}#x", "one of ell, eng, swh, got x"),
        (nameless, "got none"),
        (f"{adapted}#../eng", "language code"),
        (tmp_path / "not there", "neither"),
    ]:
        with pytest.raises(ConfigError, match=message):
            load_wav2vec2(str(reference), "cpu")
    (plain / "adapter.eng.safetensors").write_bytes(b"")
    with pytest.raises(ConfigError, match="no language adapters"):
        load_wav2vec2(f"{plain}#eng", "cpu")
    (plain / "adapter.eng.safetensors").unlink()
