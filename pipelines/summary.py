"""A corpus in a table: per language, hours in and what became of them."""

from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np
from rich.table import Table

from pipelines.tables import read_columns, read_rejects
from schemas.tables import ALIGNMENT_TABLE, LEDGER_TABLE, SEGMENT_TABLE

ALL = "all"


@dataclass
class LanguageSummary:
    """Hours by fate, and how well the text fits what was kept."""

    language: str
    recordings: int = 0
    rejects: int = 0
    segments: int = 0
    labeled_hours: float = 0.0
    unlabeled_hours: float = 0.0
    dropped_hours: dict[str, float] = field(default_factory=dict)
    median_score: float | None = None
    events: dict[str, int] = field(default_factory=dict)
    """How often readers differed from the text, by kind."""

    @property
    def hours(self) -> float:
        """All hours that went in, as far as they could be decoded."""
        dropped = sum(self.dropped_hours.values())
        return self.labeled_hours + self.unlabeled_hours + dropped


def summarise(root: str) -> list[LanguageSummary]:
    """Read the tables of a finished corpus.

    Raises:
      ArtifactError: there is none, or its tables are of another version.
    """
    found: defaultdict[str, LanguageSummary] = defaultdict(lambda: LanguageSummary(""))
    recordings: defaultdict[str, set[str]] = defaultdict(set)
    ledger = ["recording", "language", "start_sec", "end_sec", "fate", "reason"]
    for row in read_columns(root, LEDGER_TABLE, ledger):
        summary = found[row["language"]]
        hours = (row["end_sec"] - row["start_sec"]) / 3600
        recordings[row["language"]].add(row["recording"])
        if row["fate"] == "labeled":
            summary.labeled_hours += hours
        elif row["fate"] == "unlabeled":
            summary.unlabeled_hours += hours
        else:
            reasons = summary.dropped_hours
            reasons[row["reason"]] = reasons.get(row["reason"], 0.0) + hours
    scores: defaultdict[str, list[float]] = defaultdict(list)
    for row in read_columns(root, SEGMENT_TABLE, ["language", "score"]):
        found[row["language"]].segments += 1
        scores[row["language"]].append(row["score"])
    for row in read_columns(root, ALIGNMENT_TABLE, ["language", "events"]):
        counts = found[row["language"]].events
        for event in row["events"]:
            counts[event["kind"]] = counts.get(event["kind"], 0) + 1
    for reject in read_rejects(root):
        found[reject.language].rejects += 1
    for language, summary in found.items():
        summary.language = language
        summary.recordings = len(recordings[language])
        heard = [score for score in scores[language] if not np.isnan(score)]
        summary.median_score = float(np.median(heard)) if heard else None
    return [found[language] for language in sorted(found)]


def summary_table(summaries: list[LanguageSummary]) -> Table:
    """Return the table that a run ends with; it fits into 80 columns."""
    table = Table(box=None, header_style="bold", padding=(0, 1, 0, 0))
    table.add_column("language", no_wrap=True)
    numbers = "recordings rejects hours labeled unlabeled dropped segments score"
    for title in numbers.split():
        table.add_column(title, justify="right", no_wrap=True)
    rows = [*summaries, _total(summaries)] if len(summaries) > 1 else summaries
    for row in rows:
        table.add_row(*_cells(row))
    return table


def dropped_lines(summaries: list[LanguageSummary]) -> list[str]:
    """Return a line for each language that says why minutes were dropped."""
    return [
        f"  {row.language}: {_reasons(row.dropped_hours)}"
        for row in summaries
        if row.dropped_hours
    ]


def reading_lines(summaries: list[LanguageSummary]) -> list[str]:
    """Return a line for each language whose readers differed from the text."""
    return [
        f"  {row.language}: "
        + ", ".join(f"{n} {k}" for k, n in sorted(row.events.items()))
        for row in summaries
        if row.events
    ]


def _cells(row: LanguageSummary) -> list[str]:
    score = "" if row.median_score is None else f"{row.median_score:.2f}"
    hours = (
        row.hours,
        row.labeled_hours,
        row.unlabeled_hours,
        sum(row.dropped_hours.values()),
    )
    return [
        row.language or "?",
        str(row.recordings),
        str(row.rejects),
        *(f"{value:.2f}" for value in hours),
        str(row.segments),
        score,
    ]


def _total(summaries: list[LanguageSummary]) -> LanguageSummary:
    total = LanguageSummary(ALL)
    for row in summaries:
        total.recordings += row.recordings
        total.rejects += row.rejects
        total.segments += row.segments
        total.labeled_hours += row.labeled_hours
        total.unlabeled_hours += row.unlabeled_hours
        for reason, hours in row.dropped_hours.items():
            before = total.dropped_hours.get(reason, 0.0)
            total.dropped_hours[reason] = before + hours
    return total


def _reasons(dropped_hours: dict[str, float]) -> str:
    ordered = sorted(dropped_hours.items(), key=lambda item: -item[1])
    return ", ".join(f"{reason} {hours * 60:.1f} min" for reason, hours in ordered)
