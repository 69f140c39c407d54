"""The bundled model's file, and what the aligner asks of it."""

import hashlib
import json
from dataclasses import replace
from importlib import resources

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from aligner.config import AlignConfig
from aligner.emissions import AcousticModel, compute_emissions
from models.bundled import (
    FORMAT,
    BundledModel,
    Calibration,
    load_bundled,
    save_bundled,
)
from models.network import BLANK, LABELS, AcousticNetwork, NetworkConfig
from schemas.errors import ArtifactError
from schemas.units import FRAME_SAMPLES, frames_from_samples

TINY = NetworkConfig(
    outer_channels=8, inner_channels=12, entry_blocks=1, inner_blocks=1, exit_blocks=1
)
CALIBRATION = Calibration(
    start_offset_sec=-0.012, end_offset_sec=0.02, score_threshold=-0.75
)
MAX_BYTES = 8_000_000


@pytest.fixture(scope="module")
def network() -> AcousticNetwork:
    torch.manual_seed(0)
    return AcousticNetwork(TINY).eval()


@pytest.fixture
def path(network, tmp_path):
    path = tmp_path / "model.safetensors"
    save_bundled(network, CALIBRATION, path)
    return path


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (0.1 * rng.standard_normal(shape)).astype(np.float32)


def test_round_trip(network, path):
    model = load_bundled("cpu", path)
    assert model.calibration == CALIBRATION
    assert model.network.config == TINY
    assert model.fingerprint == hashlib.sha256(path.read_bytes()).hexdigest()
    assert not model.network.training
    before = BundledModel(network, CALIBRATION, "").log_probs(noise(2, 16_000))
    after = model.log_probs(noise(2, 16_000))
    assert np.abs(after - before).max() < 0.05  # fp16
    assert not list(path.parent.glob("*.tmp"))


def test_equal_weights_give_equal_files(network, path, tmp_path):
    other = tmp_path / "other.safetensors"
    save_bundled(network, CALIBRATION, other)
    assert other.read_bytes() == path.read_bytes()
    save_bundled(network, replace(CALIBRATION, score_threshold=-0.5), other)
    again = load_bundled("cpu", other).fingerprint
    assert again != load_bundled("cpu", path).fingerprint


def test_what_the_aligner_reads_from_it(path):
    model: AcousticModel = load_bundled("auto", path)
    assert (model.name, model.blank, model.hop_samples) == ("bundled", BLANK, 320)
    assert model.labels == LABELS
    assert model.romanised
    assert model.word_separator is None
    assert model.start_offset_sec == -0.012
    assert model.end_offset_sec == 0.02
    assert model.score_threshold == -0.75


@pytest.mark.parametrize("samples", [320, 639, 640, 16_000, 16_100])
def test_log_probs_have_a_frame_every_20_ms_and_sum_to_one(samples, path):
    log_probs = load_bundled("cpu", path).log_probs(noise(3, samples))
    assert log_probs.shape == (3, samples // FRAME_SAMPLES, len(LABELS))
    assert log_probs.dtype == np.float32
    assert np.exp(log_probs).sum(-1) == pytest.approx(1, abs=1e-5)


def test_recordings_come_to_the_same_level(path):
    model = load_bundled("cpu", path)
    quiet, loud = (
        model.normaliser(gain * noise(32_000))(gain * noise(32_000))
        for gain in (0.01, 5)
    )
    assert quiet == pytest.approx(loud, abs=1e-4)
    assert np.sqrt(np.mean(loud**2)) == pytest.approx(0.1, rel=1e-3)
    assert loud.dtype == np.float32
    silence, nothing = np.zeros(500, np.float32), np.zeros(0, np.float32)
    assert not model.normaliser(silence)(silence).any()
    assert model.normaliser(nothing)(nothing).shape == (0,)


@pytest.mark.parametrize("samples", [5_000, 200_111])
def test_emissions_of_a_recording(samples, path):
    model = load_bundled("cpu", path)
    config = AlignConfig(window_sec=5.0)
    emissions = compute_emissions(noise(samples), model, config)
    assert emissions.shape == (frames_from_samples(samples), len(LABELS))
    whole = compute_emissions(noise(samples), model, AlignConfig(window_sec=60.0))
    assert np.abs(emissions - whole).max() < 1e-3


def changed(path, **metadata: str | None):
    """Write the file anew with other metadata."""
    with safe_open(path, framework="pt") as file:
        known = {**file.metadata(), **metadata}
    kept = {name: value for name, value in known.items() if value is not None}
    save_file(load_file(path), path, kept)


def without_a_tensor(path):
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata()
    tensors = load_file(path)
    del tensors["head.bias"]
    save_file(tensors, path, metadata)


def with_a_weight_that_is_no_number(path):
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata()
    tensors = load_file(path)
    tensors["head.bias"][3] = float("nan")
    save_file(tensors, path, metadata)


def cut_off(path):
    path.write_bytes(path.read_bytes()[:-100])


DAMAGES = {
    "missing": lambda path: path.unlink(),
    "empty": lambda path: path.write_bytes(b""),
    "web page": lambda path: path.write_text("<!doctype html><p>no such file"),
    "cut off": cut_off,
    "other format": lambda path: changed(path, format="pericope-ctc/9"),
    "no format": lambda path: changed(path, format=None),
    "no network": lambda path: changed(path, network=None),
    "network no json": lambda path: changed(path, network="{"),
    "other network": lambda path: changed(
        path, network=json.dumps({**TINY.to_dict(), "outer_channels": 9})
    ),
    "strange network": lambda path: changed(path, network='{"layers": 3}'),
    "no calibration": lambda path: changed(path, calibration=None),
    "strange calibration": lambda path: changed(path, calibration='{"offset": 1}'),
    "tensor missing": without_a_tensor,
    "weight no number": with_a_weight_that_is_no_number,
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_an_artifact_error(damage, path):
    DAMAGES[damage](path)
    with pytest.raises(ArtifactError):
        load_bundled("cpu", path)


def test_weights_that_fp16_cannot_hold_are_not_saved(tmp_path):
    network = AcousticNetwork(TINY)
    with torch.no_grad():
        network.head.bias[0] = 1e6
    with pytest.raises(ValueError, match=r"head\.bias"):
        save_bundled(network, CALIBRATION, tmp_path / "a.safetensors")
    assert not list(tmp_path.iterdir())


def test_the_file_describes_itself(path):
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata()
    assert metadata["format"] == FORMAT
    assert json.loads(metadata["network"]) == TINY.to_dict()
    assert json.loads(metadata["calibration"]) == vars(CALIBRATION)


def test_the_model_that_comes_with_pericope():
    path = resources.files("models").joinpath("bundled.safetensors")
    assert 0 < len(path.read_bytes()) <= MAX_BYTES
    model = load_bundled("cpu")
    assert model.network.config == NetworkConfig()
    assert abs(model.start_offset_sec) < 0.1
    assert abs(model.end_offset_sec) < 0.1
    assert -5 < model.score_threshold < 0
    silence = model.log_probs(np.zeros((1, 16_000), np.float32))
    assert (silence.argmax(-1) == BLANK).all()
