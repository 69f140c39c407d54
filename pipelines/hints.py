"""What Beam is told that a worker needs, so that an engine can choose machines by it.

Dataflow alone acts on it. All steps of a recording get the same hints: steps whose
hints differ are not fused, and a recording would be decoded once for each.
"""

from collections.abc import Sequence

from pipelines.memory import resident_bytes
from pipelines.plan.estimate import memory_bytes
from pipelines.plan.lengths import header_lengths
from schemas.source import Recording

HEEDED_BY = ("dataflow",)
_BEAM_BYTES = 300_000_000
"""Of a worker's process beside what the process that submits has in memory."""


def resource_hints(
    recordings: Sequence[Recording],
    labels: int,
    audio_hours_in_flight: float,
    accelerator: str,
) -> dict[str, str]:
    """Return Beam's resource hints for the steps that a recording goes through.

    Args:
      recordings: the longest of those whose header can be read here decides.
      labels: columns of the emissions.
      audio_hours_in_flight: audio that a process may have in memory at once.
      accelerator: run.accelerator, "" for none.
    """
    base_bytes = resident_bytes() + _BEAM_BYTES
    longest_sec = max(header_lengths(recordings).known, default=0.0)
    needed = memory_bytes(base_bytes, labels, longest_sec, audio_hours_in_flight * 3600)
    hints = {"min_ram": f"{needed}B"}
    if accelerator:
        hints["accelerator"] = accelerator
    return hints
