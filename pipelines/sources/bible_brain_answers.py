"""What Bible Brain answers, as far as it is needed; the rest is left aside."""

from dataclasses import field
from typing import Annotated

from pydantic import BeforeValidator, ConfigDict
from pydantic.dataclasses import dataclass

_ANSWER = ConfigDict(extra="ignore", coerce_numbers_to_str=True)
# Verses without letters are numbers in some answers and texts in others.
_Text = Annotated[str, BeforeValidator(lambda value: "" if value is None else value)]


@dataclass(frozen=True, config=_ANSWER)
class FilesetAnswer:
    """A fileset of a Bible: its code, its kind of media and what it covers."""

    id: str
    type: _Text = ""
    size: _Text = ""
    set_type_code: _Text = ""
    set_size_code: _Text = ""

    @property
    def kind(self) -> str:
        """Such as audio, audio_drama, text_plain, text_usx."""
        return self.type or self.set_type_code

    @property
    def covers(self) -> str:
        """NT, OT, C, or with P what is there in parts."""
        return self.size or self.set_size_code


@dataclass(frozen=True, config=_ANSWER)
class BookAnswer:
    """A book of a Bible and the chapters that it has."""

    book_id: str
    chapters: list[int] = field(default_factory=list)


@dataclass(frozen=True, config=_ANSWER)
class BibleAnswer:
    """A Bible: its code, language, filesets by where they are kept, and books."""

    abbr: str
    iso: _Text = ""
    filesets: dict[str, list[FilesetAnswer]] = field(default_factory=dict)
    books: list[BookAnswer] = field(default_factory=list)


@dataclass(frozen=True, config=_ANSWER)
class OneBible:
    """The answer to a question about a Bible."""

    data: BibleAnswer


@dataclass(frozen=True, config=_ANSWER)
class DownloadAnswer:
    """A fileset that the key may download."""

    fileset_id: str
    type: _Text = ""


@dataclass(frozen=True, config=_ANSWER)
class FileAnswer:
    """A file of a fileset: audio of a chapter or a part of it, text of a book."""

    book_id: str
    path: str
    chapter_start: int | None = None
    chapter_end: int | None = None
    verse_start: _Text = ""
    verse_end: _Text = ""
    duration: float | None = None
    filesize_in_bytes: int | None = None


@dataclass(frozen=True, config=_ANSWER)
class Files:
    """The files of one chapter."""

    data: list[FileAnswer]


@dataclass(frozen=True, config=_ANSWER)
class VerseAnswer:
    """A verse in plain text."""

    book_id: str
    chapter: int
    verse_start: str
    verse_text: str
    verse_end: _Text = ""


@dataclass(frozen=True, config=_ANSWER)
class Verses:
    """The verses of one chapter."""

    data: list[VerseAnswer]


@dataclass(frozen=True, config=_ANSWER)
class CopyrightWords:
    """What is said about the rights in a fileset."""

    copyright: _Text = ""
    copyright_description: _Text = ""


@dataclass(frozen=True, config=_ANSWER)
class CopyrightAnswer:
    """The rights in one fileset."""

    id: str
    copyright: CopyrightWords | None = None


@dataclass(frozen=True, config=_ANSWER)
class TimestampAnswer:
    """When a verse begins."""

    verse_start: str
    timestamp: float


@dataclass(frozen=True, config=_ANSWER)
class Timestamps:
    """When the verses of one chapter begin."""

    data: list[TimestampAnswer]


@dataclass(frozen=True, config=_ANSWER)
class TimedFileset:
    """A fileset of which verse times are known."""

    fileset_id: str
