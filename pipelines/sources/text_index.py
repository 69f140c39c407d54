"""Which file of a folder has the text of which book, told by what is in it."""

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pipelines.sources.audio_names import audio_name
from pipelines.sources.books import book_of_code
from pipelines.sources.folders import files_below
from pipelines.sources.vref import VREF
from schemas.source import TextFormat

# A whole Bible with every word marked up has about this much.
_MAX_BYTES = 64 * 2**20
_BOM = rb"^(?:\xef\xbb\xbf)?"
_USFM_ID = re.compile(_BOM + rb"[ \t]*\\id[ \t]+(\w{3})", re.MULTILINE)
_USX_BOOK = re.compile(rb"<book\b[^<>]{0,500}\bcode=\"(\w{3})\"")
_VPL_LINE = re.compile(_BOM + rb"(\w{3})[ \t]+\d{1,3}:\d", re.MULTILINE)
_BY_ENDING = {
    ".usfm": (TextFormat.USFM, _USFM_ID),
    ".sfm": (TextFormat.USFM, _USFM_ID),
    ".usx": (TextFormat.USX, _USX_BOOK),
    ".xml": (TextFormat.USX, _USX_BOOK),
    ".vpl": (TextFormat.VPL, _VPL_LINE),
    ".txt": (TextFormat.VPL, _VPL_LINE),
}


@dataclass(frozen=True)
class TextFile:
    """A file with the text of a book, or of one chapter (0: of all).

    ``format`` is None where ``vref.txt`` beside it says which line is which verse.
    """

    path: Path
    format: TextFormat | None
    chapter: int = 0

    @property
    def is_part(self) -> bool:
        """Whether a book has to be taken out of a file that may hold a whole Bible."""
        return self.format in (None, TextFormat.VPL)


class TextIndex:
    """The texts below a folder (or a single file)."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._files: dict[str, list[TextFile]] = defaultdict(list)
        for path in files_below(folder):
            for book, file in _texts_of(path):
                self._files[book].append(file)

    def __bool__(self) -> bool:
        return bool(self._files)

    def files_of(self, book: str, chapter: int, version: str = "") -> list[TextFile]:
        """Return the files with a chapter's text: none, one, or more that could be it.

        Of several, those whose path names the version are meant, if there are any.
        """
        files = [file for file in self._files[book] if file.chapter in (0, chapter)]
        named = [file for file in files if self._names(file.path, version)]
        return named or files

    def _names(self, path: Path, version: str) -> bool:
        return bool(version) and version.lower() in self._relative(path).lower()

    def _relative(self, path: Path) -> str:
        return str(path.relative_to(self.folder)) if path != self.folder else path.name


def _texts_of(path: Path) -> Iterable[tuple[str, TextFile]]:
    if path.suffix.lower() not in _BY_ENDING or path.name == VREF:
        return
    if not path.is_file():  # a link to nothing, or a pipe
        return
    if path.stat().st_size > _MAX_BYTES:
        return
    text_format, pattern = _BY_ENDING[path.suffix.lower()]
    data = path.read_bytes()
    books = dict.fromkeys(
        book_of_code(code.decode("ascii", "replace")) for code in pattern.findall(data)
    )
    for book in filter(None, books):
        yield book, TextFile(path, text_format)
    if path.suffix.lower() != ".txt" or any(books):
        return
    vref = path.with_name(VREF)
    references = vref.read_bytes() if vref.is_file() else b""
    if references and _lines_in(references) == _lines_in(data):
        codes = re.findall(rb"^(\w{3}) ", references, re.MULTILINE)
        for book in filter(None, map(book_of_code, _ascii(codes))):
            yield book, TextFile(path, None)
        return
    name = audio_name(path.stem, path.parent.name)
    if name is not None and name.verses is None:
        yield name.book, TextFile(path, TextFormat.PLAIN, name.chapter)


def _lines_in(data: bytes) -> int:
    return data.removesuffix(b"\n").count(b"\n")


def _ascii(codes: Iterable[bytes]) -> Iterable[str]:
    return dict.fromkeys(code.decode("ascii", "replace") for code in codes)
