"""Chapters of scripture in a folder or archive, with their texts in it or elsewhere.

Audio is known by its name (``audio_names``), a text by what is in it (``text_index``).
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock

from pipelines.sources.audio_names import AudioName, audio_name
from pipelines.sources.folders import audio_below, local_folder
from pipelines.sources.local_audio import (
    check_path,
    language_of,
    listed_local,
    rejected,
)
from pipelines.sources.options import SourceOptions
from pipelines.sources.passages import write_book, write_passage
from pipelines.sources.source import SourceRecording
from pipelines.sources.text_index import TextFile, TextIndex
from schemas.errors import ConfigError, InputError, NameUnclear, TextAmbiguous
from schemas.keys import check_recording_id
from schemas.segment import Reject
from schemas.source import Recording, TextFormat


@dataclass(frozen=True)
class _Part:
    """A text that is taken out of a larger file when it is opened."""

    name: AudioName
    file: TextFile


class BibleFolder:
    """A folder or zip archive with one audio file for each chapter."""

    def __init__(self, place: str, options: SourceOptions) -> None:
        self.name = f"bible:{place}"
        self._options = options
        self._audio = local_folder(place, options.output, options.limits)
        self._texts_at = self._audio
        if options.text:
            self._texts_at = local_folder(options.text, options.output, options.limits)
        self._text_of: dict[str, _Part] = {}
        self._one_at_a_time = Lock()  # whole Bibles are large

    def list_recordings(self) -> Iterator[SourceRecording | Reject]:
        """Yield a recording for each audio file; see ``Source``.

        Raises:
          ConfigError: there is no audio at all, or no text where one was named.
        """
        index = TextIndex(self._texts_at)
        if self._options.text and not index:
            raise ConfigError(
                f"{self._options.text}: expected texts in USFM, USX, VPL, beside a "
                "vref.txt, or of one chapter each, got none"
            )
        for path in audio_below(self._audio):
            yield from self._listed(path, index)

    def open_audio(self, listed: SourceRecording) -> str:
        """Return the audio's path."""
        return listed.recording.audio

    def open_text(self, listed: SourceRecording) -> str | None:
        """Return the path of the text, written first if it is part of another.

        Raises:
          InputError: the text that it is taken from is malformed or lacks it.
        """
        recording = listed.recording
        text = self._text_of.get(recording.recording_id)
        if text is None:
            return recording.text
        folder = self._options.output.resolve() / "text"
        path, text_format = text.file.path, text.file.format
        if text_format is None or text_format is TextFormat.VPL:
            with self._one_at_a_time:
                path = write_book(text.file, recording.book, folder)
            text_format = TextFormat.VPL
        if text.name.verses is not None:
            whole = replace(
                recording, text_format=text_format, chapter=text.name.chapter
            )
            target = folder / f"{recording.recording_id}.vpl"
            path = write_passage(whole, path, text.name.verses, target)
        return str(path)

    def _listed(
        self, path: Path, index: TextIndex
    ) -> Iterator[SourceRecording | Reject]:
        name = audio_name(path.stem, path.parent.name)
        if name is None:
            error = NameUnclear(
                f"{path}: expected a name with book and chapter, such as "
                "B01___01_Matthew_____ENGESVN2DA, ENGESVN2DA_B001_MAT_001 or MAT_01; "
                "rename it, or write a manifest"
            )
            yield rejected(path.stem, error)
        elif not self._options.books or name.book in self._options.books:
            try:
                recording = self._recording(path, name, index)
            except InputError as error:
                yield rejected(path.stem, error)
            else:
                yield listed_local(recording)

    def _recording(self, path: Path, name: AudioName, index: TextIndex) -> Recording:
        options, fileset = self._options, name.fileset
        language = language_of(
            options.language, fileset.language if fileset else "", path
        )
        check_path(path)
        version = options.version or (fileset.version if fileset else "")
        recording_id = check_recording_id(_id_of(language, version, name))
        text = _the_text(path, name, version, index)
        if text is not None and (text.is_part or name.verses is not None):
            self._text_of[recording_id] = _Part(name, text)
        return Recording(
            recording_id=recording_id,
            language=language,
            audio=str(path),
            text=None if text is None else str(text.path),
            text_format=_format_of(name, text),
            book=name.book,
            # A passage over several chapters is all that its own text has.
            chapter=0 if name.is_of_chapters else name.chapter,
            version=version,
            reader=options.reader,
            drama=fileset.drama if fileset else False,
            licence=options.licence,
        )


def _the_text(
    path: Path, name: AudioName, version: str, index: TextIndex
) -> TextFile | None:
    """Return the one file with the text, None if there is none.

    Raises:
      TextAmbiguous: there are several, and nothing says which.
    """
    files = index.files_of(name.book, name.chapter, version)
    if len(files) > 1:
        places = ", ".join(str(file.path) for file in files[:4])
        raise TextAmbiguous(
            f"{path}: expected one text of {name.book} {name.chapter}, got "
            f"{len(files)} ({places}); name one with --text or --version"
        )
    return files[0] if files else None


def _format_of(name: AudioName, text: TextFile | None) -> TextFormat:
    """Return how the text will be written once it is opened."""
    if text is None:
        return TextFormat.PLAIN
    if name.verses is not None or text.format is None:
        return TextFormat.VPL
    return text.format


def _id_of(language: str, version: str, name: AudioName) -> str:
    place = f"{name.book}_{name.chapter:03d}"
    if name.verses is not None:
        verses = name.verses
        place += f"_{verses.first:03d}-{verses.last_chapter:03d}_{verses.last:03d}"
    start = name.fileset.code if name.fileset else f"{language}_{version}".rstrip("_")
    return f"{start}_{place}"
