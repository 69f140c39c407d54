"""Log-mel features of the bundled model, with the warps that training needs.

Shapes: waveform (N,), power spectrum (F, 257), features (F, 80); one feature frame
every 10 ms, F = ceil(N / 160).
"""

import functools
import math
from typing import TypeVar

import torch
from torch import Tensor
from torch.nn import functional

from schemas.units import SAMPLE_RATE_HZ

FEATURE_HOP_SAMPLES = 160
MELS = 80
_FFT = 512
_WINDOW_SAMPLES = 400
_FLOOR = 1e-3
TARGET_RMS = 0.1

Energy = TypeVar("Energy", float, Tensor)


def power_spectrum(waveform: Tensor) -> Tensor:
    """Return |STFT|^2, shape (..., F, 257), frame f centred on sample 160 f."""
    samples = waveform.shape[-1]
    frames = -(-samples // FEATURE_HOP_SAMPLES)
    padded = functional.pad(waveform, (0, frames * FEATURE_HOP_SAMPLES - samples))
    spectrum = torch.stft(
        padded,
        _FFT,
        FEATURE_HOP_SAMPLES,
        _WINDOW_SAMPLES,
        _window(),
        center=True,
        pad_mode="constant",
        return_complex=True,
    )
    power = spectrum.real.square() + spectrum.imag.square()
    return power.transpose(-1, -2)[..., :frames, :]


def log_mel(power: Tensor, warp: float = 1.0) -> Tensor:
    """Return normalised log-mel features, shape (..., F, 80).

    ``warp`` above 1 moves formants down as a longer vocal tract does.
    """
    return normalise_log(torch.log(power @ mel_bank(warp) + _FLOOR))


def normalise_log(log_energy: Energy) -> Energy:
    """Shift and scale log energies of speech at TARGET_RMS to about [-2, 2]."""
    return (log_energy + 1.5) / 3.0


# What padding looks like: digital silence.
SILENCE = normalise_log(math.log(_FLOOR))


def features(waveform: Tensor) -> Tensor:
    """Return the features (..., F, 80) of waveforms (..., N) already at TARGET_RMS."""
    return log_mel(power_spectrum(waveform))


@functools.cache
def _window() -> Tensor:
    return torch.hann_window(_WINDOW_SAMPLES)


@functools.lru_cache(maxsize=64)
def mel_bank(warp: float = 1.0) -> Tensor:
    """Return the triangular filters on the HTK mel scale, shape (257, 80)."""
    edges_hz = _hz_from_mel(torch.linspace(0, float(_mel_from_hz(8000.0)), MELS + 2))
    bins_hz = _warped(torch.linspace(0, SAMPLE_RATE_HZ / 2, _FFT // 2 + 1), warp)
    rise = (bins_hz[:, None] - edges_hz[None, :-2]) / edges_hz.diff()[None, :-1]
    fall = (edges_hz[None, 2:] - bins_hz[:, None]) / edges_hz.diff()[None, 1:]
    return torch.minimum(rise, fall).clamp_min(0).float()


def _mel_from_hz(hz: float) -> float:
    return 2595 * float(torch.log10(torch.tensor(1 + hz / 700)))


def _hz_from_mel(mel: Tensor) -> Tensor:
    return 700 * (10 ** (mel / 2595) - 1)


def _warped(bins_hz: Tensor, warp: float) -> Tensor:
    """Divide frequencies by ``warp`` up to 4.8 kHz, then run straight to 8 kHz."""
    top_hz = SAMPLE_RATE_HZ / 2
    knee_hz = 4800 * min(1.0, warp)
    low = bins_hz / warp
    rest = (bins_hz - knee_hz) / (top_hz - knee_hz)
    high = knee_hz / warp + rest * (top_hz - knee_hz / warp)
    return torch.where(bins_hz <= knee_hz, low, high)
