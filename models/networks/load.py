"""From the name of a network to the network, ready to be trained."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from models.checkpoints import find_checkpoint
from models.vocabulary import Vocabulary
from schemas.errors import ArtifactError, ConfigError

if TYPE_CHECKING:
    from models.networks.bundled import BundledNetwork
    from models.networks.conformer import ConformerNetwork
    from models.networks.wav2vec2 import Wav2Vec2Network

    Network = BundledNetwork | ConformerNetwork | Wav2Vec2Network

NAMES = (
    *(
        "bundled",
        "bundled:<file or folder>",
        "hf:<repo or folder>[#<adapter language>]",
    ),
    "new:<architecture>[:<size>]",
)


def load_network(
    reference: str,
    *,
    vocabulary: Vocabulary | None = None,
    languages: tuple[str, ...] | None = None,
) -> "Network":
    """Load a network to be trained, in training mode, on the CPU.

    Args:
      reference: bundled, hf: with a folder or hub name, bundled: with a file or folder,
        or new: with an architecture and perhaps a size.
      vocabulary: None for the checkpoint's own; else its output layer is made for this
        one: columns of letters that both have are kept, others start at random.
      languages: what the head that tells languages is to tell; None for that of the
        checkpoint, if it has one; empty for none. Other languages start anew.

    Raises:
      ConfigError: an unknown name, a model that cannot be fetched, or one that was only
        pre-trained or is new where no vocabulary is given.
      ArtifactError: a model whose files are damaged.
    """
    family, _, path = reference.partition(":")
    if family == "bundled" and (path or reference == family):
        from models.networks.bundled import load_bundled_network

        where = Path(path) if path else None
        return load_bundled_network(where, vocabulary, languages).train()
    if family == "hf" and path:
        return _load_checkpoint(path, vocabulary, languages).train()
    if family == "new" and path:
        if vocabulary is None:
            raise ConfigError(f"model: {reference} has no letters; give a vocabulary")
        architecture, _, size = path.partition(":")
        return new_network(
            architecture,
            size=size or "small",
            vocabulary=vocabulary,
            languages=languages or (),
        )
    raise ConfigError(f"model: expected one of {', '.join(NAMES)}, got {reference!r}")


def _load_checkpoint(
    path: str, vocabulary: Vocabulary | None, languages: tuple[str, ...] | None
) -> "Network":
    from models.networks.conformer_files import KINDS, load_conformer_network
    from models.networks.wav2vec2 import load_wav2vec2_network

    if find_checkpoint(path).kind in KINDS:
        return load_conformer_network(path, vocabulary, languages)
    return load_wav2vec2_network(path, vocabulary, languages)


def new_network(
    architecture: str,
    *,
    size: str = "small",
    vocabulary: Vocabulary,
    languages: tuple[str, ...] = (),
) -> "Network":
    """Return an untrained network; torch's random numbers decide its weights.

    Args:
      architecture: bundled or conformer.
      size: by name; each architecture tells its own.
      vocabulary: letters of the output layer.
      languages: of the head that tells languages; empty for no head.

    Raises:
      ConfigError: there is no such architecture or size.
    """
    from models.networks.bundled import new_bundled_network
    from models.networks.conformer_files import new_conformer_network

    architectures: dict[str, Callable[..., Network]] = {
        "bundled": new_bundled_network,
        "conformer": new_conformer_network,
    }
    if architecture not in architectures:
        raise ConfigError(
            f"architecture: expected one of {', '.join(architectures)}, got "
            f"{architecture!r}"
        )
    return architectures[architecture](size, vocabulary, languages).train()


def load_whole_network(
    reference: str,
    *,
    vocabulary: Vocabulary | None = None,
    languages: tuple[str, ...] | None = None,
) -> "Network":
    """Load a network all of which is to be trained and saved; see ``load_network``.

    Raises:
      ConfigError: as there, and for one with residual adapters beside it, which could
        not be saved with it after the training.
    """
    network = load_network(reference, vocabulary=vocabulary, languages=languages)
    if getattr(network, "adapters", None) is not None:
        raise ConfigError(
            f"model: {reference} has residual adapters beside it, which no checkpoint "
            "of a whole network holds; name it without the language, or train adapters "
            "(`pericope train adapter`)"
        )
    return network


def saved_reference(folder: Path) -> str:
    """Return the name of what ``save_pretrained`` wrote to a folder.

    ``load_network`` and ``load_acoustic_model`` both know it.

    Raises:
      ArtifactError: there is no network.
    """
    if (folder / "config.json").is_file():
        return f"hf:{folder}"
    if (folder / "model.safetensors").is_file():
        return f"bundled:{folder}"
    raise ArtifactError(
        f"{folder}: expected a network that save_pretrained wrote, found none"
    )
