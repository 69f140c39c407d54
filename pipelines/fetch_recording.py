"""First step of a recording: audio, text and times are brought within reach."""

from dataclasses import dataclass

from pipelines.context import RunContext
from pipelines.fetch import FetchedFile, fetch
from pipelines.measure import duration_or_none
from schemas.errors import InputError
from schemas.source import Recording

STAGE = "fetch"


@dataclass(frozen=True)
class FetchedRecording:
    """A recording whose files are at hand (references, no bytes)."""

    recording: Recording
    audio: FetchedFile
    text: FetchedFile | None
    timing: FetchedFile | None


def fetch_recording(recording: Recording, context: RunContext) -> FetchedRecording:
    """Fetch everything that a manifest row names.

    Raises:
      InputError: one of them cannot be had; see ``fetch``. Where it is not the audio,
        the error has its duration.
    """

    def fetched(uri: str) -> FetchedFile:
        return fetch(uri, context.store, context.fetch, context.asked_since_sec)

    audio = fetched(recording.audio)
    try:
        text = fetched(recording.text) if recording.text is not None else None
        timing = fetched(recording.timing) if recording.timing is not None else None
    except InputError as error:
        error.duration_sec = duration_or_none(audio, context)
        raise
    return FetchedRecording(recording, audio, text, timing)
