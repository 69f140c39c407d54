"""Bible Brain (the Digital Bible Platform, version 4) as a source.

What a key may download is listed by fileset; where that is refused (403), chapter by
chapter. Addresses are signed for some hours: ``open_audio`` asks for a new one.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from pipelines.sources.audio_names import Fileset, Verses, fileset_of
from pipelines.sources.bible_brain_answers import (
    BibleAnswer,
    CopyrightAnswer,
    DownloadAnswer,
    FileAnswer,
    Files,
    FilesetAnswer,
    OneBible,
)
from pipelines.sources.bible_brain_client import (
    SERVER,
    BibleBrainClient,
    NotAllowed,
    checked_address,
    read_key,
)
from pipelines.sources.bible_brain_texts import BibleBrainTexts
from pipelines.sources.books import BOOKS
from pipelines.sources.filesets import (
    all_filesets,
    audio_filesets,
    has_all_chapters,
    is_in_testament,
)
from pipelines.sources.local_audio import language_of, rejected
from pipelines.sources.options import SourceOptions
from pipelines.sources.source import SourceRecording
from schemas.errors import (
    ConfigError,
    InputError,
    RowMalformed,
    SourceMissing,
    SourceRefused,
)
from schemas.keys import check_recording_id
from schemas.segment import Reject
from schemas.source import Recording

_BIBLE_CHARS = 6
_STREAM = ".m3u8"


class BibleBrain:
    """Bibles of one key: ``ENGESV``, ``ENGESVN2DA``, ``ENGWEB/EN1WEBN2DA`` or "" (all).

    All means: of the language that was named, what the key may download.
    """

    def __init__(self, place: str, options: SourceOptions) -> None:
        self.name = f"dbp:{place}"
        self._options = options
        bible, _, fileset = place.partition("/")
        if len(bible) > _BIBLE_CHARS and not fileset:
            bible, fileset = place[:_BIBLE_CHARS], place
        if fileset and fileset_of(fileset) is None:
            raise ConfigError(
                f"{self.name}: expected an audio fileset such as ENGESVN2DA, got "
                f"{fileset!r}"
            )
        self._bible, self._fileset = bible, fileset
        self.client = BibleBrainClient(
            read_key(options.key_file), options.server or SERVER, options.limits
        )
        self._texts = BibleBrainTexts(self.client, options)

    def list_recordings(self) -> Iterator[SourceRecording | Reject]:
        """Yield the chapters of the chosen filesets; see ``Source``.

        Raises:
          ConfigError: the key is refused, or there is nothing to choose from.
          SourceMissing: there is no such Bible.
          FetchFailed: the server does not answer.
        """
        found = False
        for code, allowed in self._bibles():
            bible = self.client.get(f"bibles/{code}", OneBible).data
            chosen = self._chosen(bible, allowed)
            licences = self._licences(code) if chosen else {}
            for fileset, answer in chosen:
                found = True
                yield from self._chapters(bible, fileset, answer, licences)
        if not found:
            raise ConfigError(
                f"{self.name}: expected an audio fileset that can be downloaded, got "
                "none; see --drama and --language"
            )

    def open_audio(self, listed: SourceRecording) -> str:
        """Return an address that was signed just now.

        Raises:
          InputError: the chapter is no longer there, or not for this key.
        """
        recording = listed.recording
        fileset = recording.recording_id.partition("_")[0]
        chapter = int(recording.recording_id.split("_")[2])
        for file in self._chapter(fileset, recording.book, chapter):
            if _id_of(fileset, file) == recording.recording_id:
                return _address_of(file, recording.recording_id)
        raise SourceMissing(
            f"{recording.recording_id}: expected its address once more, got none"
        )

    def open_text(self, listed: SourceRecording) -> str | None:
        """Return the text's address, or the path where it was written down.

        Raises:
          InputError: it cannot be had.
        """
        return self._texts.open_text(listed.recording)

    def write_timestamps(self, listed: SourceRecording) -> Path | None:
        """Write when the verses begin, if that is known; return where.

        Raises:
          InputError: the server does not tell, though it says that it knows.
        """
        return self._texts.write_timestamps(listed.recording)

    def _bibles(self) -> Iterator[tuple[str, frozenset[str] | None]]:
        """Yield codes of Bibles and which filesets of each are meant (None: all)."""
        if self._bible:
            only = frozenset((self._fileset,)) if self._fileset else None
            yield self._bible, only
            return
        if not self._options.language:
            raise ConfigError(
                f"{self.name}: expected a Bible (dbp:ENGESV) or --language, got neither"
            )
        listed = self.client.get_pages("download/list", DownloadAnswer, type="audio")
        allowed = frozenset(answer.fileset_id for answer in listed)
        code = self._options.language.partition("-")[0]
        for bible in self.client.get_pages("bibles", BibleAnswer, language_code=code):
            if any(answer.id in allowed for answer in all_filesets(bible)):
                yield bible.abbr, allowed

    def _chosen(
        self, bible: BibleAnswer, allowed: frozenset[str] | None
    ) -> list[tuple[Fileset, FilesetAnswer]]:
        filesets = all_filesets(bible)
        if allowed is not None:
            filesets = (answer for answer in filesets if answer.id in allowed)
        drama = "both" if self._fileset else self._options.drama
        return audio_filesets(filesets, drama)

    def _licences(self, bible: str) -> dict[str, str]:
        """Return what is said about the rights, by fileset."""
        answers = self.client.get(f"bibles/{bible}/copyright", list[CopyrightAnswer])
        said = {}
        for answer in answers:
            words = answer.copyright
            if words is not None:
                text = words.copyright or words.copyright_description
                printable = "".join(c for c in text if c.isprintable() or c.isspace())
                said[answer.id] = " ".join(printable.split())[:300]
        return said

    def _chapters(
        self,
        bible: BibleAnswer,
        fileset: Fileset,
        answer: FilesetAnswer,
        licences: dict[str, str],
    ) -> Iterator[SourceRecording | Reject]:
        for file in self._files(bible, fileset, answer):
            if isinstance(file, Reject):
                yield file
            elif self._is_wanted(file.book_id):
                try:
                    yield self._listed(file, bible, fileset, licences)
                except InputError as error:
                    key = f"{fileset.code}_{file.book_id}_{file.chapter_start}"
                    yield rejected(key, error)

    def _is_wanted(self, book: str) -> bool:
        return not self._options.books or book in self._options.books

    def _files(
        self, bible: BibleAnswer, fileset: Fileset, answer: FilesetAnswer
    ) -> Iterator[FileAnswer | Reject]:
        try:
            yield from list(
                self.client.get_pages(f"download/{fileset.code}", FileAnswer)
            )
        except NotAllowed:
            yield from self._files_by_chapter(bible, fileset, answer)

    def _files_by_chapter(
        self, bible: BibleAnswer, fileset: Fileset, answer: FilesetAnswer
    ) -> Iterator[FileAnswer | Reject]:
        """Ask chapter by chapter; if the first one is refused, all of them are."""
        is_first = True
        for book in bible.books:
            if not is_in_testament(book.book_id, fileset.testament):
                continue
            if not self._is_wanted(book.book_id):
                continue
            for chapter in book.chapters:
                key = f"{fileset.code}_{book.book_id}_{chapter:03d}"
                try:
                    yield from self._chapter(fileset.code, book.book_id, chapter)
                except SourceMissing as error:
                    if has_all_chapters(answer):
                        yield rejected(key, error)
                except InputError as error:
                    if is_first and isinstance(error, NotAllowed):
                        yield rejected(fileset.code, error)
                        return
                    yield rejected(key, error)
                is_first = False

    def _chapter(self, fileset: str, book: str, chapter: int) -> list[FileAnswer]:
        path = f"bibles/filesets/{fileset}/{book}/{chapter}"
        return self.client.get(path, Files).data

    def _listed(
        self,
        file: FileAnswer,
        bible: BibleAnswer,
        fileset: Fileset,
        licences: dict[str, str],
    ) -> SourceRecording:
        if file.chapter_start is None or file.book_id not in BOOKS:
            raise RowMalformed(
                f"{fileset.code}: expected a file of a chapter, got one of "
                f"{file.book_id!r:.20}, chapter {file.chapter_start}"
            )
        recording_id = check_recording_id(_id_of(fileset.code, file))
        verses = _verses_of(file)
        language = self._options.language or bible.iso
        recording = Recording(
            recording_id=recording_id,
            language=language_of(language, fileset.language, Path(recording_id)),
            audio=_address_of(file, recording_id),
            book=file.book_id,
            chapter=file.chapter_start,
            version=fileset.version,
            reader=self._options.reader,
            drama=fileset.drama,
        )
        recording, text_id = self._texts.with_text(recording, bible, verses)
        said = [licences.get(fileset.code, ""), licences.get(text_id, "")]
        licence = " AND ".join(dict.fromkeys(filter(None, said)))
        return SourceRecording(
            recording=replace(recording, licence=licence or self._options.licence),
            audio_bytes=file.filesize_in_bytes,
            duration_sec=file.duration,
        )


def _address_of(file: FileAnswer, recording_id: str) -> str:
    if file.path.partition("?")[0].endswith(_STREAM):
        raise SourceRefused(
            f"{recording_id}: expected one audio file, got a stream; the key must be "
            "allowed to download this fileset"
        )
    return checked_address(file.path, recording_id)


def _verses_of(file: FileAnswer) -> Verses | None:
    """Return which verses a file has, None if all of its chapter."""
    chapter = file.chapter_start or 0
    last_chapter = file.chapter_end or chapter
    if not file.verse_end.isdecimal() and last_chapter == chapter:
        return None
    first = int(file.verse_start) if file.verse_start.isdecimal() else 1
    last = int(file.verse_end) if file.verse_end.isdecimal() else 999
    return Verses(first, last_chapter, last)


def _id_of(fileset: str, file: FileAnswer) -> str:
    place = f"{fileset}_{file.book_id}_{file.chapter_start or 0:03d}"
    verses = _verses_of(file)
    if verses is None:
        return place
    return f"{place}_{verses.first:03d}-{verses.last_chapter:03d}_{verses.last:03d}"
