"""How long the recordings of a manifest are, by the headers of those at hand."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from aligner.audio_header import header_duration_sec
from pipelines.addresses import local_path_of
from schemas.source import Recording


@dataclass(frozen=True)
class Lengths:
    """Seconds of each recording in the manifest's order, None where nobody knows."""

    seconds: tuple[float | None, ...]

    @property
    def known(self) -> list[float]:
        """Those that are known."""
        return [seconds for seconds in self.seconds if seconds is not None]

    @property
    def unknown(self) -> int:
        """How many are not: they are elsewhere, or no audio."""
        return len(self.seconds) - len(self.known)

    def filled(self, mean_sec: float = 0.0) -> tuple[float, ...]:
        """Return all, those unknown being as long as the others are on average.

        Args:
          mean_sec: of recordings that were measured otherwise, if none is known.
        """
        known = self.known
        mean = sum(known) / len(known) if known else mean_sec
        return tuple(mean if sec is None else sec for sec in self.seconds)


def header_lengths(recordings: Sequence[Recording]) -> Lengths:
    """Read the headers of recordings on this machine, several at a time."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return Lengths(tuple(pool.map(_length, recordings)))


def _length(recording: Recording) -> float | None:
    path = local_path_of(recording.audio)
    return None if path is None else header_duration_sec(path)
