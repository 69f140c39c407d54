"""An unfinished download, and the note of which version of its file it belongs to."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from pipelines.store import write_atomic


@dataclass(frozen=True)
class Version:
    """A version of a remote file, as its server described it."""

    etag: str
    last_modified: str
    encoding: str
    total_bytes: int | None

    @property
    def validator(self) -> str:
        """What If-Range may be asked with: a strong tag, else the date, else ""."""
        strong = self.etag and not self.etag.startswith("W/")
        return self.etag if strong else self.last_modified

    def is_described_by(self, got: "Version") -> bool:
        """Tell whether an answer is about this version; without any sign it is not."""
        if self.etag or got.etag:
            return got.etag == self.etag
        same_date = got.last_modified == self.last_modified != ""
        return same_date and got.total_bytes == self.total_bytes


def begin(partial: Path, version: Version) -> None:
    """Start a download from its first byte; nothing of an earlier one stays."""
    discard(partial)
    partial.touch()  # an empty file is complete as soon as it is noted
    write_atomic(_note_of(partial), json.dumps(asdict(version)).encode())


def at_hand(partial: Path) -> tuple[Version | None, int]:
    """Return what the bytes at hand belong to and how many they are."""
    note = Path(_note_of(partial))
    if not (note.exists() and partial.exists()):
        return None, 0
    return Version(**json.loads(note.read_bytes())), size_of(partial)


def size_of(partial: Path) -> int:
    """Return how many bytes are at hand."""
    return partial.stat().st_size if partial.exists() else 0


def plain_of(partial: Path) -> Path:
    """Return where the download lies once its compression is undone."""
    return partial.with_name(f"{partial.name}.plain")


def discard(partial: Path) -> None:
    """Delete a download and all that belongs to it."""
    for path in (str(partial), _note_of(partial), str(plain_of(partial))):
        if os.path.exists(path):
            os.unlink(path)


def _note_of(partial: Path) -> str:
    return f"{partial}.json"
