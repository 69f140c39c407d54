"""How long a rejected recording is, so that its seconds appear in the ledger."""

from pathlib import Path

from pipelines.context import RunContext
from pipelines.fetch import FetchedFile
from pipelines.store import local_copy
from pipelines.waveforms import forget_waveform, waveform_of
from schemas.errors import InputError
from schemas.units import sec_from_samples


def duration_or_none(audio: FetchedFile, context: RunContext) -> float | None:
    """Return the duration of a recording's audio, None if it cannot be decoded."""
    try:
        with local_copy(audio.path) as path:
            waveform = waveform_of(Path(path), audio.sha256, context.max_hours)
        return sec_from_samples(len(waveform))
    except InputError as error:
        return error.duration_sec  # the reject says why it is of no use
    finally:
        forget_waveform()
