"""The detector of speech whose weights silero-vad brings in its wheel.

silero-vad's own module carries its state from call to call, one frame at a time, and
sets torch's threads for the whole process when it is imported. Here the same weights
are a plain function of a waveform: many frames at once, no state, any thread.

Shapes: waveform (N,), frames (S, 576), features (S, 128).
"""

import hashlib
import importlib.util
import io
import warnings
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from models.devices import one_thread_each
from schemas.errors import ArtifactError

# The .safetensors beside it has the weights of an earlier version.
_WEIGHTS = Path("data", "silero_vad.jit")
# Its names of our parameters; of its cell we make a layer.
_NAMES = {
    "_model.stft.forward_basis_buffer": "stft_conv.weight",
    **{
        f"_model.encoder.{number}.reparam_conv.{kind}": f"conv{number + 1}.{kind}"
        for number in range(4)
        for kind in ("weight", "bias")
    },
    **{
        f"_model.decoder.rnn.{kind}_{side}": f"lstm.{kind}_{side}_l0"
        for kind in ("weight", "bias")
        for side in ("ih", "hh")
    },
    "_model.decoder.decoder.2.weight": "final_conv.weight",
    "_model.decoder.decoder.2.bias": "final_conv.bias",
}
_FRAME_SAMPLES, _CONTEXT_SAMPLES = 512, 64
_FFT_SAMPLES, _FFT_HOP_SAMPLES = 256, 128
_BINS = _FFT_SAMPLES // 2 + 1
_CELLS = 128
_FRAMES_AT_ONCE = 1024  # 33 s of audio take about 10 MB


class _Network(nn.Module):
    """Magnitudes of four spectra, four convolutions, an LSTM from frame to frame."""

    def __init__(self) -> None:
        super().__init__()
        self.stft_conv = nn.Conv1d(
            1, 2 * _BINS, _FFT_SAMPLES, _FFT_HOP_SAMPLES, bias=False
        )
        self.conv1 = nn.Conv1d(_BINS, 128, 3, padding=1)
        self.conv2 = nn.Conv1d(128, 64, 3, stride=2, padding=1)
        self.conv3 = nn.Conv1d(64, 64, 3, stride=2, padding=1)
        self.conv4 = nn.Conv1d(64, _CELLS, 3, padding=1)
        self.lstm = nn.LSTM(_CELLS, _CELLS, batch_first=True)
        self.final_conv = nn.Conv1d(_CELLS, 1, 1)

    def forward(
        self, frames_SN: Tensor, state: tuple[Tensor, Tensor] | None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Return the probability of speech in each frame (S,), and the new state."""
        padded_SN = functional.pad(frames_SN[:, None], (0, _CONTEXT_SAMPLES), "reflect")
        parts = self.stft_conv(padded_SN)
        hidden = (parts[:, :_BINS] ** 2 + parts[:, _BINS:] ** 2).sqrt()
        for convolution in (self.conv1, self.conv2, self.conv3, self.conv4):
            hidden = convolution(hidden).relu()
        cells_SC, state = self.lstm(hidden[None, :, :, 0], state)
        logits = self.final_conv(cells_SC[0].relu()[:, :, None])
        return logits[:, 0, 0].sigmoid(), state


@dataclass(frozen=True)
class SileroDetector:
    """As ``aligner.speech`` expects a detector; may be asked from many threads."""

    network: _Network
    fingerprint: str
    step_samples: int = _FRAME_SAMPLES

    def speech_probabilities(self, waveform_N: np.ndarray) -> np.ndarray:
        """Return how likely somebody speaks, float32 (S,), S = ceil(N / 512).

        Beyond the waveform and the result it takes the same memory however long the
        recording is.

        Args:
          waveform_N: mono at 16 kHz, float32.
        """
        count = -(-len(waveform_N) // _FRAME_SAMPLES)
        probabilities = np.empty(count, np.float32)
        state = None
        # So small a network is slower on several threads, and equal on one alone.
        with torch.inference_mode(), one_thread_each():
            for first in range(0, count, _FRAMES_AT_ONCE):
                stop = min(first + _FRAMES_AT_ONCE, count)
                frames_SN = torch.from_numpy(_frames(waveform_N, first, stop))
                found_S, state = self.network(frames_SN, state)
                probabilities[first:stop] = found_S.numpy()
        return probabilities


def _frames(waveform_N: np.ndarray, first: int, stop: int) -> np.ndarray:
    """Return frames with the samples before each, float32 (stop - first, 576).

    What lies outside of the waveform is 0.
    """
    start = first * _FRAME_SAMPLES - _CONTEXT_SAMPLES
    wanted = np.zeros(_CONTEXT_SAMPLES + (stop - first) * _FRAME_SAMPLES, np.float32)
    part_N = waveform_N[max(start, 0) : stop * _FRAME_SAMPLES]
    at = max(-start, 0)
    wanted[at : at + len(part_N)] = part_N
    windows = np.lib.stride_tricks.sliding_window_view(
        wanted, _CONTEXT_SAMPLES + _FRAME_SAMPLES
    )
    return windows[::_FRAME_SAMPLES].copy()


@cache
def load_speech_detector() -> SileroDetector:
    """Return this process's detector; nothing is fetched.

    Raises:
      ArtifactError: the weights are not there, or are not those that are expected.
    """
    path = weights_path()
    try:
        data = path.read_bytes()
        with warnings.catch_warnings():
            # Deprecated, but the wheel has these weights in no other format of torch.
            warnings.simplefilter("ignore", DeprecationWarning)
            archive = torch.jit.load(io.BytesIO(data), map_location="cpu")
        weights = archive.state_dict()
        network = _Network()
        network.load_state_dict({own: weights[name] for name, own in _NAMES.items()})
    except (OSError, RuntimeError, KeyError) as error:
        raise ArtifactError(
            f"{path}: expected the weights of silero-vad 6.2, got {error}; reinstall it"
        ) from error
    digest = hashlib.sha256(data).hexdigest()
    return SileroDetector(network.eval().requires_grad_(False), digest)


def weights_path() -> Path:
    """Return where the weights lie.

    Raises:
      ArtifactError: silero-vad is not installed.
    """
    # To find the package is not to import it, which would set torch's threads.
    found = importlib.util.find_spec("silero_vad")
    folders = found.submodule_search_locations if found else None
    if not folders:
        raise ArtifactError("silero-vad: expected it installed, found none; reinstall")
    return Path(folders[0]) / _WEIGHTS
