"""The bundled architecture as a network that learns, with any letters.

Shapes: B clips, F feature frames of 10 ms, T = ceil(F / 2) frames of 20 ms.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from models.bundled import Calibration, load_bundled, save_bundled
from models.features import SILENCE, TARGET_RMS, features
from models.network import AcousticNetwork, NetworkConfig
from models.networks.heads import (
    LanguageHead,
    language_head_for,
    language_logits,
    load_language_head,
    replace_head,
    save_language_head,
    told_languages,
)
from models.networks.speech_network import Encoded, Inputs
from models.vocabulary import Vocabulary
from schemas.errors import ConfigError

SIZES = {
    "tiny": NetworkConfig(
        outer_channels=32,
        inner_channels=48,
        entry_blocks=1,
        inner_blocks=2,
        exit_blocks=1,
    ),
    "small": NetworkConfig(outer_channels=96, inner_channels=128, inner_blocks=5),
    "full": NetworkConfig(),
}
"""By name; full is that of the model that comes with Pericope."""

_QUIETEST_RMS = 1e-5


class BundledNetwork(nn.Module):
    """A ``SpeechNetwork`` of convolutions: a frame sees 2 seconds to each side.

    What follows a clip in its batch changes nothing of it: its frames are those that
    it has alone. There is no attention whose context could be made short.
    """

    def __init__(
        self,
        network: AcousticNetwork,
        vocabulary: Vocabulary,
        language_head: LanguageHead | None = None,
        calibration: Calibration | None = None,
    ) -> None:
        """Take a network whose output layer has the vocabulary's columns."""
        super().__init__()
        self.network = network
        self.vocabulary = vocabulary
        self.language_head = language_head
        self.calibration = calibration or Calibration()
        self.context_share = 1.0
        """Of no effect."""

    @property
    def languages(self) -> tuple[str, ...]:
        """Of the language head's columns."""
        return told_languages(self.language_head)

    @staticmethod
    def prepare(waveforms: Sequence[npt.NDArray[np.float32]]) -> Inputs:
        """Return log-mel features of clips brought to one level, silence behind."""
        rows = [features(torch.from_numpy(_levelled(clip))) for clip in waveforms]
        lengths = torch.tensor([len(clip_FM) for clip_FM in rows])
        return Inputs(pad_sequence(rows, True, SILENCE), lengths)

    def forward(self, values: Tensor, lengths: Tensor) -> Encoded:
        """Return logits of clips as ``prepare`` returns them."""
        encoded_BTD = self.network.encode(values, lengths)
        frames = (lengths + 1) // 2
        languages_BL = language_logits(self.language_head, encoded_BTD, frames)
        return Encoded(self.network.head(encoded_BTD), frames, languages_BL)

    def is_encoder(self, name: str) -> bool:
        """Tell whether a parameter belongs to the encoder, not to a head."""
        return not name.startswith(("network.head.", "language_head."))

    def save_pretrained(self, folder: Path) -> None:
        """Write what ``bundled:<folder>`` names, in float32."""
        folder.mkdir(parents=True, exist_ok=True)
        save_bundled(
            self.network, self.calibration, folder, self.vocabulary, torch.float32
        )
        save_language_head(self.language_head, folder)


def load_bundled_network(
    path: Path | None,
    vocabulary: Vocabulary | None = None,
    languages: tuple[str, ...] | None = None,
) -> BundledNetwork:
    """Load the model that comes with Pericope or one like it, to be trained.

    Args:
      path: file or folder; None for the model that comes with Pericope.
      vocabulary: None for its own; else its output layer is made for this one.
      languages: of the language head; None for its own.

    Raises:
      ArtifactError: the file is missing or damaged.
    """
    model = load_bundled("cpu", path)
    network = model.network
    own = Vocabulary(model.labels, model.blank, model.word_separator)
    replace_head(network, own, vocabulary or own)
    known = load_language_head(path) if path is not None and path.is_dir() else None
    head = language_head_for(known, network.config.outer_channels, languages)
    return BundledNetwork(network, vocabulary or own, head, model.calibration)


def new_bundled_network(
    size: str, vocabulary: Vocabulary, languages: tuple[str, ...] = ()
) -> BundledNetwork:
    """Return an untrained network; torch's random numbers decide its weights.

    Raises:
      ConfigError: there is no such size.
    """
    if size not in SIZES:
        raise ConfigError(f"size: expected one of {', '.join(SIZES)}, got {size!r}")
    network = AcousticNetwork(SIZES[size], len(vocabulary.labels))
    head = language_head_for(None, SIZES[size].outer_channels, languages)
    return BundledNetwork(network, vocabulary, head)


def _levelled(clip_N: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Bring a clip to the level of training, as the model does when it is used."""
    rms = float(np.sqrt(np.dot(clip_N, clip_N) / max(len(clip_N), 1)))
    return clip_N * np.float32(TARGET_RMS / max(rms, _QUIETEST_RMS))
