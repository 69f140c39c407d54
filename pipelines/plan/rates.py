"""What a sample took on a machine: all that estimates are made of."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Rates:
    """Measured on one machine, with one model; an hour is an hour of audio."""

    device: str
    workers: int
    cores: int
    sample_hours: float
    sample_recordings: int
    sample_rejects: int
    start_sec: float
    """From the command to the first recording, and from the last table to the end."""
    language_sec: float
    """Of one worker for the first recording of a language, beyond a later one."""
    worker_sec: Mapping[str, float]
    """By stage: seconds of one of the workers for an hour, while all are at work."""
    processor_sec: float
    """Of all cores together for an hour, ffmpeg's included."""
    device_sec: float | None
    """Of a GPU for an hour, one recording after the other; None without one."""
    base_bytes: int
    """Resident memory of the process with everything loaded, no audio in it."""
    labels: int
    """Columns of the emissions."""
    store_bytes: Mapping[str, float]
    """Kept in the store for an hour, by stage."""
    shard_bytes: float
    """Of shards and their indexes for an hour."""
    table_bytes: float
    gpu_bytes: int | None = None
    """Reserved on the GPU, at most."""

    @property
    def total_worker_sec(self) -> float:
        """Seconds of one worker for an hour, all stages."""
        return sum(self.worker_sec.values())
