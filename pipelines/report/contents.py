"""One language of the report, gathered from all that a run has left."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.languages import language_name
from pipelines.report.calibration import read_decoys
from pipelines.report.cards import Card, make_card
from pipelines.report.charts import Chart, draw
from pipelines.report.columns import COLUMNS, SCORE
from pipelines.report.examples import ExampleRows, choose_examples, rows_at
from pipelines.report.measures import LanguageMeasures
from pipelines.report.sound import find_places, read_sound
from pipelines.report.sums import EventSum, FateSum, RejectSum, Sums
from pipelines.report.verdicts import (
    SelectionHours,
    VerdictTable,
    selection_hours,
)
from schemas.segment import Fate, Segment
from schemas.tables import IndexEntry

CLIPS = "clips"


@dataclass(frozen=True)
class CardGroup:
    """Segments that are shown together, and why these."""

    title: str
    told: str
    cards: tuple[Card, ...]


@dataclass(frozen=True)
class LanguageSums:
    """A language in the table of all."""

    code: str
    name: str
    page: str
    """Its page, relative to the report."""
    recordings: int
    fates: tuple[FateSum, ...]
    rejects: tuple[RejectSum, ...]
    events: tuple[EventSum, ...]
    segments: int
    labeled_msec: int
    """Of all segments with text, whatever a selection makes of them."""
    median_score: float

    def hours_of(self, fate: str) -> float:
        """Return the hours of one fate."""
        return sum(own.hours for own in self.fates if own.fate == fate)

    @property
    def hours(self) -> float:
        """All hours that could be decoded."""
        return sum(own.hours for own in self.fates)

    @property
    def shares(self) -> tuple[tuple[str, float, float], ...]:
        """Each fate with where its part of a bar begins and its width, in percent."""
        parts, start = [], 0.0
        for fate in Fate:
            width = self.hours_of(fate) / self.hours * 100 if self.hours else 0.0
            parts.append((fate.value, round(start, 2), round(width, 2)))
            start += width
        return tuple(parts)

    @property
    def reject_count(self) -> int:
        """How many recordings were rejected."""
        return sum(own.count for own in self.rejects)


@dataclass(frozen=True)
class LanguagePage:
    """All that a language's page shows."""

    sums: LanguageSums
    selections: tuple[SelectionHours, ...]
    is_labeled: bool
    charts: tuple[Chart, ...]
    groups: tuple[CardGroup, ...]
    silent: int
    """Shown segments without sound because no shard has them."""
    left_out: int
    """Those without because the folder would have become too large."""


def language_sums(
    code: str, sums: Sums, measures: LanguageMeasures | None
) -> LanguageSums:
    """Return what the table of all languages says of one."""
    score = measures and measures.histograms.get(SCORE)
    return LanguageSums(
        code=code or "?",
        name=language_name(code) if code else "unknown language",
        page=f"language/{code or 'unknown'}.html",
        recordings=sums.recordings.get(code, 0),
        fates=sums.fates.get(code, ()),
        rejects=sums.rejects.get(code, ()),
        events=sums.events.get(code, ()),
        segments=measures.labeled + measures.unlabeled if measures else 0,
        labeled_msec=measures.labeled_msec if measures else 0,
        median_score=score.median if score else float("nan"),
    )


@dataclass
class ClipFolder:
    """Where sound goes, and how many bytes of it there may still be."""

    folder: Path
    bytes_left: int = 0
    bytes_written: int = 0
    is_full: bool = False

    def give(self, bytes_left: int) -> None:
        """Make room for the next language."""
        self.bytes_left, self.is_full = bytes_left, False

    def add(self, segment: Segment, mp3: bytes) -> str | None:
        """Write a clip; return its place in the report, None if it is too much.

        After one that is too much there is no other: none is encoded in vain.
        """
        if len(mp3) > self.bytes_left:
            self.is_full = True
            return None
        name = f"{CLIPS}/{segment.language}/{segment.key}.mp3"
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(mp3)
        self.bytes_left -= len(mp3)
        self.bytes_written += len(mp3)
        return name


def language_page(
    root: str,
    sums: LanguageSums,
    measures: LanguageMeasures | None,
    selections: tuple[Mapping[str, Mapping[str, Any]], VerdictTable | None],
    clips: ClipFolder,
    examples: int,
) -> LanguagePage:
    """Gather a language's page and write its clips.

    Args:
      root: the corpus.
      sums: what is known of it already.
      measures: its histograms, None without segments.
      selections: the summaries of all, and the verdicts of the default one.
      clips: where sound goes.
      examples: how many segments of each kind are shown.
    """
    summaries, table = selections
    hours = selection_hours(summaries, sums.code)
    if measures is None:
        return LanguagePage(sums, hours, False, (), (), 0, 0)
    verdicts = None
    if table is not None and measures.is_labeled:
        verdicts = table.of(measures)
    groups = choose_examples(measures, verdicts, examples)
    shown = _Shown(root, sums.code, groups, clips)
    for row, segment in shown.segments.items():
        told = table.told(measures, row) if table and segment.text else ("", True)
        shown.add_card(row, *told)
    decoys = read_decoys(root, sums.code)
    charts = tuple(
        draw(
            column,
            measures.histograms[column.name],
            decoys if column.name == SCORE else None,
        )
        for column in COLUMNS
        if column.name in measures.histograms
    )
    return LanguagePage(
        sums,
        hours,
        measures.is_labeled,
        charts,
        shown.groups(groups),
        shown.silent,
        shown.left_out,
    )


class _Shown:
    """The shown segments of one language; each is read, and its clip written, once."""

    def __init__(
        self,
        root: str,
        language: str,
        groups: tuple[ExampleRows, ...],
        clips: ClipFolder,
    ) -> None:
        self.silent = self.left_out = 0
        rows = [row for group in groups for row in group.rows]
        found = rows_at(root, language, rows)
        # The first of each kind come first, should there not be room for all.
        depth = {row: k for g in reversed(groups) for k, row in enumerate(g.rows)}
        order = sorted(found, key=lambda row: (depth[row], row))
        self.segments = {row: found[row] for row in order}
        keys = {segment.key for segment in found.values()}
        places = find_places(root, language, keys)
        self._sounds = {
            row: self._sound(root, segment, places.get(segment.key), clips)
            for row, segment in self.segments.items()
        }
        self._cards: dict[int, Card] = {}

    def add_card(self, row: int, verdict: str, is_kept: bool) -> None:
        """Make the card of a row."""
        segment, (audio, peaks) = self.segments[row], self._sounds[row]
        self._cards[row] = make_card(segment, verdict, is_kept, audio, peaks)

    def _sound(
        self, root: str, segment: Segment, place: IndexEntry | None, clips: ClipFolder
    ) -> tuple[str, tuple[int, ...]]:
        """Write a segment's clip; return its place and the peaks of its waveform."""
        if place is not None and clips.is_full:
            self.left_out += 1
            return "", ()
        sound = read_sound(root, place) if place is not None else None
        if sound is None:
            self.silent += 1
            return "", ()
        name = clips.add(segment, sound.mp3)
        if name is None:
            self.left_out += 1
            return "", ()
        return f"../{name}", sound.peaks

    def groups(self, groups: tuple[ExampleRows, ...]) -> tuple[CardGroup, ...]:
        """Return the cards of each group."""
        return tuple(
            CardGroup(
                group.title, group.told, tuple(self._cards[row] for row in group.rows)
            )
            for group in groups
        )
