"""A manifest as a source: its remote files are fetched, its own words are kept."""

from collections.abc import Iterator
from pathlib import Path

from pipelines.manifest import read_manifest
from pipelines.sources.local_audio import listed_local
from pipelines.sources.options import SourceOptions
from pipelines.sources.source import MANIFEST, SourceRecording
from schemas.errors import ConfigError
from schemas.segment import Reject


class ManifestFile:
    """A csv, jsonl or parquet file as ``pericope run`` takes it."""

    def __init__(self, place: str, options: SourceOptions) -> None:
        self.name = place
        self._options = options
        if Path(place).resolve() == (options.output / MANIFEST).resolve():
            raise ConfigError(
                f"{place}: would be written over; name another folder to fetch into"
            )

    def list_recordings(self) -> Iterator[SourceRecording | Reject]:
        """Yield what the rows say; see ``Source``.

        Local files may lie anywhere, since whoever fetches has named the manifest.

        Raises:
          ConfigError: the file cannot be read or has wrong columns.
        """
        manifest = read_manifest(
            Path(self.name), allow_outside=True, default_licence=self._options.licence
        )
        yield from manifest.rejects
        for recording in manifest.recordings:
            if self._options.books and recording.book not in self._options.books:
                continue
            if Path(recording.audio).is_file():
                yield listed_local(recording)
            else:
                yield SourceRecording(recording=recording)

    def open_audio(self, listed: SourceRecording) -> str:
        """Return the audio's address as it is written."""
        return listed.recording.audio

    def open_text(self, listed: SourceRecording) -> str | None:
        """Return the text's address as it is written."""
        return listed.recording.text
