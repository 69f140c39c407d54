"""The clips that take part in cross-validation, and the halves that they fall into."""

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property

from models.network import LABELS
from pipelines.tables import read_columns
from schemas.errors import ConfigError
from schemas.keys import digest_of
from schemas.segment import Segment
from schemas.tables import SEGMENT_TABLE

HALVES = (0, 1)


@dataclass(frozen=True)
class LanguageClips:
    """The clips of one language that can be heard, and their recordings' alignments."""

    language: str
    segments: tuple[Segment, ...]
    alignments: dict[str, str]

    @cached_property
    def half_of(self) -> dict[str, int]:
        """The half of each clip by key.

        Whole recordings where there are several, else single clips: in the order of
        their digests each goes to the half that is shorter so far.
        """
        by_recording: dict[str, list[Segment]] = {}
        for segment in self.segments:
            by_recording.setdefault(segment.recording_id, []).append(segment)
        units = list(by_recording.values())
        if len(units) == 1:
            units = [[segment] for segment in self.segments]
        held_sec = [0.0, 0.0]
        halves = {}
        for unit in sorted(units, key=_place):
            half = held_sec.index(min(held_sec))
            held_sec[half] += sum(segment.duration_sec for segment in unit)
            halves.update({segment.key: half for segment in unit})
        return halves

    def keys(self, half: int) -> frozenset[str]:
        """Return the clips of a half."""
        return frozenset(key for key, own in self.half_of.items() if own == half)


def _place(unit: list[Segment]) -> str:
    """Return what says where a unit comes, whatever the order of its clips."""
    return digest_of(min(segment.key for segment in unit))


def labeled_languages(root: str, wanted: Collection[str] = ()) -> list[str]:
    """Return the codes of the languages that have labeled clips, in order.

    Raises:
      ConfigError: a wanted one is not among them, or there is none.
    """
    rows = read_columns(root, SEGMENT_TABLE, ["language", "text"])
    found = sorted({row["language"] for row in rows if row["text"]})
    unknown = sorted(set(wanted) - set(found))
    if unknown or not found:
        raise ConfigError(
            f"{root}: expected labeled clips{' in ' + unknown[0] if unknown else ''}, "
            f"found {', '.join(found) or 'none'}; finish the corpus with `pericope run`"
        )
    return [code for code in found if code in (wanted or found)]


def letters_of(segment: Segment) -> str:
    """Return what a model should spell, "" where that is not known.

    Numbers are romanised as "": nobody knows in which form they were read.
    """
    words = segment.romanised.split(" ")
    is_known = all(words) and set().union(*words) <= set(LABELS)
    return "".join(words) if is_known else ""
