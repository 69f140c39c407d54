"""How long, how often and how much is fetched."""

from dataclasses import dataclass

from schemas.errors import ConfigError, SourceTooLarge

_ABOVE_ZERO = (
    "max_bytes",
    "connect_timeout_sec",
    "timeout_sec",
    "max_connections",
    "max_connections_per_host",
)
_ZERO_OR_ABOVE = (
    "retries",
    "backoff_sec",
    "backoff_max_sec",
    "max_redirects",
    "min_bytes_per_sec",
)


@dataclass(frozen=True, kw_only=True)
class FetchLimits:
    """Limits of one fetch."""

    max_bytes: int = 4 * 2**30
    """Larger sources are refused; decompressed size counts as well."""
    connect_timeout_sec: float = 10.0
    timeout_sec: float = 60.0
    """Longest silence of a server in the middle of a transfer."""
    min_bytes_per_sec: float = 1024.0
    """A transfer that is slower for ``timeout_sec`` is broken off and continued, so
    that a server that drips cannot keep it for ever; 0 for any pace."""
    retries: int = 5
    """Attempts after the first that may fail in a row without getting any further."""
    backoff_sec: float = 1.0
    """Wait before the first repetition; it doubles with each one."""
    backoff_max_sec: float = 120.0
    """Longest wait, also where the server asks for a longer one (Retry-After)."""
    max_redirects: int = 10
    max_connections: int = 16
    """Of this process, to all HTTP servers."""
    max_connections_per_host: int = 4

    def __post_init__(self) -> None:
        for name in _ABOVE_ZERO:
            _require(getattr(self, name) > 0, name, "above 0", getattr(self, name))
        for name in _ZERO_OR_ABOVE:
            _require(getattr(self, name) >= 0, name, "0 or above", getattr(self, name))

    def check_size(self, shown: str, size_bytes: int) -> None:
        """Refuse a source that is too large.

        Args:
          shown: the source as it may be named in a message.
          size_bytes: its size as far as it is known.

        Raises:
          SourceTooLarge: the size is above ``max_bytes``.
        """
        if size_bytes > self.max_bytes:
            raise SourceTooLarge(
                f"{shown}: expected at most {self.max_bytes} bytes, got {size_bytes} "
                "or more; raise max_bytes in [fetch] if it is right"
            )


def _require(holds: bool, name: str, expected: str, got: object) -> None:
    if not holds:
        raise ConfigError(f"fetch.{name}: expected {expected}, got {got!r}")
