"""What a bad input is, and how its files and rows are written."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

GOOD_AUDIO, GOOD_TEXT = "audio/short.wav", "text/short.txt"


@dataclass(frozen=True, kw_only=True)
class Bad:
    """One recording that cannot be used, and what becomes of it."""

    name: str
    """Its recording id, unless ``cells`` say otherwise."""
    stage: str
    reason: str
    audio: bytes | None = None
    text: bytes | None = None
    timing: bytes | None = None
    endings: Mapping[str, str] = field(default_factory=dict)
    """Of the files' names; without a dot, by column."""
    cells: Mapping[str, str] = field(default_factory=dict)
    """Cells of the row that are not as they would be."""

    @property
    def key(self) -> str:
        """Under which it is rejected."""
        return self.cells.get("recording_id", self.name)

    def write(self, folder: Path) -> dict[str, str]:
        """Write its files below a folder and return its row."""
        row = {
            "recording_id": self.name,
            "language": "swh",
            "audio": GOOD_AUDIO,
            "text": GOOD_TEXT,
            "text_format": "",
            "book": "MAT",
            "chapter": "1",
        }
        endings = {"audio": "wav", "text": "txt", "timing": "json", **self.endings}
        for column, content in (
            ("audio", self.audio),
            ("text", self.text),
            ("timing", self.timing),
        ):
            if content is not None:
                row[column] = f"{column}/{self.name}.{endings[column]}"
                (folder / row[column]).write_bytes(content)
        return {**row, **self.cells}


def unreadable(name: str, audio: bytes, ending: str = "mp3", **more: str) -> Bad:
    """Return a file that ffmpeg finds no audio in."""
    return Bad(
        name=name,
        stage="align",
        reason=more.pop("reason", "audio_unreadable"),
        audio=audio,
        endings={"audio": ending},
        **more,
    )
