"""Acoustic models, and the training jobs that consume shards.

``from models import load_acoustic_model`` is the way to a model; importing the package
alone loads no torch.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from models.catalog import load_acoustic_model

__all__ = ["load_acoustic_model"]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used (PEP 562)."""
    if name == "load_acoustic_model":
        from models.catalog import load_acoustic_model

        return load_acoustic_model
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
