"""MMS_FA's loader, on weights of its format and a thousandth of its size."""

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import torch
from torchaudio.models import wav2vec2_model
from torchaudio.pipelines import MMS_FA

from aligner.emissions import AcousticModel
from models.mms_fa import WEIGHTS_VARIABLE, load_mms_fa
from schemas.errors import ArtifactError, ConfigError

SMALL = {
    "extractor_conv_layer_config": [(8, 10, 5), *[(8, 3, 2)] * 4, *[(8, 2, 2)] * 2],
    "encoder_embed_dim": 16,
    "encoder_pos_conv_kernel": 16,
    "encoder_pos_conv_groups": 2,
    "encoder_num_layers": 2,
    "encoder_num_heads": 2,
    "encoder_ff_interm_features": 32,
}


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> dict:
    """The bundle's own settings, only narrower."""
    settings = MMS_FA._params | SMALL
    monkeypatch.setattr(MMS_FA, "_params", settings)
    monkeypatch.delenv(WEIGHTS_VARIABLE, raising=False)
    return settings


@pytest.fixture
def weights(small: dict, tmp_path: Path) -> Path:
    """A state dict as published: 31 outputs, of which 1 to 3 belong to no label."""
    with torch.random.fork_rng():
        torch.manual_seed(3)
        network = wav2vec2_model(**(small | {"aux_num_out": 31}))
        for parameter in network.parameters():
            torch.nn.init.normal_(parameter, std=0.3)
    path = tmp_path / "weights" / "model.pt"
    path.parent.mkdir()
    torch.save(network.state_dict(), path)
    return path


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server(weights: Path) -> Iterator[str]:
    handler = partial(Quiet, directory=str(weights.parent))
    http_server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=http_server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{http_server.server_port}"
    http_server.shutdown()
    thread.join()
    http_server.server_close()


def sound(samples: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (0.05 * rng.standard_normal(samples) + 0.01).astype(np.float32)


def test_labels(weights):
    model: AcousticModel = load_mms_fa("cpu", weights)
    assert model.name == "mms-fa"
    assert len(model.labels) == 28
    assert sorted(model.labels) == ["", "'", *"abcdefghijklmnopqrstuvwxyz"]
    assert (model.blank, model.labels[0]) == (0, "")
    assert (model.romanised, model.word_separator) == (True, None)
    assert (model.score_threshold, model.hop_samples) == (-0.2, 320)
    assert model.licence == "CC-BY-NC-4.0"


def test_equal_to_torchaudios_own_forward(weights):
    bundled = MMS_FA.get_model(
        with_star=False,
        dl_kwargs={"model_dir": str(weights.parent), "weights_only": True},
    )
    model = load_mms_fa("cpu", weights)
    # 400 samples more than 100 hops: both see the same whole frames. The zeros that we
    # add behind them are seen by the attention alone.
    waveform_N = sound(32_080)
    with torch.inference_mode():
        theirs = bundled(torch.from_numpy(waveform_N)[None])[0][0].numpy()
        padded = torch.from_numpy(
            np.pad(model.normaliser(waveform_N)(waveform_N), (0, 80))
        )
        same_zeros = bundled.model(padded[None])[0].log_softmax(-1)[0].numpy()
    ours = model.log_probs(model.normaliser(waveform_N)(waveform_N)[None])[0]
    assert len(ours) == len(theirs) == 100
    np.testing.assert_allclose(ours, theirs, atol=2e-4)
    np.testing.assert_allclose(ours, same_zeros, atol=2e-5)


def test_each_row_of_a_batch_stands_alone(weights):
    """torchaudio normalises a batch as one: a loud row would change a quiet one."""
    model = load_mms_fa("cpu", weights)
    quiet, loud = sound(9600, 1), 20 * sound(9600, 2)
    rows = np.stack([model.normaliser(quiet)(quiet), model.normaliser(loud)(loud)])
    alone = model.log_probs(model.normaliser(quiet)(quiet)[None])
    np.testing.assert_allclose(model.log_probs(rows)[0], alone[0], atol=1e-5)
    assert abs(model.normaliser(loud)(loud).std() - 1) < 1e-3


def test_a_file_from_the_environment(weights, monkeypatch):
    monkeypatch.setenv(WEIGHTS_VARIABLE, str(weights))
    assert load_mms_fa("cpu").fingerprint == load_mms_fa("cpu", weights).fingerprint
    monkeypatch.setenv(WEIGHTS_VARIABLE, str(weights) + ".gone")
    with pytest.raises(ConfigError, match=r"model\.pt\.gone.*PERICOPE_MMS_FA"):
        load_mms_fa("cpu")


def test_fetched_once_into_torch_hubs_cache(weights, server, tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr("models.mms_fa.WEIGHTS_URL", f"{server}/model.pt")
    first = load_mms_fa("cpu")
    cached = tmp_path / "torch" / "hub" / "checkpoints" / "model.pt"
    assert cached.read_bytes() == weights.read_bytes()
    weights.unlink()  # nothing is left to fetch
    second = load_mms_fa("cpu")
    assert first.fingerprint == second.fingerprint
    windows_BN = sound(6400)[None]
    np.testing.assert_array_equal(
        first.log_probs(windows_BN), second.log_probs(windows_BN)
    )


def test_a_failed_download_says_what_to_do(small, server, tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    for url in (f"{server}/nothing.pt", "http://127.0.0.1:9/model.pt"):
        monkeypatch.setattr("models.mms_fa.WEIGHTS_URL", url)
        with pytest.raises(ConfigError, match="name it in PERICOPE_MMS_FA"):
            load_mms_fa("cpu")
    assert list((tmp_path / "torch").rglob("*.p*t*")) == []


class Hostile:
    def __init__(self, mark: Path):
        self.mark = mark

    def __reduce__(self):
        return Path.touch, (self.mark,)


def test_files_that_are_not_the_weights(small, weights, tmp_path):
    cut, other, hostile = (tmp_path / f"{k}.pt" for k in range(3))
    cut.write_bytes(weights.read_bytes()[:-5000])
    torch.save({"aux.weight": torch.zeros(31, 16)}, other)
    torch.save({"aux.weight": Hostile(tmp_path / "ran")}, hostile)
    for path in (cut, other, hostile):
        with pytest.raises(ArtifactError, match="expected the weights of MMS_FA"):
            load_mms_fa("cpu", path)
    assert not (tmp_path / "ran").exists()


def test_the_url_is_torchaudios():
    from models.mms_fa import WEIGHTS_URL

    assert MMS_FA._path == WEIGHTS_URL
