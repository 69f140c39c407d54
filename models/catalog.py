"""From the name of an acoustic model to the model."""

from pathlib import Path
from typing import TYPE_CHECKING

from schemas.errors import ConfigError

if TYPE_CHECKING:
    from models.bundled import BundledModel
    from models.conformer import ConformerModel
    from models.waveform_model import WaveformModel

NAMES = (
    *("bundled", "mms-fa", "hf:<repo or folder>[#<adapter language>]"),
    "bundled:<file or folder that a training wrote>",
)


def load_acoustic_model(
    name: str, device: str = "auto"
) -> "BundledModel | ConformerModel | WaveformModel":
    """Load the model of the configuration's ``[model]`` table.

    Args:
        name: bundled, mms-fa, hf: with a folder or a hub name, or bundled: with a file
            or folder that a training wrote.
        device: auto, cpu, cuda or cuda:N.

    Returns:
        What ``aligner.emissions.AcousticModel`` describes.

    Raises:
        ConfigError: an unknown name or device, or a model that cannot be fetched.
        ArtifactError: a model whose files are damaged.
    """
    family, _, path = name.partition(":")
    if family == "bundled" and (path or name == family):
        from models.bundled import load_bundled
        from models.devices import choose_device

        return load_bundled(str(choose_device(device)), Path(path) if path else None)
    if name == "mms-fa":
        from models.mms_fa import load_mms_fa

        return load_mms_fa(device)
    if name.startswith("hf:") and len(name) > len("hf:"):
        return _load_checkpoint(name.removeprefix("hf:"), device)
    raise ConfigError(f"model.name: expected one of {', '.join(NAMES)}, got {name!r}")


def _load_checkpoint(reference: str, device: str) -> "ConformerModel | WaveformModel":
    from models.checkpoints import find_checkpoint
    from models.devices import choose_device

    choose_device(device)  # before anything is fetched
    if find_checkpoint(reference).kind.startswith("lasr"):
        from models.conformer import load_conformer

        return load_conformer(reference, device)
    from models.wav2vec2 import load_wav2vec2

    return load_wav2vec2(reference, device)
