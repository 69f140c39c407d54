"""Conformers as acoustic models: they label audio; alignment wants finer frames.

Shapes: windows (B, N), log-probabilities (B, N // 640, C).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from models.card import card_licence
from models.checkpoints import find_checkpoint
from models.devices import choose_device
from models.networks.conformer import FRAME_SAMPLES, ConformerNetwork
from models.networks.conformer_files import load_conformer_network
from models.vocabulary import Vocabulary
from models.waveform_model import SCORE_THRESHOLD, fingerprint_files

Waveform = npt.NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class ConformerModel:
    """A Conformer behind the ``AcousticModel`` protocol, one frame every 40 ms.

    Features are normalised in each window as in each clip of training. Nobody has
    measured the network's bias in time, so all offsets are 0.
    """

    name: str
    fingerprint: str
    network: ConformerNetwork
    device: torch.device
    licence: str = ""
    hop_samples: int = FRAME_SAMPLES
    start_offset_sec: float = 0.0
    end_offset_sec: float = 0.0
    join_offset_sec: float = 0.0
    score_threshold: float = SCORE_THRESHOLD

    @property
    def vocabulary(self) -> Vocabulary:
        """What the columns stand for."""
        return self.network.vocabulary

    @property
    def labels(self) -> tuple[str, ...]:
        """Label of each column."""
        return self.vocabulary.labels

    @property
    def blank(self) -> int:
        """Column of the CTC blank."""
        return self.vocabulary.blank

    @property
    def romanised(self) -> bool:
        """The letters are within a-z."""
        return self.vocabulary.romanised

    @property
    def word_separator(self) -> int | None:
        """Column of the word separator, if there is one."""
        return self.vocabulary.word_separator

    def normaliser(self, waveform_N: Waveform) -> Callable[[Waveform], Waveform]:
        """Return what leaves parts of a recording as they are: features are scaled."""
        return lambda part_N: part_N

    def log_probs(self, windows_BN: Waveform) -> npt.NDArray[np.float32]:
        """Return natural log-probabilities, float32 (B, N // 640, C)."""
        frames = windows_BN.shape[1] // self.hop_samples
        shape = len(windows_BN), frames, len(self.labels)
        log_probs_BTC = np.empty(shape, dtype=np.float32)
        with torch.inference_mode():
            for row_TC, window_N in zip(log_probs_BTC, windows_BN, strict=True):
                inputs = self.network.prepare([window_N])
                encoded = self.network(
                    inputs.values.to(self.device), inputs.lengths.to(self.device)
                )
                logits_TC = encoded.logits_BTC[0, :frames].float()
                row_TC[:] = logits_TC.log_softmax(-1).cpu().numpy()
        return log_probs_BTC


def load_conformer(reference: str, device: str = "auto") -> ConformerModel:
    """Load a ``LasrForCTC`` with letters.

    Args:
        reference: ``<folder or hub name>[#<adapter language>]``.
        device: auto, cpu, cuda or cuda:N.

    Raises:
        ConfigError: no such model or device, or it has no letters.
        ArtifactError: its files are missing, damaged or do not fit each other.
    """
    chosen = choose_device(device)
    checkpoint = find_checkpoint(reference)
    network = load_conformer_network(reference)
    return ConformerModel(
        name=f"hf:{reference}",
        fingerprint=fingerprint_files(checkpoint.files(), checkpoint.language or ""),
        network=network.eval().to(chosen),
        device=chosen,
        licence=card_licence(checkpoint.folder),
    )
