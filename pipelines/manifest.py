"""The manifest: one row a recording, as csv, jsonl or parquet.

Columns: recording_id, language, audio, text (may be empty: an unlabeled recording) and,
if wanted, text_format, book, chapter, version, reader, drama, licence, timing. A wrong
file or column is a ConfigError; a wrong row becomes a reject and the rest goes on.
"""

import contextlib
import hashlib
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from pipelines.addresses import folder_of, resolve_address, scheme_of
from pipelines.languages import check_language
from pipelines.manifest_rows import Row, read_rows
from pipelines.store import local_copy
from schemas.errors import (
    ConfigError,
    DuplicateRecording,
    InputError,
    KeyUnusable,
    LanguageUnknown,
    RowMalformed,
    SourceMissing,
)
from schemas.keys import check_recording_id
from schemas.segment import Reject
from schemas.source import Recording, TextFormat

STAGE = "manifest"

_FORMAT_OF_ENDING = {
    ".usfm": TextFormat.USFM,
    ".sfm": TextFormat.USFM,
    ".usx": TextFormat.USX,
    ".tsv": TextFormat.TSV,
    ".vpl": TextFormat.VPL,
}
_YES = ("true", "yes", "1")
_NO = ("false", "no", "0", "")
_BOOK = re.compile(r"[A-Z0-9][A-Z0-9_-]{0,31}")
_CHAPTER = re.compile(r"[0-9]{1,4}")


@dataclass(frozen=True)
class Manifest:
    """What the rows say; every row is a recording or a reject."""

    recordings: tuple[Recording, ...]
    rejects: tuple[Reject, ...]
    digest: str
    """SHA-256 of the file's bytes."""


def read_manifest(
    address: str | Path, *, allow_outside: bool = False, default_licence: str = ""
) -> Manifest:
    """Read a manifest; rows keep their order.

    All rows that share a recording id are rejected, because nobody can tell which one
    is meant; only if they are equal in every cell does the first one stay.

    Args:
      address: the path or URI of a file ending in .csv, .jsonl or .parquet (UTF-8).
      allow_outside: whether local paths may lead out of the manifest's folder.
      default_licence: for rows that name none.

    Raises:
      ConfigError: the file cannot be read, has unknown or missing columns, or no rows.
    """
    folder, name = folder_of(str(address)), PurePosixPath(address).name
    with contextlib.ExitStack() as copies:
        try:
            path = copies.enter_context(local_copy(str(address)))
        except FileNotFoundError as error:
            raise ConfigError(f"{address}: cannot be read: {error}") from error
        try:
            rows = read_rows(path)
        except ConfigError as error:  # names the copy, if it is one
            raise ConfigError(str(error).replace(str(path), str(address))) from error
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    duplicates = _duplicates(rows)
    recordings: list[Recording] = []
    rejects: list[Reject] = []
    for row in rows:
        try:
            if row.number in duplicates:
                raise DuplicateRecording(duplicates[row.number])
            recordings.append(
                _recording_of(row, folder, allow_outside, default_licence)
            )
        except InputError as error:
            rejects.append(_reject_of(row, error, name))
    return Manifest(tuple(recordings), tuple(rejects), digest)


def _duplicates(rows: Sequence[Row]) -> dict[int, str]:
    """Return why a row is no use, by row number, where its id is not its own."""
    by_id: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if row.cells.get("recording_id"):
            by_id[row.cells["recording_id"]].append(row)
    reasons: dict[int, str] = {}
    for recording_id, same in by_id.items():
        first, *others = same
        if all(_says_the_same(row, first) for row in others):
            for row in others:
                reasons[row.number] = f"{recording_id}: repeats row {first.number}"
            continue
        numbers = ", ".join(str(row.number) for row in same[:10])
        for row in same:
            reasons[row.number] = (
                f"{recording_id}: expected an id of its own, got {len(same)} different "
                f"rows with this one ({numbers}); rename them"
            )
    return reasons


def _says_the_same(row: Row, other: Row) -> bool:
    return row.cells == other.cells and row.problem == other.problem


def _recording_of(
    row: Row, folder: str, allow_outside: bool, default_licence: str
) -> Recording:
    if row.problem:
        raise RowMalformed(row.problem)
    cells = row.cells

    def address(column: str) -> str | None:
        if column not in cells:
            return None
        return resolve_address(cells[column], folder, allow_outside=allow_outside)

    if "recording_id" not in cells:
        raise KeyUnusable("recording_id: expected a name, got an empty cell")
    recording_id = check_recording_id(cells["recording_id"])
    if "language" not in cells:
        raise LanguageUnknown("language: expected ISO 639-3, got an empty cell")
    language = check_language(cells["language"])
    audio = address("audio")
    if audio is None:
        raise SourceMissing("audio: expected a path or URI, got an empty cell")
    return Recording(
        recording_id=recording_id,
        language=language,
        audio=audio,
        text=address("text"),
        text_format=_text_format(cells),
        book=_book(cells.get("book", "")),
        chapter=_chapter(cells.get("chapter", "0")),
        version=cells.get("version", ""),
        reader=cells.get("reader", ""),
        drama=_drama(cells.get("drama", "")),
        licence=cells.get("licence", default_licence),
        timing=address("timing"),
    )


def _text_format(cells: dict[str, str]) -> TextFormat:
    written = cells.get("text_format", "").lower()
    if written in list(TextFormat):
        return TextFormat(written)
    if written:
        expected = ", ".join(TextFormat)
        raise RowMalformed(f"text_format: expected one of {expected}, got {written!r}")
    text = cells.get("text", "")
    name = urlsplit(text).path if scheme_of(text) else text
    ending = PurePosixPath(name).suffix.lower()
    return _FORMAT_OF_ENDING.get(ending, TextFormat.PLAIN)


def _book(written: str) -> str:
    book = written.upper()
    if book and not _BOOK.fullmatch(book):
        raise RowMalformed(f"book: expected a code such as MRK, got {written!r}")
    return book


def _chapter(written: str) -> int:
    if not _CHAPTER.fullmatch(written):
        raise RowMalformed(f"chapter: expected a number 0 to 9999, got {written!r}")
    return int(written)


def _drama(written: str) -> bool:
    if written.lower() not in (*_YES, *_NO):
        raise RowMalformed(f"drama: expected true or false, got {written!r}")
    return written.lower() in _YES


def _reject_of(row: Row, error: InputError, name: str) -> Reject:
    try:
        language = check_language(row.cells.get("language", ""))
    except LanguageUnknown:
        language = ""
    return Reject(
        stage=STAGE,
        key=row.cells.get("recording_id") or f"row {row.number}",
        reason=error.reason,
        message=f"{name} row {row.number}: {error}",
        language=language,
    )
