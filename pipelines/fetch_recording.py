"""First step of a recording: audio, text and times are brought within reach."""

from dataclasses import dataclass

from pipelines.context import RunContext
from pipelines.fetch import FetchedFile, fetch
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
      InputError: one of them cannot be had; see ``fetch``.
    """

    def fetched(uri: str | None) -> FetchedFile | None:
        return None if uri is None else fetch(uri, context.store, context.fetch)

    return FetchedRecording(
        recording,
        fetch(recording.audio, context.store, context.fetch),
        fetched(recording.text),
        fetched(recording.timing),
    )
