"""What a place with recordings is asked for: a list, an address for audio and text."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from pipelines.addresses import redact_uri
from schemas.segment import Reject
from schemas.source import Recording

MANIFEST = "recordings.csv"
"""What is written into the folder that is fetched into."""
STAGE = "sources"
"""The stage of rejects that a listing makes."""


@dataclass(frozen=True, kw_only=True)
class SourceRecording:
    """A recording that a source has, its licence included, before it is fetched.

    ``recording.audio`` and ``.text`` are where the source says they are. What is not
    known before fetching is None.
    """

    recording: Recording
    audio_bytes: int | None = None
    duration_sec: float | None = None


class Source(Protocol):
    """A place that has recordings."""

    name: str

    def list_recordings(self) -> Iterator[SourceRecording | Reject]:
        """Yield what there is, and by name what there is but cannot be used.

        Raises:
          PericopeError: there is nothing to be listed at all.
        """
        ...

    def open_audio(self, listed: SourceRecording) -> str:
        """Return an address that the audio can be fetched from now.

        A source that signs its addresses signs a new one.

        Raises:
          InputError: the audio is no longer there.
        """
        ...

    def open_text(self, listed: SourceRecording) -> str | None:
        """Return an address that the text can be fetched from now, None without text.

        A text that is not a file by itself is written first.

        Raises:
          InputError: the text cannot be had.
        """
        ...


@dataclass(frozen=True)
class Listing:
    """What sources have, each recording with the source that has it."""

    recordings: tuple[tuple[Source, SourceRecording], ...]
    rejects: tuple[Reject, ...]

    @property
    def items(self) -> tuple[SourceRecording, ...]:
        """The recordings alone."""
        return tuple(item for _, item in self.recordings)


def list_sources(sources: Iterable[Source]) -> Listing:
    """Return what all sources have, in their order.

    Of recordings with the same id none is kept, since each could be meant.

    Raises:
      PericopeError: one of them cannot be listed.
    """
    found: dict[str, list[tuple[Source, SourceRecording]]] = {}
    rejects: list[Reject] = []
    for source in sources:
        for item in source.list_recordings():
            if isinstance(item, Reject):
                rejects.append(item)
            else:
                same = found.setdefault(item.recording.recording_id, [])
                same.append((source, item))
    for recording_id, same in found.items():
        if len(same) > 1:
            rejects.append(_duplicate(recording_id, same))
    return Listing(
        tuple(same[0] for same in found.values() if len(same) == 1), tuple(rejects)
    )


def _duplicate(recording_id: str, same: list[tuple[Source, SourceRecording]]) -> Reject:
    places = ", ".join(redact_uri(item.recording.audio) for _, item in same[:4])
    return Reject(
        stage=STAGE,
        key=recording_id,
        reason="duplicate_recording",
        message=f"{recording_id}: expected one recording, got {len(same)} ({places}); "
        "leave out all but one",
        language=same[0][1].recording.language,
    )
