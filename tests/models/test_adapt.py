"""Weights that follow a voice: by the bundled network and by those of wav2vec 2.0."""

import threading
from pathlib import Path

import numpy as np
import pytest
import torch

from models.adapt import VoiceClip, adapt, is_trainable, with_weights
from models.bundled import BundledModel, Calibration
from models.devices import one_thread_each
from models.network import AcousticNetwork, NetworkConfig
from models.wav2vec2 import load_wav2vec2
from models.waveform_model import WaveformModel
from tests.models.tiny_wav2vec2 import save_plain

TINY = NetworkConfig(
    outer_channels=8, inner_channels=8, entry_blocks=1, inner_blocks=1, exit_blocks=1
)


@pytest.fixture(scope="module")
def bundled() -> BundledModel:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = AcousticNetwork(TINY).eval()
    return BundledModel(network, Calibration(), "tiny")


@pytest.fixture(scope="module")
def wav2vec2(tmp_path_factory: pytest.TempPathFactory) -> WaveformModel:
    folder: Path = tmp_path_factory.mktemp("model")
    save_plain(folder)
    return load_wav2vec2(str(folder), "cpu")


def clips(count: int = 18, seed: int = 0) -> list[VoiceClip]:
    """Noise of different lengths; letters that any of the models has."""
    rng = np.random.default_rng(seed)
    return [
        VoiceClip(
            0.1 * rng.standard_normal(int(rng.integers(6_000, 9_000)), np.float32),
            rng.integers(5, 12, 6).astype(np.int32),
        )
        for _ in range(count)
    ]


def loss(model, clips: list[VoiceClip]) -> float:
    total = 0.0
    for clip in clips:
        whole = len(clip.waveform_N) // 320 * 320
        log_probs = torch.from_numpy(model.log_probs(clip.waveform_N[None, :whole]))
        total += float(
            torch.nn.functional.ctc_loss(
                log_probs[0], torch.from_numpy(clip.tokens).long(),
                torch.tensor(log_probs.shape[1]), torch.tensor(len(clip.tokens)),
                reduction="sum",
            )
        )  # fmt: skip
    return total


@pytest.mark.parametrize("kind", ["bundled", "wav2vec2"])
def test_what_was_learnt_is_heard_and_the_model_stays_as_it_was(kind, request):
    model, voice = request.getfixturevalue(kind), clips(6)
    before = {name: t.clone() for name, t in model.network.state_dict().items()}
    weights = adapt(model, voice, steps=12, learning_rate=5e-3)
    own = with_weights(model, weights, "own")
    assert loss(own, voice) < 0.95 * loss(model, voice)
    assert own.fingerprint == "own"
    assert model.fingerprint != "own"
    after = model.network.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


@pytest.mark.parametrize("kind", ["bundled", "wav2vec2"])
def test_equal_inputs_give_equal_weights_on_any_number_of_threads(kind, request):
    model, threads = request.getfixturevalue(kind), torch.get_num_threads()
    found = []
    try:
        for number in (1, 2):
            torch.set_num_threads(number)
            found.append(adapt(model, clips(), steps=3, seed=4))
            assert torch.get_num_threads() == number
    finally:
        torch.set_num_threads(threads)
    one, two = found
    assert one.keys() == two.keys()
    assert all(torch.equal(one[name], two[name]) for name in one)
    other = adapt(model, clips(), steps=3, seed=5)
    assert any(not torch.equal(one[name], other[name]) for name in one)


def test_the_small_network_learns_everywhere_the_large_one_where_it_is_cheap(
    bundled, wav2vec2
):
    everything = {name for name, _ in bundled.network.named_parameters()}
    assert set(adapt(bundled, clips(2), steps=1)) == everything
    weights = adapt(wav2vec2, clips(2), steps=1)
    shapes = dict(wav2vec2.network.named_parameters())
    assert {name for name in weights if shapes[name].ndim > 1} == {
        "network.lm_head.weight"
    }
    assert not any("feature_extractor" in name for name in weights)
    assert any("layer_norm" in name for name in weights)


def test_what_does_not_adapt_is_shared(wav2vec2):
    own = with_weights(wav2vec2, adapt(wav2vec2, clips(2), steps=1), "own")
    shared = dict(wav2vec2.network.named_parameters())
    for name, parameter in own.network.named_parameters():
        assert (parameter is shared[name]) != own.is_adapted(name, parameter)


def test_weights_of_another_network_are_refused(bundled, wav2vec2):
    with pytest.raises(ValueError, match="no such weights"):
        with_weights(bundled, adapt(wav2vec2, clips(2), steps=1), "own")


def test_a_function_has_no_weights(bundled, wav2vec2):
    assert is_trainable(bundled)
    assert is_trainable(wav2vec2)
    fields = {**vars(wav2vec2), "network": lambda waveforms: waveforms}
    assert not is_trainable(WaveformModel(**fields))
    assert not is_trainable(object())


def test_the_number_of_threads_comes_back_when_the_last_is_done():
    before, inside = torch.get_num_threads(), threading.Barrier(2, timeout=60)
    seen: list[int] = []

    def work() -> None:
        with one_thread_each():
            inside.wait()
            seen.append(torch.get_num_threads())
            inside.wait()

    thread = threading.Thread(target=work)
    thread.start()
    with one_thread_each():
        inside.wait()
        seen.append(torch.get_num_threads())
        inside.wait()
    thread.join()
    assert seen == [1, 1]
    assert torch.get_num_threads() in (1, before)
