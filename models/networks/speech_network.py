"""What the jobs ask of a network that reads speech."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
from torch import Tensor

from models.vocabulary import Vocabulary


@dataclass(frozen=True)
class Inputs:
    """Clips side by side, as a network takes them."""

    values: Tensor
    """Padded: features (B, F, M) or waveforms (B, N)."""
    lengths: Tensor
    """Valid rows or samples of each clip, int64 (B,)."""


@dataclass(frozen=True)
class Encoded:
    """What a network makes of clips; behind its valid frames a clip's rows are noise.

    B clips, T frames, C labels, L languages.
    """

    logits_BTC: Tensor
    frames: Tensor
    """Valid frames of each clip, int64 (B,)."""
    language_logits_BL: Tensor | None = None
    """Of the head that tells languages, pooled over valid frames; None without one."""


class SpeechNetwork(Protocol):
    """An ``nn.Module`` with letters."""

    vocabulary: Vocabulary
    languages: tuple[str, ...]
    """What the columns of the language head stand for; empty without one."""
    context_share: float
    """Share of a batch's longest clip that attention may reach over in training, 1 for
    all of it: a warm-up on short context raises it (``pieces.share_at``). Outputs have
    as many frames as ever. Source: Lugosch et al. 2022."""

    def prepare(self, waveforms: Sequence[npt.NDArray[np.float32]]) -> Inputs:
        """Return clips (N,) at 16 kHz as inputs; on the CPU, in a loader's worker."""

    def __call__(self, values: Tensor, lengths: Tensor) -> Encoded:
        """Forward ``Inputs``."""

    def is_encoder(self, name: str) -> bool:
        """Tell whether a parameter belongs to the encoder, not to a head."""

    def save_pretrained(self, folder: Path) -> None:
        """Write a checkpoint that ``load_network`` and ``load_acoustic_model`` read."""
