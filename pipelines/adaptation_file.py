"""What was learnt of a reader as one file of the store: safetensors with a note."""

import json
from collections.abc import Mapping
from dataclasses import asdict

import safetensors.torch
from safetensors import SafetensorError
from torch import Tensor

from schemas.alignment import Adaptation, AdaptationOutcome
from schemas.errors import ArtifactError

FORMAT = "pericope-adaptation/1"
_NOTE = "adaptation"


def dump_adaptation(told: Adaptation, weights: Mapping[str, Tensor]) -> bytes:
    """Return the file's bytes; equal weights give equal bytes."""
    note = json.dumps({**asdict(told), "format": FORMAT}, sort_keys=True)
    # One entry only: safetensors writes several in a random order.
    return safetensors.torch.save(dict(weights), {_NOTE: note})


def load_adaptation(
    data: bytes, name: str = "adaptation file"
) -> tuple[Adaptation, dict[str, Tensor]]:
    """Read the file back; ``name`` is for the message.

    Raises:
      ArtifactError: it is damaged or of another version.
    """
    try:
        weights = safetensors.torch.load(data)
        size = int.from_bytes(data[:8], "little")
        note = json.loads(json.loads(data[8 : 8 + size])["__metadata__"][_NOTE])
    except (SafetensorError, ValueError, KeyError) as error:
        raise ArtifactError(f"{name}: damaged ({error}); delete it") from error
    if note.pop("format", None) != FORMAT:
        raise ArtifactError(f"{name}: expected format {FORMAT}; delete it")
    outcome = AdaptationOutcome(note.pop("outcome"))
    return Adaptation(outcome, **note), weights
