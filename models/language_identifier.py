"""Which language is spoken: a network with a head that tells languages.

Read are the folders that `pericope train lid` and `pericope train asr` write, with any
encoder, and those of transformers' ``Wav2Vec2ForSequenceClassification``, as which
MMS-LID comes.

Shapes: waveform (N,), L languages.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from models.checkpoints import Checkpoint, find_checkpoint, load_weights
from models.devices import choose_device
from models.networks.load import load_network, saved_reference
from models.wav2vec2 import VARIANCE_FLOOR, read_settings
from models.waveform_model import RECEPTIVE_SAMPLES, fingerprint_files
from schemas.errors import ArtifactError, ConfigError
from schemas.units import SAMPLE_RATE_HZ

Waveform = npt.NDArray[np.float32]

_CLASSIFIER = "Wav2Vec2ForSequenceClassification"
_PIECE_SAMPLES = 30 * SAMPLE_RATE_HZ
"""Longer clips are heard in equal pieces: none is longer in training."""


@dataclass(frozen=True)
class LanguageIdentifier:
    """Tells the language of clips."""

    name: str
    languages: tuple[str, ...]
    """As it was taught them; those of MMS-LID are ISO 639-3."""
    fingerprint: str
    """SHA-256 over weights and settings."""
    logits: Callable[[Waveform], Tensor]
    """One clip (N,) → (L,) on the CPU."""

    def identify(self, waveform_N: Waveform) -> dict[str, float]:
        """Return the posterior of every language.

        Args:
          waveform_N: mono at 16 kHz, of any length. The logits of the pieces of a long
            one are averaged.
        """
        pieces = max(1, -(-len(waveform_N) // _PIECE_SAMPLES))
        with torch.inference_mode():
            rows = [self.logits(part) for part in np.array_split(waveform_N, pieces)]
            posteriors_L = torch.stack(rows).float().mean(0).softmax(-1)
        return dict(zip(self.languages, posteriors_L.tolist(), strict=True))


def load_language_identifier(
    reference: str, device: str | torch.device = "auto"
) -> LanguageIdentifier:
    """Load a language identifier.

    Args:
      reference: a folder, or ``hf:`` with a folder or hub name.
      device: auto, cpu, cuda or cuda:N.

    Raises:
      ConfigError: no such folder, hub name or device; or a model that tells no
        languages.
      ArtifactError: its files are missing or damaged.
    """
    chosen = choose_device(str(device))
    location = reference.removeprefix("hf:")
    if Path(location).is_dir() and not (Path(location) / "config.json").is_file():
        # The bundled architecture: its settings are inside its weights.
        return _of_network(reference, Path(location), chosen)
    checkpoint = find_checkpoint(location)
    if _CLASSIFIER in _settings(checkpoint.folder).get("architectures", ()):
        return _of_classifier(reference, checkpoint, chosen)
    return _of_network(reference, checkpoint.folder, chosen)


def _of_network(
    reference: str, folder: Path, device: torch.device
) -> LanguageIdentifier:
    network = load_network(saved_reference(folder)).eval().to(device)
    if not network.languages:
        raise ConfigError(
            f"{reference}: expected a model that tells languages, got one without such "
            "a head; `pericope train lid` trains one"
        )

    def logits(waveform_N: Waveform) -> Tensor:
        inputs = network.prepare([waveform_N])
        encoded = network(inputs.values.to(device), inputs.lengths.to(device))
        found: Tensor = encoded.language_logits_BL[0].cpu()
        return found

    return LanguageIdentifier(
        reference, network.languages, _fingerprint(folder), logits
    )


def _of_classifier(
    reference: str, checkpoint: Checkpoint, device: torch.device
) -> LanguageIdentifier:
    from transformers import Wav2Vec2ForSequenceClassification

    normalised = read_settings(checkpoint)
    network: Any = load_weights(Wav2Vec2ForSequenceClassification, checkpoint)
    network.eval().to(device)
    names = network.config.id2label
    languages = tuple(str(names[number]) for number in range(network.config.num_labels))

    def logits(waveform_N: Waveform) -> Tensor:
        clip_N = waveform_N
        if normalised:
            variance = clip_N.var(dtype=np.float64)
            centred_N = clip_N - clip_N.mean(dtype=np.float64)
            clip_N = (centred_N / np.sqrt(variance + VARIANCE_FLOOR)).astype(np.float32)
        missing = max(0, RECEPTIVE_SAMPLES - len(clip_N))
        padded_N = torch.from_numpy(np.pad(clip_N, (0, missing)))
        found: Tensor = network(padded_N[None].to(device)).logits[0].cpu()
        return found

    return LanguageIdentifier(
        reference, languages, _fingerprint(checkpoint.folder), logits
    )


def _fingerprint(folder: Path) -> str:
    kinds = ("*.safetensors", "*.bin", "*.json")
    return fingerprint_files(sorted(p for kind in kinds for p in folder.glob(kind)))


def _settings(folder: Path) -> dict[str, Any]:
    path = folder / "config.json"
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError) as error:
        raise ArtifactError(
            f"{path}: expected the settings of a model: {error}; fetch it again"
        ) from error
