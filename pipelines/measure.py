"""How long a rejected recording is, so that its seconds appear in the ledger."""

from pipelines.context import RunContext
from pipelines.fetch import FetchedFile
from pipelines.waveforms import forget_waveform, waveform_of_file
from schemas.errors import InputError
from schemas.units import sec_from_samples


def duration_or_none(audio: FetchedFile, context: RunContext) -> float | None:
    """Return the duration of a recording's audio, None if it cannot be decoded."""
    try:
        waveform = waveform_of_file(audio, context.max_hours)
        return sec_from_samples(len(waveform))
    except InputError as error:
        return error.duration_sec  # the reject says why it is of no use
    finally:
        forget_waveform()
