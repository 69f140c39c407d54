"""The bundled acoustic model: a file of a few megabytes, ready to align.

The checkpoint is safetensors in fp16; its metadata (JSON) hold the network's shape, the
constant offsets of words, the score that 98 % of clean verses reach, and its letters if
they are others than a-z and the apostrophe.
It is trained on synthetic speech alone (``make model``): good for aligning known text
in any language that can be romanised, no recogniser of what people say.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from models.augment import mask_features
from models.features import SILENCE, TARGET_RMS, features
from models.network import BLANK, LABELS, AcousticNetwork, network_from_dict
from models.vocabulary import Vocabulary
from models.weights_file import write_weights
from schemas.errors import ArtifactError
from schemas.units import FRAME_SAMPLES

FORMAT = "pericope-ctc/1"
VOCABULARY = Vocabulary(LABELS, BLANK, None)
"""Of the model that comes with Pericope; a file that names none has this one."""

_FILE = "bundled.safetensors"
_FILE_IN_FOLDER = "model.safetensors"

Waveform = npt.NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """What was measured on synthetic speech after training."""

    start_offset_sec: float = 0.0
    end_offset_sec: float = 0.0
    join_offset_sec: float = 0.0
    score_threshold: float = -1.0


@dataclass(frozen=True)
class BundledModel:
    """The network behind the ``AcousticModel`` protocol of ``aligner.emissions``.

    ``fingerprint`` is the SHA-256 of the file; ``blank`` the column of the blank.
    """

    network: AcousticNetwork
    calibration: Calibration
    fingerprint: str
    device: str = "cpu"
    name: str = "bundled"
    licence: str = "Apache-2.0"
    """That of Pericope, on whose own synthetic speech it was trained."""
    labels: tuple[str, ...] = LABELS
    blank: int = BLANK
    hop_samples: int = FRAME_SAMPLES
    romanised: bool = True
    word_separator: int | None = None

    @property
    def start_offset_sec(self) -> float:
        """Added to the start of every word after a pause, in seconds."""
        return self.calibration.start_offset_sec

    @property
    def end_offset_sec(self) -> float:
        """Added to the end of every word before a pause, in seconds."""
        return self.calibration.end_offset_sec

    @property
    def join_offset_sec(self) -> float:
        """Added where a word meets the next one, in seconds."""
        return self.calibration.join_offset_sec

    @property
    def score_threshold(self) -> float:
        """Score that 98 % of clean synthetic verses reach (mean nats a frame)."""
        return self.calibration.score_threshold

    def normaliser(self, waveform_N: Waveform) -> Callable[[Waveform], Waveform]:
        """Return what scales any part of a recording (N,) to the level of training."""
        mean_square = np.dot(waveform_N, waveform_N) / max(len(waveform_N), 1)
        gain = np.float32(TARGET_RMS / max(float(np.sqrt(mean_square)), 1e-5))
        return lambda part_N: part_N * gain

    def log_probs(self, windows_BN: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Return natural-log probabilities (B, N // 320, C) of normalised windows."""
        frames = windows_BN.shape[1] // FRAME_SAMPLES
        # A CPU is as fast with one window at a time, in a quarter of the memory.
        rows = 1 if self.device == "cpu" else max(1, len(windows_BN))
        parts = []
        with torch.inference_mode():
            for part in torch.from_numpy(windows_BN).split(rows):
                logits = self.network(features(part).to(self.device))[:, :frames]
                parts.append(logits.float().log_softmax(-1).cpu())
        return torch.cat(parts).numpy()

    @property
    def adapting_rate(self) -> float:
        """Measured: half of it learns less, twice of it no more."""
        return 5e-4

    def is_adapted(self, name: str, parameter: Tensor) -> bool:
        """All of the network follows a voice: it is small."""
        return True

    def training_input(self, waveform_N: Waveform) -> Tensor:
        """Return features (F, 80) of a normalised clip."""
        return features(torch.from_numpy(waveform_N))

    def training_logits(
        self, inputs: Sequence[Tensor], rng: np.random.Generator
    ) -> list[Tensor]:
        """Return logits (T, 28) of each clip's features, some of them hidden."""
        padded = pad_sequence(list(inputs), batch_first=True, padding_value=SILENCE)
        mask_features(padded, rng)
        logits = self.network(padded.to(self.device)).cpu()
        frames = [(len(rows) + 1) // 2 for rows in inputs]
        return [rows[:count] for rows, count in zip(logits, frames, strict=True)]


def load_bundled(device: str = "auto", path: Path | None = None) -> BundledModel:
    """Load the model that comes with Pericope, or one trained like it.

    Args:
      device: as torch names it; auto takes a GPU if there is one.
      path: a file that ``save_bundled`` wrote, or its folder.

    Raises:
      ArtifactError: the file is missing or damaged.
    """
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if path is None:
        path = Path(str(resources.files("models").joinpath(_FILE)))
    elif path.is_dir():
        path /= _FILE_IN_FOLDER
    if not path.is_file():
        raise ArtifactError(f"{path}: no bundled model here; `make model` trains it")
    fingerprint = hashlib.sha256(path.read_bytes()).hexdigest()
    network, calibration, vocabulary = _read(path)
    return BundledModel(
        network.eval().to(device),
        calibration,
        fingerprint,
        device,
        labels=vocabulary.labels,
        blank=vocabulary.blank,
        romanised=vocabulary.romanised,
        word_separator=vocabulary.word_separator,
    )


def _read(path: Path) -> tuple[AcousticNetwork, Calibration, Vocabulary]:
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise ArtifactError(f"{path}: damaged checkpoint ({error})") from error
    if metadata.get("format") != FORMAT:
        raise ArtifactError(
            f"{path}: expected format {FORMAT}, got {metadata.get('format')!r}"
        )
    try:
        written = metadata.get("vocabulary")
        vocabulary = Vocabulary.from_json(written) if written else VOCABULARY
        network = network_from_dict(
            json.loads(metadata["network"]), len(vocabulary.labels)
        )
        network.load_state_dict({name: t.float() for name, t in tensors.items()})
        calibration = Calibration(**json.loads(metadata["calibration"]))
    # Missing or unreadable metadata; other parameters than the network has.
    except (KeyError, ValueError, TypeError, RuntimeError) as error:
        raise ArtifactError(f"{path}: damaged checkpoint ({error})") from error
    if not all(torch.isfinite(tensor).all() for tensor in tensors.values()):
        raise ArtifactError(f"{path}: damaged checkpoint (weights are not finite)")
    return network, calibration, vocabulary


def save_bundled(
    network: AcousticNetwork,
    calibration: Calibration,
    path: Path,
    vocabulary: Vocabulary = VOCABULARY,
    dtype: torch.dtype = torch.float16,
) -> None:
    """Write weights with everything needed to use them.

    Equal weights give equal files.

    Args:
      network: its output layer has the vocabulary's columns.
      calibration: what was measured of it.
      path: in a folder that is there; or the folder itself.
      vocabulary: what the columns stand for.
      dtype: of the weights in the file; float32 to go on training where one was.

    Raises:
      ValueError: a weight is not finite in that type; nothing is written.
    """
    if path.is_dir():
        path /= _FILE_IN_FOLDER
    tensors = {
        name: tensor.detach().to("cpu", dtype).contiguous()
        for name, tensor in network.state_dict().items()
    }
    broken = [name for name, t in tensors.items() if not torch.isfinite(t).all()]
    if broken:
        raise ValueError(f"weights are not finite as {dtype}: {', '.join(broken)}")
    metadata = {
        "format": FORMAT,
        "network": json.dumps(network.config.to_dict(), sort_keys=True),
        "calibration": json.dumps(vars(calibration), sort_keys=True),
    }
    if vocabulary != VOCABULARY:
        metadata["vocabulary"] = vocabulary.to_json()
    write_weights(tensors, metadata, path)
