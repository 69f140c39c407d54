"""USM's residual adapters: two beside each block, one set for each language.

The encoder stays as it is; an adapter adds to what a part of a block returns, from what
it was given. In a Conformer they stand beside the two feed-forward layers, in wav2vec
2.0 beside attention and feed-forward layer. Their last layer starts at zero, so that
the start is the network without them. A bottleneck of an eighth of the width is about
2 % of USM's weights. Source: USM, Zhang et al. 2023.

Shapes: B clips, T frames, D features.
"""

import json
from functools import partial
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn
from torch.nn import functional

from models.checkpoints import RESIDUAL_FILE
from models.networks.heads import head_of, replace_head
from models.vocabulary import Vocabulary
from models.weights_file import write_weights
from schemas.errors import ArtifactError, ConfigError

FORMAT = "pericope-residual/1"
_SHARE = 8
_LEAST = 4


class ResidualAdapter(nn.Module):
    """Down, ReLU, up."""

    def __init__(self, width: int, bottleneck: int) -> None:
        super().__init__()
        self.down = nn.Linear(width, bottleneck)
        self.up = nn.Linear(bottleneck, width)
        nn.init.zeros_(self.up.weight)
        nn.init.zeros_(self.up.bias)

    def forward(self, x_BTD: Tensor) -> Tensor:
        """Return what is to be added, in the same shape."""
        added: Tensor = self.up(functional.relu(self.down(x_BTD)))
        return added


class ResidualAdapters(nn.Module):
    """The adapters of all blocks of one network."""

    def __init__(self, network: nn.Module, bottleneck: int | None = None) -> None:
        """Stand beside a network's blocks; None takes an eighth of its width."""
        super().__init__()
        blocks = _blocks(network)
        width = head_of(network).weight.shape[1]
        self.bottleneck = bottleneck or max(_LEAST, width // _SHARE)
        self.pairs = nn.ModuleList(
            nn.ModuleList(ResidualAdapter(width, self.bottleneck) for _ in block)
            for block in blocks
        )
        for pair, block in zip(self.pairs, blocks, strict=True):
            for adapter, branch in zip(_modules(pair), block, strict=True):
                # Not a closure: a copy of the network takes copies of these along.
                branch.register_forward_hook(partial(_add, adapter), with_kwargs=True)


def add_residual_adapters(
    network: nn.Module, before: Vocabulary, vocabulary: Vocabulary
) -> ResidualAdapters:
    """Add fresh adapters and an output layer, which alone are to be trained.

    Args:
      network: of transformers, wav2vec 2.0 or Conformer; it is changed.
      before: its letters so far.
      vocabulary: those that it shall write; columns of letters that both have stay.
    """
    network.requires_grad_(False)
    replace_head(network, before, vocabulary)
    head_of(network).requires_grad_(True)
    return ResidualAdapters(network)


def save_residual_adapters(
    network: nn.Module,
    adapters: ResidualAdapters,
    vocabulary: Vocabulary,
    path: Path,
) -> None:
    """Write adapters, output layer and letters; the network's own weights stay away.

    Args:
      network: beside which the adapters stand.
      adapters: those of one language.
      vocabulary: what the output layer's columns stand for.
      path: ``residual.<language>.safetensors`` beside the network's checkpoint.
    """
    weights = {f"adapters.{k}": t for k, t in adapters.state_dict().items()}
    weights |= {f"head.{k}": t for k, t in head_of(network).state_dict().items()}
    metadata = {
        "format": FORMAT,
        "bottleneck": json.dumps(adapters.bottleneck),
        "vocabulary": vocabulary.to_json(),
    }
    tensors = {k: t.cpu().contiguous() for k, t in weights.items()}
    write_weights(tensors, metadata, path)


def load_residual_adapters(
    network: nn.Module, path: Path
) -> tuple[ResidualAdapters, Vocabulary]:
    """Add the adapters and the output layer of a file to a network.

    Returns:
      The adapters, and what the columns of the output layer stand for now.

    Raises:
      ArtifactError: the file is damaged, or the adapters are of another network.
    """
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        if metadata.get("format") != FORMAT:
            raise ValueError(f"expected {FORMAT}, got {metadata.get('format')!r}")
        vocabulary = Vocabulary.from_json(metadata["vocabulary"])
        adapters = ResidualAdapters(network, json.loads(metadata["bottleneck"]))
        adapters.load_state_dict(_part(weights, "adapters."))
        replace_head(network, None, vocabulary)
        head_of(network).load_state_dict(_part(weights, "head."))
    except (SafetensorError, KeyError, ValueError, RuntimeError) as error:
        raise ArtifactError(
            f"{path}: adapters that cannot be loaded into this network: {error}"
        ) from error
    return adapters, vocabulary


def refuse_residual(adapters: ResidualAdapters | None) -> None:
    """Return if there are none.

    Raises:
      ConfigError: a network with adapters beside it was to be saved without them.
    """
    if adapters is not None:
        raise ConfigError(
            "save_pretrained: the network has residual adapters beside it, which have "
            "a file of their own; save them with save_adapter"
        )


def residual_path(folder: Path, language: str) -> Path:
    """Return where the adapters of a language are, beside a checkpoint."""
    return folder / RESIDUAL_FILE.format(language)


def _part(weights: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {
        name.removeprefix(prefix): tensor
        for name, tensor in weights.items()
        if name.startswith(prefix)
    }


def _blocks(network: Any) -> list[tuple[nn.Module, nn.Module]]:
    """Return the two parts of each block beside which adapters stand."""
    if hasattr(network, "wav2vec2"):
        layers = network.wav2vec2.encoder.layers
        return [(layer.attention, layer.feed_forward) for layer in layers]
    return [
        (layer.feed_forward1, layer.feed_forward2) for layer in network.encoder.layers
    ]


def _modules(pair: nn.Module) -> list[nn.Module]:
    return list(pair.children())


def _add(
    adapter: nn.Module,
    _: nn.Module,
    given: tuple[Any, ...],
    named: dict[str, Any],
    returned: Any,
) -> Any:
    added = adapter(given[0] if given else named["hidden_states"])
    if torch.is_tensor(returned):
        return returned + added
    return (returned[0] + added, *returned[1:])
