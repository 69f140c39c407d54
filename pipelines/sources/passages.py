"""Texts that a recording reads a part of, written down as VPL files of their own."""

import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from pipelines.sources.audio_names import Verses
from pipelines.sources.books import book_of_code
from pipelines.sources.text_index import TextFile
from pipelines.sources.vref import VREF, read_vref
from pipelines.store import write_atomic
from pipelines.texts import read_chapter
from schemas.errors import TextEmpty, TextMalformed
from schemas.keys import digest_of
from schemas.source import Recording

_REFERENCE = re.compile(r"\s*(?P<book>\w{3})(?P<rest>\s+(?P<chapter>\d+):.*)")


def write_vpl(lines: Iterable[str], target: Path, name: str) -> Path:
    """Write lines of verses, if the file is not there yet; return where it is.

    Raises:
      TextEmpty: there are none.
    """
    if not target.exists():
        written = list(lines)
        if not written:
            raise TextEmpty(f"{name}: expected verses, got none")
        write_atomic(str(target), ("\n".join(written) + "\n").encode())
    return target


def write_book(file: TextFile, book: str, folder: Path) -> Path:
    """Take one book out of a file of many, under the book's usual code.

    Args:
      file: in VPL, or one beside ``vref.txt``.
      book: its code in USFM.
      folder: where the book's own file is to be.

    Raises:
      TextMalformed: the file is not what it seems to be.
      TextEmpty: it does not have the book.
    """
    # Files of two Bibles may have one name, and one file may be another tomorrow.
    state = file.path.stat()
    digest = digest_of(str(file.path), state.st_size, state.st_mtime_ns)[:8]
    target = folder / f"{file.path.stem}-{digest}_{book}.vpl"
    name = f"{file.path}: {book}"
    if target.exists():
        return target
    if file.format is None:
        verses = read_vref(file.path, file.path.with_name(VREF))
        lines = [line.vpl for line in verses if line.book == book]
    else:
        lines = _vpl_of_book(file.path, book)
    return write_vpl(lines, target, name)


def _vpl_of_book(path: Path, book: str) -> list[str]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise TextMalformed(f"{path}: expected UTF-8: {error}") from error
    matches = (_REFERENCE.fullmatch(line) for line in text.splitlines())
    return [
        f"{book}{match['rest']}"
        for match in matches
        if match is not None and book_of_code(match["book"]) == book
    ]


def write_passage(
    recording: Recording, path: Path, verses: Verses, target: Path
) -> Path:
    """Take the verses that a recording reads out of its book's text.

    Args:
      recording: its chapter is where the passage begins.
      path: the whole text, in the recording's format.
      verses: where the passage begins and ends.
      target: the file to write.

    Raises:
      InputError: the text cannot be read, or does not have these verses.
    """
    if target.exists():
        return target
    first = (recording.chapter, verses.first)
    last = (verses.last_chapter, verses.last)
    lines = []
    for chapter in range(recording.chapter, verses.last_chapter + 1):
        read = read_chapter(path, replace(recording, chapter=chapter))
        for verse in read.verses:
            number = int(re.match(r"\d+", verse.number)[0])  # type: ignore[index]
            if first <= (chapter, number) <= last:
                text = " ".join(verse.text.split())
                lines.append(f"{recording.book} {chapter}:{verse.number} {text}")
    return write_vpl(lines, target, f"{recording.recording_id}: {path}")
