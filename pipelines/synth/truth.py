"""The truth about a synthetic recording: what is written, what is said, and when.

The JSON file is also what the manifest's ``timing`` column points at.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from schemas.errors import TimingMalformed

FORMAT = "pericope-truth/1"


@dataclass(frozen=True)
class TruthWord:
    """A written word and when it is said; ``char_*`` index the verse's text.

    Where the voice runs two words together ("of the") they share one entry.
    """

    char_start: int
    char_end: int
    start_sec: float
    end_sec: float
    is_number: bool = False


@dataclass(frozen=True)
class TruthVerse:
    """One verse of the text. ``read`` is once, twice or never."""

    number: str
    text: str
    read: str
    start_sec: float
    end_sec: float
    words: tuple[TruthWord, ...]
    voice: str = ""


@dataclass(frozen=True)
class TruthExtra:
    """Speech that the text does not have: title, repeat, foreign."""

    kind: str
    text: str
    start_sec: float
    end_sec: float


@dataclass(frozen=True, kw_only=True)
class ChapterTruth:
    """Everything that is known about one synthetic recording."""

    recording_id: str
    language: str
    duration_sec: float
    options: dict[str, Any]
    verses: tuple[TruthVerse, ...]
    extras: tuple[TruthExtra, ...]


def write_truth(truth: ChapterTruth, path: Path) -> None:
    """Write the truth as JSON."""
    document = {"format": FORMAT, **asdict(truth)}
    path.write_text(json.dumps(document, ensure_ascii=False) + "\n", encoding="utf-8")


def read_truth(path: Path) -> ChapterTruth:
    """Read the truth back.

    Raises:
      TimingMalformed: the file is not such JSON.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        if document.pop("format") != FORMAT:
            raise TimingMalformed(f"{path.name}: expected format {FORMAT!r}")
        verses = tuple(_verse(row) for row in document.pop("verses"))
        extras = tuple(TruthExtra(**row) for row in document.pop("extras"))
        return ChapterTruth(verses=verses, extras=extras, **document)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise TimingMalformed(
            f"{path.name}: expected word times as written by `pericope synth` "
            f"({FORMAT}), got {type(error).__name__}: {error}"
        ) from error


def _verse(row: dict[str, Any]) -> TruthVerse:
    words = tuple(TruthWord(**word) for word in row.pop("words"))
    return TruthVerse(words=words, **row)
