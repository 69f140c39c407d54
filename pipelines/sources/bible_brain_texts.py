"""Texts and verse times of Bible Brain: USX books by address, the rest written down."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from pipelines.fetch import fetch
from pipelines.sources import bible_brain_answers as answers
from pipelines.sources.audio_names import Verses
from pipelines.sources.bible_brain_client import (
    BibleBrainClient,
    NotAllowed,
    checked_address,
)
from pipelines.sources.filesets import USX, all_filesets, text_filesets
from pipelines.sources.options import SourceOptions
from pipelines.sources.passages import write_passage, write_vpl
from pipelines.store import Store, write_atomic
from schemas.errors import FetchFailed, SourceMissing
from schemas.source import Recording, TextFormat


@dataclass(frozen=True)
class _Text:
    """What a recording reads: a fileset's chapter, or some verses from there on."""

    fileset: str
    is_usx: bool
    chapter: int
    verses: Verses | None


class BibleBrainTexts:
    """The texts of the recordings that one ``BibleBrain`` lists."""

    def __init__(self, client: BibleBrainClient, options: SourceOptions) -> None:
        self._client = client
        self._options = options
        self._usx: dict[str, dict[str, str]] = {}
        self._text_of: dict[str, _Text] = {}
        self._timed: frozenset[str] | None = None

    def with_text(
        self, recording: Recording, bible: answers.BibleAnswer, verses: Verses | None
    ) -> tuple[Recording, str]:
        """Return a recording with the address of its text, and the text's fileset.

        Args:
          recording: the chapter where it begins, without text.
          bible: what it is of.
          verses: what is read of it where it is not a whole chapter.
        """
        for fileset in text_filesets(all_filesets(bible), recording.book):
            text = _Text(fileset.id, fileset.kind == USX, recording.chapter, verses)
            address: str | None = self._address(text, recording.book)
            if text.is_usx:
                books = self._books(bible, fileset.id)
                if not books:
                    continue  # the key may not have them, but perhaps plain verses
                address = books.get(recording.book)
            break
        else:
            return recording, ""
        if address is None:
            return recording, ""
        self._text_of[recording.recording_id] = text
        whole_book = text.is_usx and verses is None
        is_of_chapters = verses is not None and verses.last_chapter != text.chapter
        return replace(
            recording,
            text=address,
            text_format=TextFormat.USX if whole_book else TextFormat.VPL,
            # A passage over several chapters is all that its own text has.
            chapter=0 if is_of_chapters else text.chapter,
        ), fileset.id

    def open_text(self, recording: Recording) -> str | None:
        """Return the address of a USX book, else the path of what was written down.

        Raises:
          InputError: it cannot be had.
        """
        if recording.text is None:
            return None
        text = self._text_of[recording.recording_id]
        if not text.is_usx:
            return str(self._write_verses(recording, text))
        address, book = self._fetch_book(recording, text)
        if text.verses is None:
            return address
        target = self._folder("text") / f"{recording.recording_id}.vpl"
        whole = replace(recording, chapter=text.chapter, text_format=TextFormat.USX)
        return str(write_passage(whole, book, text.verses, target))

    def write_timestamps(self, recording: Recording) -> Path | None:
        """Write the times at which verses begin, in seconds; None if none are known.

        Raises:
          InputError: the server does not tell.
        """
        fileset, book, chapter, *passage = recording.recording_id.split("_")
        if self._timed is None:
            timed = self._client.get("timestamps", list[answers.TimedFileset])
            self._timed = frozenset(answer.fileset_id for answer in timed)
        if fileset not in self._timed or passage:
            return None
        target = self._folder("timestamps") / f"{recording.recording_id}.json"
        if not target.exists():
            path = f"timestamps/{fileset}/{book}/{int(chapter)}"
            answer = self._client.get(path, answers.Timestamps)
            if not answer.data:
                raise SourceMissing(f"{recording.recording_id}: expected verse times")
            verses = [
                {"verse": item.verse_start, "start_sec": item.timestamp}
                for item in answer.data
            ]
            document = {"recording_id": recording.recording_id, "verses": verses}
            write_atomic(str(target), json.dumps(document).encode())
        return target

    def _fetch_book(self, recording: Recording, text: _Text) -> tuple[str, Path]:
        """Fetch a USX book; return the address that served and where the book is."""
        name, store = recording.recording_id, Store(str(self._options.output))
        books = self._usx[text.fileset]
        address = checked_address(books[recording.book], name)
        try:
            return address, Path(fetch(address, store, self._options.limits).path)
        except FetchFailed:  # the signature may have run out
            files = self._files_of_book(text.fileset, recording.book, text.chapter)
            signed = [file.path for file in files if file.book_id == recording.book]
            if not signed or signed[0] == address:
                raise
        books[recording.book] = address = checked_address(signed[0], name)
        return address, Path(fetch(address, store, self._options.limits).path)

    def _files_of_book(
        self, fileset: str, book: str, chapter: int
    ) -> list[answers.FileAnswer]:
        path = f"bibles/filesets/{fileset}/{book}/{chapter}"
        return self._client.get(path, answers.Files).data

    def _books(self, bible: answers.BibleAnswer, fileset: str) -> dict[str, str]:
        """Return the addresses of a USX fileset's books."""
        if fileset not in self._usx:
            files = self._usx_files(bible, fileset)
            self._usx[fileset] = {file.book_id: file.path for file in files}
        return self._usx[fileset]

    def _usx_files(
        self, bible: answers.BibleAnswer, fileset: str
    ) -> Iterable[answers.FileAnswer]:
        try:
            path = f"bibles/filesets/{fileset}/ALL/1"
            return list(self._client.get_pages(path, answers.FileAnswer))
        except (NotAllowed, SourceMissing):
            files = []
            for book in bible.books:
                chapter = book.chapters[0] if book.chapters else 1
                try:
                    files += self._files_of_book(fileset, book.book_id, chapter)
                except (NotAllowed, SourceMissing):
                    continue  # then the book's recordings have no text
            return files

    def _write_verses(self, recording: Recording, text: _Text) -> Path:
        """Write down plain verses: of a chapter, or of the passage that is read."""
        name, last_chapter = recording.recording_id, text.chapter
        if text.verses is None:
            name = f"{text.fileset}_{recording.book}_{text.chapter:03d}"
        else:
            last_chapter = text.verses.last_chapter
        target = self._folder("text") / f"{name}.vpl"
        if target.exists():
            return target
        lines = []
        for chapter in range(text.chapter, last_chapter + 1):
            path = f"bibles/filesets/{text.fileset}/{recording.book}/{chapter}"
            for verse in self._client.get(path, answers.Verses).data:
                if _is_read(verse, text):
                    lines.append(_vpl_of(verse))
        return write_vpl(lines, target, recording.recording_id)

    def _address(self, text: _Text, book: str) -> str:
        server = self._client.server.rstrip("/")
        return f"{server}/bibles/filesets/{text.fileset}/{book}/{text.chapter}"

    def _folder(self, name: str) -> Path:
        return self._options.output.resolve() / name


def _vpl_of(verse: answers.VerseAnswer) -> str:
    number = verse.verse_start
    if verse.verse_end not in ("", number):
        number = f"{number}-{verse.verse_end}"
    text = " ".join(verse.verse_text.split())
    return f"{verse.book_id} {verse.chapter}:{number} {text}"


def _is_read(verse: answers.VerseAnswer, text: _Text) -> bool:
    if text.verses is None:
        return True
    digits = "".join(c for c in verse.verse_start if c.isdecimal())
    place = (verse.chapter, int(digits or 0))
    first = (text.chapter, text.verses.first)
    return first <= place <= (text.verses.last_chapter, text.verses.last)
