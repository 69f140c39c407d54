"""Output layers: letters by column, and the language of a clip.

Shapes: B clips, T frames, D features, L languages.
"""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from models.vocabulary import Vocabulary
from models.weights_file import write_weights
from schemas.errors import ArtifactError, ConfigError

_HEADS = ("lm_head", "ctc_head", "head")
"""What the networks call their output layer."""

_FILE = "language_head.safetensors"
_LEAST_VARIANCE = 1e-5


def head_of(network: nn.Module) -> Any:
    """Return a network's output layer; the first axis of its weights are columns."""
    return getattr(network, _head_name(network))


def replace_head(
    network: nn.Module, before: Vocabulary | None, vocabulary: Vocabulary
) -> None:
    """Give a network an output layer that keeps what is known of letters.

    If the labels are the same, nothing changes. Else the layer starts anew but for the
    columns of labels that both have.

    Args:
      network: with such a layer; it is changed.
      before: what its columns stand for; None if it has learnt nothing yet.
      vocabulary: what they shall stand for.
    """
    if before is not None and before.labels == vocabulary.labels:
        return
    head, columns = head_of(network), len(vocabulary.labels)
    if isinstance(head, nn.Linear):
        fresh: Any = nn.Linear(head.in_features, columns)
    else:
        fresh = type(head)(head.in_channels, columns, kernel_size=1)
    fresh.to(head.weight)
    old = {} if before is None else {x: k for k, x in enumerate(before.labels)}
    with torch.no_grad():
        for new, label in enumerate(vocabulary.labels):
            if label in old:
                fresh.weight[new] = head.weight[old[label]]
                fresh.bias[new] = head.bias[old[label]]
    setattr(network, _head_name(network), fresh)


def _head_name(network: nn.Module) -> str:
    return next(name for name in _HEADS if hasattr(network, name))


class LanguageHead(nn.Module):
    """Tells the language of a clip from the mean over its valid frames.

    The mean of frames' logits is the logit of their mean. Source: Lugosch et al. 2022,
    but for padding, which counts for nothing here. With ``spread`` also from how much
    frames differ: their standard deviation. Source: Snyder et al. 2018 (x-vectors).
    """

    def __init__(
        self, features: int, languages: tuple[str, ...], *, spread: bool = False
    ) -> None:
        """Make a fresh layer.

        Raises:
          ConfigError: a language is there twice.
        """
        super().__init__()
        if len(set(languages)) != len(languages):
            raise ConfigError(
                f"languages: expected each one once, got {', '.join(languages)}"
            )
        self.languages = languages
        self.spread = spread
        self.layer = nn.Linear(features * (2 if spread else 1), len(languages))

    def forward(self, encoded_BTD: Tensor, frames_B: Tensor) -> Tensor:
        """Return logits (B, L); a clip without frames has those of silence, zeros."""
        pooled = self.pooled(encoded_BTD, frames_B)
        return self.layer(pooled.to(self.layer.weight.dtype))

    def pooled(self, encoded_BTD: Tensor, frames_B: Tensor) -> Tensor:
        """Return what the layer sees of clips: (B, D), or (B, 2 D) with ``spread``."""
        valid_BT1 = valid_frames(frames_B, encoded_BTD.shape[1])[..., None]
        # Not a product: what is behind a clip's end may be anything, also infinite.
        kept_BTD = encoded_BTD.masked_fill(~valid_BT1, 0.0)
        count_B1 = frames_B[:, None].clamp_min(1)
        mean_BD = kept_BTD.sum(1) / count_B1
        if not self.spread:
            return mean_BD
        apart_BTD = (kept_BTD - mean_BD[:, None]).masked_fill(~valid_BT1, 0.0)
        variance_BD = apart_BTD.square().sum(1) / count_B1
        # The root of zero has no gradient.
        return torch.cat([mean_BD, (variance_BD + _LEAST_VARIANCE).sqrt()], dim=1)

    def save(self, folder: Path) -> None:
        """Write the layer and its languages beside a checkpoint."""
        tensors = {k: t.contiguous() for k, t in self.layer.state_dict().items()}
        metadata = {"format": "pt", "languages": json.dumps(self.languages)}
        metadata |= {"spread": json.dumps(self.spread)}
        write_weights(tensors, metadata, folder / _FILE)


def load_language_head(folder: Path) -> LanguageHead | None:
    """Return the head that was saved with a checkpoint, None if there is none.

    Raises:
      ArtifactError: the file is damaged.
    """
    path = folder / _FILE
    if not path.is_file():
        return None
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            languages = tuple(json.loads(metadata["languages"]))
            spread = bool(json.loads(metadata.get("spread", "false")))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        features = tensors["weight"].shape[1] // (2 if spread else 1)
        head = LanguageHead(features, languages, spread=spread)
        head.layer.load_state_dict(tensors)
    except (SafetensorError, KeyError, ValueError, RuntimeError) as error:
        raise ArtifactError(
            f"{path}: damaged language head ({error}); delete it to go on without"
        ) from error
    return head


def save_language_head(head: LanguageHead | None, folder: Path) -> None:
    """Write a head beside a checkpoint; without one remove what was there."""
    if head is None:
        (folder / _FILE).unlink(missing_ok=True)
    else:
        head.save(folder)


def language_head_for(
    known: LanguageHead | None, features: int, languages: tuple[str, ...] | None
) -> LanguageHead | None:
    """Return the head for languages: the known one if they are its own, else a fresh.

    Args:
      known: of the checkpoint, if it has one.
      features: D of the encoder.
      languages: None for those of the checkpoint; empty for no head.
    """
    own = () if known is None else known.languages
    if languages is None or languages == own:
        return known
    return LanguageHead(features, languages) if languages else None


def give_language_head(network: Any, languages: tuple[str, ...] | None) -> None:
    """Give a ``SpeechNetwork`` the head for languages; see ``language_head_for``."""
    letters = head_of(network.network)
    linear = isinstance(letters, nn.Linear)
    features = letters.in_features if linear else letters.in_channels
    head = language_head_for(network.language_head, features, languages)
    network.language_head = head


def told_languages(head: LanguageHead | None) -> tuple[str, ...]:
    """Return the languages of a head's columns, none without it."""
    return () if head is None else head.languages


def language_logits(
    head: LanguageHead | None, encoded_BTD: Tensor, frames_B: Tensor
) -> Tensor | None:
    """Return what a head says of clips, (B, L), None without it."""
    return None if head is None else head(encoded_BTD, frames_B)


def valid_frames(frames_B: Tensor, longest: int) -> Tensor:
    """Return which frames belong to their clip, bool (B, T)."""
    steps_T = torch.arange(longest, device=frames_B.device)
    return steps_T[None] < frames_B[:, None]
