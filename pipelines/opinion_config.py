"""[opinion] of corpus.toml."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class OpinionConfig:
    """[opinion]: a model is asked what it hears in every segment."""

    enabled: bool = True
    """Else ``cer`` and ``edge_cer`` are NaN."""
    model: str = ""
    """As model.name, on the same device; "" asks the aligning model."""
