"""One text file of the manifest to the chapter that a recording reads."""

import codecs
from collections.abc import Callable
from pathlib import Path

from pipelines.texts_lines import read_plain, read_tsv, read_vpl
from pipelines.texts_verse import (
    PlacedText,
    TextSource,
    choose_chapter,
    join_repeats,
)
from schemas.errors import SourceMissing, SourceTooLarge, TextEmpty, TextUnreadable
from schemas.source import Aside, Chapter, Recording, TextFormat, Verse

MAX_TEXT_BYTES = 16 * 1024 * 1024  # the longest books with every word marked up have 5
MAX_LINE_CHARS = 100_000  # a whole chapter in one line has about 20,000


def _read_usfm(source: TextSource, chapter: int) -> PlacedText:
    from pipelines.texts_usfm import read_usfm  # sil-machine: a third of a second

    return read_usfm(source, chapter)


def _read_usx(source: TextSource, chapter: int) -> PlacedText:
    from pipelines.texts_usx import read_usx

    return read_usx(source, chapter)


_READERS: dict[TextFormat, Callable[[TextSource, int], PlacedText]] = {
    TextFormat.PLAIN: read_plain,
    TextFormat.TSV: read_tsv,
    TextFormat.VPL: read_vpl,
    TextFormat.USFM: _read_usfm,
    TextFormat.USX: _read_usx,
}
_WITHOUT_CHAPTERS = (TextFormat.PLAIN, TextFormat.TSV)

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def _read_bytes(path: Path, name: str) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_TEXT_BYTES + 1)
    except (
        FileNotFoundError,
        NotADirectoryError,
        IsADirectoryError,
        PermissionError,
    ) as error:
        raise SourceMissing(
            f"{name}: expected a text file at {path}, got {error.strerror}"
        ) from error
    if len(data) > MAX_TEXT_BYTES:
        raise SourceTooLarge(
            f"{name}: expected at most {MAX_TEXT_BYTES} bytes of text, got more; "
            "split the file by book"
        )
    return data


def _decode(data: bytes, name: str) -> str:
    """Decode UTF-8, or UTF-16 with a byte order mark."""
    bom, encoding = next(
        ((bom, encoding) for bom, encoding in _BOMS if data.startswith(bom)),
        (b"", "utf-8"),
    )
    try:
        return data[len(bom) :].decode(encoding)
    except UnicodeDecodeError as error:
        offset = len(bom) + error.start
        raise TextUnreadable(
            f"{name}: expected {encoding.upper()}, got byte 0x{data[offset]:02x} at "
            f"offset {offset} ({error.reason}); save the file as UTF-8"
        ) from error


def _read_source(path: Path, name: str, text_format: TextFormat) -> TextSource:
    text = _decode(_read_bytes(path, name), name)
    source = TextSource(name, text.replace("\r\n", "\n").replace("\r", "\n"))
    nul = source.text.find("\0")
    if nul >= 0:
        raise source.malformed(
            source.text.count("\n", 0, nul) + 1,
            "expected text, got a NUL character; is the file UTF-16 without a byte "
            "order mark, or not text at all?",
        )
    if text_format is not TextFormat.USX:  # XML may well come in one line
        _check_lines(source)
    return source


def _check_lines(source: TextSource) -> None:
    for number, line in enumerate(source.text.split("\n"), start=1):
        if len(line) > MAX_LINE_CHARS:
            raise source.malformed(
                number,
                f"expected at most {MAX_LINE_CHARS} characters in a line, got "
                f"{len(line)}; is this the right text_format?",
            )


def read_chapter(path: str | Path, recording: Recording) -> Chapter:
    """Return the verses and asides that a recording reads, as they are written.

    ``recording.text_format`` says how the file is written; ``recording.book`` and
    ``recording.chapter`` choose from a VPL, USFM or USX file (no book: its only one;
    chapter 0: all of them, verses numbered "chapter:verse"). Segments such as 3a and 3b
    stay verses of their own, bridges such as 3-4 stay one verse. Only white space is
    changed: at the ends of verses and where markup breaks lines. A wrong number
    or marker in another chapter does not matter.

    Args:
      path: a local file, at most 16 MB, UTF-8 or UTF-16 with a byte order mark.
      recording: the manifest's row.

    Raises:
      SourceMissing: there is no such file.
      SourceTooLarge: it is too large.
      TextUnreadable: it cannot be decoded.
      TextMalformed: it does not follow its format, or lacks the book or chapter.
      TextEmpty: no verse has any text.
    """
    name = f"{recording.recording_id}: {Path(path).name}"
    source = _read_source(Path(path), name, recording.text_format)
    text = _READERS[recording.text_format](source, recording.chapter)
    asides: tuple[Aside, ...] = ()
    if recording.text_format in _WITHOUT_CHAPTERS:
        book, verses = recording.book, join_repeats(source, text.verses)
    else:
        book, verses, asides = choose_chapter(source, text, recording)
    _check_not_empty(source, verses)
    return Chapter(
        language=recording.language,
        book=book,
        chapter=recording.chapter,
        verses=verses,
        asides=asides,
    )


def _check_not_empty(source: TextSource, verses: tuple[Verse, ...]) -> None:
    if not any(verse.text for verse in verses):
        raise TextEmpty(
            f"{source.name}: expected a verse with text, got none in {len(verses)} "
            "verses; check the file"
        )
