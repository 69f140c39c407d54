"""Finds the files of a foreign checkpoint: a folder, or a name on the Hugging Face hub.

From the hub only what is needed is fetched (of ``facebook/mms-1b-all``, one adapter of
more than a thousand), into the hub library's own cache.
"""

import json
import pickle
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from schemas.errors import ArtifactError, ConfigError

_HUB_NAME = re.compile(r"[\w.-]+(/[\w.-]+)?")
_LANGUAGE = re.compile(r"[\w-]+")  # becomes part of a file name
RESIDUAL_FILE = "residual.{}.safetensors"
"""Adapters beside the network, see ``models.networks.residual_adapters``."""
_WEIGHTS = ("model.safetensors", "model-*.safetensors", "pytorch_model*.bin")


@dataclass(frozen=True)
class Checkpoint:
    """The files of one model and, if asked for, of one language adapter."""

    folder: Path
    language: str | None
    weights: tuple[Path, ...]
    adapter: Path | None

    @property
    def safetensors(self) -> bool:
        """The weights are safetensors; else they are PyTorch's own format."""
        return self.weights[0].suffix == ".safetensors"

    def files(self) -> tuple[Path, ...]:
        """Return every file that decides what the model does, in a fixed order."""
        settings = sorted(self.folder.glob("*.json"))
        adapter = () if self.adapter is None else (self.adapter,)
        return (*settings, *self.weights, *adapter)

    @property
    def residual(self) -> Path | None:
        """The adapter, if it stands beside the network and is none of transformers."""
        is_residual = self.adapter and self.adapter.match(RESIDUAL_FILE.format("*"))
        return self.adapter if is_residual else None

    @property
    def kind(self) -> str:
        """Return the family that config.json names, such as wav2vec2; "" if none."""
        try:
            settings = json.loads((self.folder / "config.json").read_text("utf-8"))
        except (FileNotFoundError, ValueError):
            return ""
        return str(settings.get("model_type", ""))


def find_checkpoint(reference: str) -> Checkpoint:
    """Return the files of ``<folder or hub name>[#<adapter language>]``.

    Raises:
        ConfigError: there is no such folder and no such hub name, or the hub cannot be
            reached; or the language cannot be one.
        ArtifactError: weights or adapter are missing there.
    """
    location, _, language = reference.partition("#")
    if language and not _LANGUAGE.fullmatch(language):
        raise ConfigError(
            f"model.name: expected hf:<model>#<language code>, got {language!r}"
        )
    folder = Path(location)
    if not folder.is_dir():
        if not _HUB_NAME.fullmatch(location):
            raise ConfigError(
                f"model.name: expected a folder or a hub name such as owner/name, got "
                f"{location!r}, which is neither"
            )
        folder = _from_hub(location, language)
    weights = _find_weights(folder)
    adapter = _find_adapter(folder, language) if language else None
    return Checkpoint(folder, language or None, weights, adapter)


@contextmanager
def broken_weights(folder: Path) -> Iterator[None]:
    """Turn what loading raises for unusable files into an ArtifactError."""
    from safetensors import SafetensorError

    try:
        yield
    except (
        *(OSError, ValueError, RuntimeError),
        *(SafetensorError, pickle.UnpicklingError),
    ) as error:
        raise ArtifactError(
            f"{folder}: weights that cannot be loaded: {error}; fetch the model again"
        ) from error


def load_weights(
    kind: Any, checkpoint: Checkpoint, fresh: tuple[str, ...] = (), **settings: Any
) -> Any:
    """Load a network of transformers and insist that no weight starts at random.

    Args:
        kind: its class.
        checkpoint: where its weights are.
        fresh: parts of the names of weights that may be missing.
        settings: in place of those of the checkpoint's configuration.

    Raises:
        ArtifactError: weights are missing, damaged or do not fit each other.
    """
    import torch

    with broken_weights(checkpoint.folder):
        network, loaded = kind.from_pretrained(
            checkpoint.folder,
            dtype=torch.float32,
            use_safetensors=checkpoint.safetensors,
            weights_only=True,
            output_loading_info=True,
            local_files_only=True,
            **settings,
        )
    missing = sorted(
        name
        for name in loaded["missing_keys"]
        if not any(part in name for part in fresh)
    )
    if missing:
        raise ArtifactError(
            f"{checkpoint.folder}: expected all weights of a {kind.__name__}, "
            f"{len(missing)} are missing, {missing[0]} first; is it a model that was "
            "only pre-trained?"
        )
    return network


def _find_weights(folder: Path) -> tuple[Path, ...]:
    for pattern in _WEIGHTS:
        found = tuple(sorted(folder.glob(pattern)))
        if found:
            return found
    raise ArtifactError(
        f"{folder}: no weights: expected model.safetensors; save the model with "
        "save_pretrained"
    )


def _find_adapter(folder: Path, language: str) -> Path:
    for name in ("adapter.{}.safetensors", "adapter.{}.bin", RESIDUAL_FILE):
        path = folder / name.format(language)
        if path.is_file():
            return path
    found = [*folder.glob("adapter.*"), *folder.glob(RESIDUAL_FILE.format("*"))]
    there = sorted(path.name.split(".")[1] for path in found)
    raise ArtifactError(
        f"{folder}: expected adapter.{language}.safetensors; adapters here: "
        f"{', '.join(there) or 'none'}"
    )


def _from_hub(name: str, language: str) -> Path:
    """Fetch a checkpoint's files, PyTorch's own format only if there is no other."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, HTTPError

    kinds = (f"adapter.{language}.*", RESIDUAL_FILE.format(language))
    adapters = kinds if language else ()
    settings = ["*.json", "README.md", *adapters]
    try:
        folder = Path(
            snapshot_download(name, allow_patterns=[*settings, "model*.safetensors"])
        )
        if not list(folder.glob("model*.safetensors")):
            patterns = [*settings, "pytorch_model*.bin"]
            folder = Path(snapshot_download(name, allow_patterns=patterns))
    except (HTTPError, HFValidationError, OSError) as error:
        # Without a network the library falls back to its cache, and fails with an
        # OSError if the model is not there.
        raise ConfigError(
            f"model.name: {name!r} is no folder here and could not be fetched from the "
            f"hub ({type(error).__name__}: {error}); check the name, or copy the model "
            "from a machine that can and give its folder: hf:<folder>"
        ) from error
    return folder
