"""SpecAugment: stretches of time and bands of pitch hidden from a network.

Source: Park et al. 2019.
"""

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from schemas.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class SpecAugment:
    """How much of a clip is hidden; what is hidden gets the clip's mean."""

    bands: int = 2
    band_bins: int = 27
    """A band's width at most. Waveforms have no bands."""
    stretches: int = 2
    stretch_sec: float = 0.5
    """A stretch's length at most."""
    stretch_share: float = 0.1
    """And at most this share of the clip."""

    def __post_init__(self) -> None:
        for name in ("bands", "band_bins", "stretches", "stretch_sec"):
            if getattr(self, name) < 0:
                raise ConfigError(
                    f"{name}: expected 0 or more, got {getattr(self, name)}"
                )
        if not 0 <= self.stretch_share <= 1:
            raise ConfigError(
                f"stretch_share: expected 0 to 1, got {self.stretch_share:g}"
            )

    def hide(
        self,
        values: Tensor,
        lengths: Tensor,
        rate_hz: float,
        rng: np.random.Generator,
    ) -> Tensor:
        """Return padded features (B, F, M) or waveforms (B, N) with parts hidden.

        Args:
          values: a batch; it stays as it is.
          lengths: valid rows or samples of each clip, int64 (B,); padding is not
            touched.
          rate_hz: rows or samples a second.
          rng: decides what is hidden.
        """
        hidden = values.clone()
        for clip, length in zip(hidden, lengths.tolist(), strict=True):
            valid = clip[:length]
            if not length:
                continue
            fill = valid.mean()
            limit = min(self.stretch_sec * rate_hz, self.stretch_share * length)
            for _ in range(self.stretches):
                first, end = _stretch(length, int(limit), rng)
                valid[first:end] = fill
            if clip.dim() == 2:
                for _ in range(self.bands):
                    first, end = _stretch(clip.shape[1], self.band_bins, rng)
                    valid[:, first:end] = fill
        return hidden


def _stretch(length: int, limit: int, rng: np.random.Generator) -> tuple[int, int]:
    """Draw a stretch of 0 to ``limit`` within a length, each width equally often."""
    width = int(rng.integers(0, min(limit, length) + 1))
    first = int(rng.integers(0, length - width + 1))
    return first, first + width
