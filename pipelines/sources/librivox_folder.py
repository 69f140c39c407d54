"""A book in numbered audio files, with one text for each section beside them.

As LibriVox publishes them: ``story_01_author.mp3`` or ``story_01_author_64kb.mp3``, and
here ``story_01_author.txt`` or ``01.txt`` with the section's text.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from pipelines.sources.folders import audio_below, files_below, local_folder
from pipelines.sources.local_audio import (
    check_path,
    language_of,
    listed_local,
    rejected,
)
from pipelines.sources.options import SourceOptions
from pipelines.sources.source import SourceRecording
from pipelines.store import write_atomic
from pipelines.texts import MAX_TEXT_BYTES
from schemas.errors import (
    ConfigError,
    InputError,
    NameUnclear,
    SourceTooLarge,
    TextAmbiguous,
    TextUnreadable,
)
from schemas.keys import check_recording_id
from schemas.segment import Reject
from schemas.source import Recording

LICENCE = "public-domain"
_BITRATE = re.compile(r"_(?:64|128)kb$")
_NUMBER = re.compile(r"(?:^|(?<=[_ -]))[0-9]{1,3}(?=$|[_ -])")
_UNSAFE = re.compile(r"[^A-Za-z0-9_-]+")
_BLANK_LINES = re.compile(r"\n[ \t]*(?:\n[ \t]*)+")


class LibrivoxFolder:
    """A folder or zip archive with the sections of one book."""

    def __init__(self, place: str, options: SourceOptions) -> None:
        self.name = f"librivox:{place}"
        self._options = options
        self._audio = local_folder(place, options.output, options.limits)
        self._texts_at = self._audio
        if options.text:
            self._texts_at = local_folder(options.text, options.output, options.limits)
        stem = Path(place.rstrip("/")).stem
        self._title = _UNSAFE.sub("-", stem).strip("-_")[:60] or "book"

    def list_recordings(self) -> Iterator[SourceRecording | Reject]:
        """Yield a recording for each section; see ``Source``.

        Raises:
          ConfigError: there is no audio, or no language was named.
        """
        if not self._options.language:
            raise ConfigError(
                f"{self.name}: expected --language, because the files do not tell it"
            )
        files = list(files_below(self._texts_at))
        texts = [p for p in files if p.suffix.lower() == ".txt" and p.is_file()]
        for path in audio_below(self._audio):
            try:
                recording = self._recording(path, texts)
            except InputError as error:
                yield rejected(path.stem, error, self._options.language)
            else:
                yield listed_local(recording)

    def open_audio(self, listed: SourceRecording) -> str:
        """Return the audio's path."""
        return listed.recording.audio

    def open_text(self, listed: SourceRecording) -> str | None:
        """Return the path of the text with a paragraph a line.

        Raises:
          TextUnreadable: it is not UTF-8.
        """
        recording = listed.recording
        if recording.text is None:
            return None
        folder = self._options.output.resolve() / "text"
        target = folder / f"{recording.recording_id}.txt"
        if not target.exists():
            lines = paragraphs_of(Path(recording.text))
            write_atomic(str(target), ("\n".join(lines) + "\n").encode())
        return str(target)

    def _recording(self, path: Path, texts: list[Path]) -> Recording:
        options = self._options
        check_path(path)
        section = _section_of(path)
        text = _text_of(path, section, texts)
        return Recording(
            recording_id=check_recording_id(f"{self._title}_{section:03d}"),
            language=language_of(options.language, "", path),
            audio=str(path),
            text=None if text is None else str(text),
            book=self._title.upper()[:32],
            chapter=section,
            version=options.version,
            reader=options.reader,
            licence=options.licence or LICENCE,
        )


def paragraphs_of(path: Path) -> list[str]:
    """Return the paragraphs of a text whose lines were broken to fit a page.

    Blank lines stand between them; a text without any has a paragraph in every line.

    Raises:
      TextUnreadable: it is not UTF-8.
      SourceTooLarge: it is too large for a section.
    """
    size = path.stat().st_size
    if size > MAX_TEXT_BYTES:
        raise SourceTooLarge(
            f"{path}: expected at most {MAX_TEXT_BYTES} bytes of text, got {size}"
        )
    try:
        text = path.read_text(encoding="utf-8-sig").strip()
    except UnicodeDecodeError as error:
        raise TextUnreadable(f"{path}: expected UTF-8: {error}") from error
    pieces = _BLANK_LINES.split(text)
    if len(pieces) == 1:
        pieces = text.split("\n")
    return [" ".join(piece.split()) for piece in pieces if piece.strip()]


def _section_of(path: Path) -> int:
    section = _number_or_none(path)
    if section is None:
        raise NameUnclear(
            f"{path}: expected a number in the name, such as story_01_author; rename it"
        )
    return section


def _number_or_none(path: Path) -> int | None:
    """Return the section's number: the last one, but "vol_1_02" before "02_part_1"."""
    numbers = _NUMBER.findall(_BITRATE.sub("", path.stem))
    padded = [number for number in numbers if len(number) > 1]
    return int((padded or numbers)[-1]) if numbers else None


def _text_of(path: Path, section: int, texts: list[Path]) -> Path | None:
    """Return the section's text: of the same name, else the one with its number."""
    stem = _BITRATE.sub("", path.stem)
    same = [text for text in texts if text.stem == stem]
    found = same or [text for text in texts if _number_or_none(text) == section]
    if len(found) > 1:
        places = ", ".join(str(text) for text in found[:4])
        raise TextAmbiguous(
            f"{path}: expected one text of section {section}, got {len(found)} "
            f"({places}); name it {stem}.txt"
        )
    return found[0] if found else None
