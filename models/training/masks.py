"""SpecAugment: parts of a network's inputs are hidden, so that it learns from the rest.

Source: Park et al. 2019 (bands), Park et al. 2020 (stretches as shares of the clip).
"""

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from models.networks.speech_network import Inputs, SpeechNetwork
from models.networks.wav2vec2 import Wav2Vec2Network
from schemas.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class Masks:
    """How much is hidden; for features as for waveforms, which have no bands.

    What is hidden takes the clip's mean, of the band or of the waveform.

    Raises:
      ConfigError: a share or number that cannot be.
    """

    stretches: int = 8
    """Of each clip, in time."""
    stretch_share: float = 0.05
    """Of the clip, at most, for each of them."""
    bands: int = 2
    """Of each clip, over all of its time."""
    band_share: float = 0.3
    """Of all bands, at most, for each of them."""

    def __post_init__(self) -> None:
        shares = (self.stretch_share, self.band_share)
        if min(self.stretches, self.bands) < 0 or not all(0 <= s <= 1 for s in shares):
            raise ConfigError(
                f"masks: expected numbers from 0 up and shares of 0 to 1, got {self}"
            )

    def __call__(self, inputs: Inputs, rng: np.random.Generator) -> Inputs:
        """Return other inputs of the same shape with parts hidden."""
        values = inputs.values.clone()
        for row, length in zip(values, inputs.lengths.tolist(), strict=True):
            self._hide(row[:length], rng)
        return Inputs(values, inputs.lengths)

    def _hide(self, clip: Tensor, rng: np.random.Generator) -> None:
        mean = clip.mean(0)
        for _ in range(self.stretches):
            first, last = _interval(len(clip), self.stretch_share, rng)
            clip[first:last] = mean
        if clip.ndim == 2:
            for _ in range(self.bands):
                first, last = _interval(clip.shape[1], self.band_share, rng)
                clip[:, first:last] = mean[first:last]


def masks_for(network: SpeechNetwork) -> Masks | None:
    """Return the usual masks, None for a network that hides parts by itself."""
    hides = isinstance(network, Wav2Vec2Network) and network.hides_parts
    return None if hides else Masks()


def _interval(length: int, share: float, rng: np.random.Generator) -> tuple[int, int]:
    """Draw an interval of at most a share of a length, anywhere in it."""
    width = int(rng.integers(0, int(share * length) + 1))
    first = int(rng.integers(0, length - width + 1))
    return first, first + width
