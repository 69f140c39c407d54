"""Adapters of one language in a network of many: added, trained alone, saved."""

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from models.networks.language_adapters import (
    add_language_adapter,
    save_language_adapter,
)
from models.networks.residual_adapters import (
    add_residual_adapters,
    residual_path,
    save_residual_adapters,
)
from models.networks.wav2vec2 import Wav2Vec2Network
from models.vocabulary import Vocabulary
from schemas.errors import ConfigError

if TYPE_CHECKING:
    from models.networks.load import Network

Kind = Literal["lsah", "residual"]
KINDS: tuple[Kind, ...] = ("lsah", "residual")


def add_adapter(network: "Network", kind: Kind, vocabulary: Vocabulary) -> None:
    """Add fresh adapters; they and the output layer alone are to be trained.

    A head that tells languages is taken away.

    Args:
      network: it is changed.
      kind: lsah for MMS's layers in wav2vec 2.0, residual for USM's.
      vocabulary: the language's letters.

    Raises:
      ConfigError: the kind is unknown or not for this network.
    """
    from models.networks.bundled import BundledNetwork

    if kind not in KINDS:
        raise ConfigError(f"adapter: expected {' or '.join(KINDS)}, got {kind!r}")
    if isinstance(network, BundledNetwork) or network.adapters is not None:
        raise ConfigError(
            "adapter: expected a wav2vec 2.0 or Conformer network (hf:<folder>) that "
            "has no residual adapters; the bundled one is small enough to train whole"
        )
    if kind == "residual":
        network.requires_grad_(False)
        network.adapters = add_residual_adapters(
            network.network, network.vocabulary, vocabulary
        )
    elif isinstance(network, Wav2Vec2Network):
        add_language_adapter(network.network, network.vocabulary, vocabulary)
    else:
        raise ConfigError("adapter: lsah is for wav2vec 2.0 networks; take residual")
    network.language_head = None
    network.vocabulary = vocabulary


def save_adapter(network: "Network", folder: Path, language: str) -> None:
    """Write the adapters of a language beside the network's checkpoint.

    ``hf:<folder>#<language>`` names them then. Where the folder has no checkpoint yet,
    that of a network with MMS's adapters is written, with these as its own.

    Args:
      network: as ``add_adapter`` made it.
      folder: with the checkpoint beside whose weights they were trained.
      language: part of the file's name.

    Raises:
      ArtifactError: the folder's vocabulary has no parts for languages.
    """
    adapters = getattr(network, "adapters", None)
    if adapters is not None:
        path = residual_path(folder, language)
        save_residual_adapters(network.network, adapters, network.vocabulary, path)
        return
    assert isinstance(network, Wav2Vec2Network)
    if not (folder / "config.json").is_file():
        network.save_pretrained(folder, language)
    save_language_adapter(network.network, network.vocabulary, folder, language)
