"""Which filesets of a Bible are fetched: sound of which kind, text in which format."""

import re
from collections.abc import Iterable, Iterator

from pipelines.sources.audio_names import Fileset, fileset_of
from pipelines.sources.bible_brain_answers import BibleAnswer, FilesetAnswer
from pipelines.sources.books import NEW_TESTAMENT, OLD_TESTAMENT

_CODE = re.compile(r"[A-Za-z0-9_-]{1,40}")
AUDIO_KINDS = ("audio", "audio_drama")
USX, PLAIN = "text_usx", "text_plain"
_WHOLE = {"C": "NO", "NT": "N", "OT": "O", "NTOTP": "N", "OTNTP": "O", "NTPOTP": ""}
_SOME = {"NTOTP": "NO", "OTNTP": "NO", "NTPOTP": "NO", "NTP": "N", "OTP": "O"}


def all_filesets(bible: BibleAnswer) -> Iterator[FilesetAnswer]:
    """Yield the filesets of a Bible, wherever they are kept.

    Codes become file names, so that any other than the usual are left out.
    """
    for kept in bible.filesets.values():
        yield from (answer for answer in kept if _CODE.fullmatch(answer.id))


def audio_filesets(
    filesets: Iterable[FilesetAnswer], drama: str
) -> list[tuple[Fileset, FilesetAnswer]]:
    """Return the audio filesets to fetch, as files and in one quality each.

    Streams, other encodings of the same sound (``-opus16``, ``16``) and video are not
    among them.

    Args:
      filesets: all of the Bible.
      drama: yes, no, both, or auto: of each testament the plain one if there is one.
    """
    found = {
        fileset.code: (fileset, answer)
        for answer in filesets
        if answer.kind in AUDIO_KINDS
        and len(answer.id) == 10
        and (fileset := fileset_of(answer.id)) is not None
    }
    plain = {fileset.testament for fileset, _ in found.values() if not fileset.drama}
    return [
        (fileset, answer)
        for fileset, answer in found.values()
        if drama == "both"
        or (drama == "auto" and not (fileset.drama and fileset.testament in plain))
        or (drama in ("yes", "no") and fileset.drama == (drama == "yes"))
    ]


def text_filesets(
    filesets: Iterable[FilesetAnswer], book: str
) -> Iterator[FilesetAnswer]:
    """Yield filesets that may have the text of a book: USX rather than plain verses."""
    testament = "N" if book in NEW_TESTAMENT else "O"
    texts = [answer for answer in filesets if answer.kind in (USX, PLAIN)]
    for covers_whole in (True, False):
        for kind in (USX, PLAIN):
            for answer in texts:
                is_whole = testament in _WHOLE.get(answer.covers, "")
                is_part = testament in _SOME.get(answer.covers, "NO")
                covers = is_whole if covers_whole else is_part and not is_whole
                if answer.kind == kind and covers:
                    yield answer


def is_in_testament(book: str, testament: str) -> bool:
    """Tell whether a fileset of a testament (N, O, or P for both) may have a book."""
    books = {"N": NEW_TESTAMENT, "O": OLD_TESTAMENT}.get(testament)
    return books is None or book in books


def has_all_chapters(answer: FilesetAnswer) -> bool:
    """Tell whether a chapter that the fileset lacks is missing indeed."""
    return answer.covers in ("C", "NT", "OT")
