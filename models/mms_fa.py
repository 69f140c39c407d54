"""Loads torchaudio's MMS_FA, the aligner that MMS was built with (1,130 languages).

The weights (1.2 GB, CC-BY-NC 4.0) are fetched once into torch hub's cache, or read from
the file that ``PERICOPE_MMS_FA`` names.
"""

import http.client
import os
import pickle
import urllib.error
from pathlib import Path

import torch

from models.devices import choose_device
from models.waveform_model import WaveformModel, fingerprint_files
from schemas.errors import ArtifactError, ConfigError

WEIGHTS_URL = (
    "https://dl.fbaipublicfiles.com/mms/torchaudio/ctc_alignment_mling_uroman/model.pt"
)
"""Source: torchaudio.pipelines.MMS_FA."""

WEIGHTS_VARIABLE = "PERICOPE_MMS_FA"

_VARIANCE_FLOOR = 1e-5  # of torch.nn.functional.layer_norm, which torchaudio applies


def load_mms_fa(device: str = "auto", weights: Path | None = None) -> WaveformModel:
    """Load MMS_FA without torchaudio's own star column.

    torchaudio normalises a whole batch as one; here every recording is normalised by
    itself, as in training. Word edges may be 20 to 40 ms inside the words: see
    ``WaveformModel``.

    Args:
        device: auto, cpu, cuda or cuda:N.
        weights: the state dict (model.pt); else the file that the environment variable
            PERICOPE_MMS_FA names, else torch hub's cache, which is filled if need be.

    Raises:
        ConfigError: no such device or file, or the weights cannot be fetched.
        ArtifactError: the file is damaged or holds another model.
    """
    from torchaudio.pipelines import MMS_FA

    chosen = choose_device(device)
    path = _find_weights(weights)
    # The file is there, so torchaudio reads it and fetches nothing.
    local = {
        "model_dir": str(path.parent),
        "file_name": path.name,
        "map_location": "cpu",
        "weights_only": True,
    }
    try:
        bundled = MMS_FA.get_model(with_star=False, dl_kwargs=local)
    except (OSError, RuntimeError, LookupError, pickle.UnpicklingError) as error:
        raise ArtifactError(
            f"{path}: expected the weights of MMS_FA, got a file that cannot be loaded "
            f"as such ({error}); delete it, and it is fetched again"
        ) from error
    network = bundled.model.eval().to(chosen)  # inside the wrapper that normalises
    return WaveformModel(
        name="mms-fa",
        fingerprint=fingerprint_files([path], "mms-fa"),
        labels=tuple(MMS_FA.get_labels(star=None, blank="")),
        blank=0,
        romanised=True,
        word_separator=None,
        network=lambda waveforms: network(waveforms)[0],
        device=chosen,
        variance_floor=_VARIANCE_FLOOR,
        licence="CC-BY-NC-4.0",
    )


def _find_weights(weights: Path | None) -> Path:
    given = weights or os.environ.get(WEIGHTS_VARIABLE)
    if given:
        path = Path(given).absolute()
        if not path.is_file():
            raise ConfigError(
                f"mms-fa: expected the weights at {path} (given as an argument or by "
                f"{WEIGHTS_VARIABLE}), there is no such file"
            )
        return path
    cached = Path(torch.hub.get_dir()) / "checkpoints" / Path(WEIGHTS_URL).name
    if not cached.is_file():
        cached.parent.mkdir(parents=True, exist_ok=True)
        try:
            torch.hub.download_url_to_file(WEIGHTS_URL, str(cached))
        except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
            raise ConfigError(
                f"mms-fa: the weights could not be fetched from {WEIGHTS_URL} "
                f"({error}); fetch model.pt on another machine and name it in "
                f'{WEIGHTS_VARIABLE}, or use model.name = "bundled"'
            ) from error
    return cached
