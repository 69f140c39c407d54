"""The truth about a synthetic recording: what is written, what is said, and when.

The JSON file is also what the manifest's ``timing`` column points at.
"""

import itertools
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import (
    BeforeValidator,
    ConfigDict,
    TypeAdapter,
    ValidationError,
    with_config,
)

from schemas.errors import TimingMalformed

FORMAT: Final = "pericope-truth/1"
Read = Literal["once", "twice", "never"]
# JSON has no NaN.
Seconds = Annotated[float, BeforeValidator(lambda x: math.nan if x is None else x)]

# Times are written to the microsecond.
_ROUNDING_SEC = 1e-6
_FILE = ConfigDict(extra="forbid", strict=True, ser_json_inf_nan="null")


@with_config(_FILE)
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


@with_config(_FILE)
@dataclass(frozen=True)
class TruthVerse:
    """One verse of the text.

    Its times are those of the reading that counts (the second of two), from the first
    word's start to the last word's end; NaN (null in the file) if it was never read.
    """

    number: str
    text: str
    read: Read
    start_sec: Seconds
    end_sec: Seconds
    words: tuple[TruthWord, ...]
    voice: str = ""


@with_config(_FILE)
@dataclass(frozen=True)
class TruthExtra:
    """Speech that the text does not have: title, heading, repeat, foreign."""

    kind: str
    text: str
    start_sec: float
    end_sec: float


@with_config(_FILE)
@dataclass(frozen=True, kw_only=True)
class ChapterTruth:
    """Everything that is known about one synthetic recording; extras by time."""

    format: Literal["pericope-truth/1"] = FORMAT
    recording_id: str
    language: str
    duration_sec: float
    options: dict[str, Any]
    verses: tuple[TruthVerse, ...]
    extras: tuple[TruthExtra, ...]


_DOCUMENT = TypeAdapter(ChapterTruth)


def write_truth(truth: ChapterTruth, path: Path) -> None:
    """Write the truth as JSON, UTF-8."""
    path.write_bytes(_DOCUMENT.dump_json(truth) + b"\n")


def read_truth(path: Path) -> ChapterTruth:
    """Read the truth back.

    Raises:
      TimingMalformed: the file is not such JSON, a word lies outside of its verse's
        text, or words are not in the order of time.
    """
    try:
        truth = _DOCUMENT.validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"])) or "the file"
        raise TimingMalformed(
            f"{path.name}: expected word times as written by `pericope synth` "
            f"({FORMAT}), got at {place}: {first['msg']} ({first['input']!r:.60})"
        ) from error
    for verse in truth.verses:
        _check_words(verse, path.name)
    for extra in truth.extras:
        if not 0 <= extra.start_sec <= extra.end_sec < math.inf:
            raise TimingMalformed(
                f"{path.name}: {extra.kind}: expected 0 <= start_sec <= end_sec, got "
                f"{extra.start_sec} and {extra.end_sec}"
            )
    return truth


def _check_words(verse: TruthVerse, name: str) -> None:
    where = f"{name}: verse {verse.number}"
    for word in verse.words:
        if not 0 <= word.char_start < word.char_end <= len(verse.text):
            raise TimingMalformed(
                f"{where}: expected a word within the text of {len(verse.text)} "
                f"characters, got [{word.char_start}, {word.char_end})"
            )
        if not 0 <= word.start_sec <= word.end_sec < math.inf:
            raise TimingMalformed(
                f"{where}: expected 0 <= start_sec <= end_sec of every word, got "
                f"{word.start_sec} and {word.end_sec}"
            )
    for before, after in itertools.pairwise(verse.words):
        if (
            after.char_start < before.char_end
            or after.start_sec < before.end_sec - _ROUNDING_SEC
        ):
            raise TimingMalformed(
                f"{where}: expected words one after another, got "
                f"{after.start_sec} s (character {after.char_start}) after "
                f"{before.end_sec} s (character {before.char_end})"
            )
