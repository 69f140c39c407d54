"""Acoustic models of the wav2vec 2.0 family: they hear the waveform itself.

Shapes: waveform (N,), windows (B, n), log-probabilities (B, T, C), T = n // hop.
"""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from schemas.units import FRAME_SAMPLES, SAMPLE_RATE_HZ

RECEPTIVE_SAMPLES = 400
"""What one frame of the convolutions sees: 25 ms, 80 samples more than the hop."""

SCORE_THRESHOLD = -0.2
"""Per frame, relative to the best path. Source: MMS, Pratap et al. 2023, 3.1."""

_PASS_SAMPLES = 300 * SAMPLE_RATE_HZ
"""Audio in one forward pass, however many windows come: 5 minutes of a 300M network
take about 2 GB."""
_BLOCK_SAMPLES = 1 << 20


@dataclass(frozen=True, kw_only=True)
class WaveformModel:
    """A network from waveforms to logits, as ``aligner.emissions`` expects a model.

    The start and end offsets are 0 because nobody has measured these networks' bias. A
    CTC network trained without times tends to spike inside its letters, so that words
    seem to start 20 to 40 ms late and to end as much early.
    """

    name: str
    fingerprint: str
    labels: tuple[str, ...]
    blank: int
    romanised: bool
    word_separator: int | None
    network: Callable[[Tensor], Tensor]
    """Waveforms (B, n) to logits (B, 1 + (n - 400) // 320, C)."""
    device: torch.device
    variance_floor: float | None
    """Added to the variance before dividing by it; None: nothing is normalised."""
    hop_samples: int = FRAME_SAMPLES
    receptive_samples: int = RECEPTIVE_SAMPLES
    start_offset_sec: float = 0.0
    end_offset_sec: float = 0.0
    join_offset_sec: float = 0.0
    score_threshold: float = SCORE_THRESHOLD
    licence: str = ""
    """Of the weights; "" unknown."""

    def normaliser(self, waveform_N: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
        """Return what gives any part of a recording the mean and variance of all.

        These become 0 and 1, if the model expects that.
        """
        if self.variance_floor is None:
            return lambda part_N: part_N
        mean = waveform_N.mean(dtype=np.float64)
        squares = 0.0
        for at in range(0, len(waveform_N), _BLOCK_SAMPLES):
            block = waveform_N[at : at + _BLOCK_SAMPLES].astype(np.float64) - mean
            squares += float(block @ block)
        scale = (squares / max(len(waveform_N), 1) + self.variance_floor) ** -0.5

        def normalise(part_N: np.ndarray) -> np.ndarray:
            normalised_N = np.subtract(part_N, mean, dtype=np.float32)
            normalised_N *= np.float32(scale)
            return normalised_N

        return normalise

    def log_probs(self, windows_BN: np.ndarray) -> np.ndarray:
        """Return natural log-probabilities, float32 (B, N // hop_samples, C).

        The convolutions give one frame fewer than there are hops; zeros on the right
        make it up.
        """
        windows, samples = windows_BN.shape
        frames = samples // self.hop_samples
        if frames == 0:
            return np.empty((windows, 0, len(self.labels)), dtype=np.float32)
        missing = self.receptive_samples - self.hop_samples
        rows = max(1, _PASS_SAMPLES // samples)
        parts = []
        with torch.inference_mode():
            for part in torch.from_numpy(windows_BN).split(rows):
                padded = functional.pad(part.to(self.device), (0, missing))
                logits = self.network(padded)[:, :frames]
                parts.append(logits.float().log_softmax(dim=-1).cpu())
        return torch.cat(parts).numpy()


def fingerprint_files(paths: Iterable[Path], *choices: str) -> str:
    """Return the SHA-256 over the names and bytes of files and over what was chosen."""
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
        digest.update(f"{path.name} {content}\n".encode())
    for choice in choices:
        digest.update(f"{choice}\n".encode())
    return digest.hexdigest()
