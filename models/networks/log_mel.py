"""Log-mel features of the Conformer, block by block, so that hours take little memory.

The bands, window and floor are those of transformers' ``LasrFeatureExtractor``. Shapes:
waveform (N,), features (F, M), one row every 10 ms centred in its 160 samples.
"""

import functools

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

HOP_SAMPLES = 160
_WINDOW_SAMPLES = 400
_FFT = 512
_FLOOR = 1e-5
_LEAD_SAMPLES = (_WINDOW_SAMPLES - HOP_SAMPLES) // 2
_BLOCK_ROWS = 6000
_LEAST_DEVIATION = 1e-2


def log_mel_rows(waveform_N: npt.NDArray[np.float32], mels: int) -> Tensor:
    """Return natural logs of mel energies (F, M), F = ceil(N / 160)."""
    rows = -(-len(waveform_N) // HOP_SAMPLES)
    tail = rows * HOP_SAMPLES + _LEAD_SAMPLES - len(waveform_N)
    padded = functional.pad(torch.from_numpy(waveform_N), (_LEAD_SAMPLES, tail))
    blocks = []
    for first in range(0, rows, _BLOCK_ROWS):
        last = min(first + _BLOCK_ROWS, rows) - 1
        part = padded[first * HOP_SAMPLES : last * HOP_SAMPLES + _WINDOW_SAMPLES]
        frames = part.unfold(0, _WINDOW_SAMPLES, HOP_SAMPLES) * _window()
        power = torch.fft.rfft(frames, _FFT).abs().square()
        blocks.append((power @ _bank(mels)).clamp_min(_FLOOR).log())
    return torch.cat(blocks) if blocks else padded.new_zeros(0, mels)


def normalised_rows(rows_FM: Tensor) -> Tensor:
    """Return features with mean 0 and deviation 1 in every band of the clip.

    Source: BEST-RQ, Chiu et al. 2022, whose codes need it.
    """
    mean_M = rows_FM.mean(0)
    deviation_M = rows_FM.std(0, correction=0).clamp_min(_LEAST_DEVIATION)
    return (rows_FM - mean_M) / deviation_M


@functools.cache
def _window() -> Tensor:
    return torch.hann_window(_WINDOW_SAMPLES, periodic=False)


@functools.cache
def _bank(mels: int) -> Tensor:
    from transformers import LasrFeatureExtractor

    return LasrFeatureExtractor(feature_size=mels).mel_filters.float()
