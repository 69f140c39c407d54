"""[identity] of corpus.toml."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class IdentityConfig:
    """[identity]: recordings held against other texts before they are aligned."""

    check: bool = False
    """Reject recordings that clearly do not read their own text."""
