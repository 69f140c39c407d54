"""The weights from which a corpus's own models are trained."""

import copy
from dataclasses import dataclass

import torch

from models.bundled import BundledModel, load_bundled
from models.network import AcousticNetwork, NetworkConfig
from pipelines.addresses import local_path_of
from pipelines.context import loaded_model
from pipelines.store import Store
from schemas.errors import ConfigError


@dataclass(frozen=True)
class StartWeights:
    """A network that is never trained itself, and the name of its weights."""

    network: AcousticNetwork
    fingerprint: str

    def copy(self) -> AcousticNetwork:
        """Return a network of these weights, to be trained."""
        return copy.deepcopy(self.network)


def start_weights(
    model_name: str, seed: int, *, from_scratch: bool = False
) -> StartWeights:
    """Return the corpus's own model if it is of the bundled architecture, else that.

    Args:
      model_name: as in the configuration.
      seed: of random weights.
      from_scratch: begin with random weights.

    Raises:
      ConfigError: the model cannot be had.
      ArtifactError: its file is missing or damaged.
    """
    if from_scratch:
        torch.manual_seed(seed)
        return StartWeights(AcousticNetwork(NetworkConfig()), f"scratch-{seed}")
    family = model_name.partition(":")[0]
    model = loaded_model(model_name, "cpu") if family == "bundled" else load_bundled()
    assert isinstance(model, BundledModel)
    return StartWeights(model.network, model.fingerprint)


def local_root(output: str) -> str:
    """Return the corpus's folder, from which shards can be read again and again.

    Raises:
      ConfigError: it lies in a bucket.
    """
    root = Store(output).root
    if local_path_of(root) is None:
        raise ConfigError(
            f"corpus.output: expected a local folder to train from, got {root}; copy "
            "the corpus to this machine and set output to the copy"
        )
    return root
