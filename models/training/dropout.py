"""Dropout that changes between two stages of a training."""

from torch import nn

from schemas.errors import ConfigError

_NUMBERS = ("dropout", "attention_dropout", "activation_dropout", "layerdrop")


def set_dropout(network: nn.Module, rate: float) -> None:
    """Give every dropout of a network the same rate, and its layerdrop too.

    Dropout has no weights and is no part of a checkpoint: whoever builds a network for
    training says it anew.

    Args:
      network: of any kind; what is no layer of its own is looked for where
        transformers keeps it, as numbers of layers and in their configurations.
      rate: from 0 up to, and without, 1.

    Raises:
      ConfigError: the rate cannot be, or the network has nothing to drop.
    """
    if not 0 <= rate < 1:
        raise ConfigError(f"dropout: expected 0 up to 1, without 1, got {rate}")
    found = False
    for module in network.modules():
        if isinstance(module, nn.Dropout):
            module.p = rate
            found = True
        for name in _NUMBERS:
            if isinstance(getattr(module, name, None), float | int):
                setattr(module, name, rate)
                found = True
        config = getattr(module, "config", None)
        if config is not None and hasattr(config, "layerdrop"):
            config.layerdrop = rate
    if rate and not found:
        raise ConfigError(
            f"dropout: expected a network with dropout, got {type(network).__name__} "
            "without any; say 0"
        )
