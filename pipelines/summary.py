"""A corpus in a table: per language, hours in and what became of them."""

from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np
import pyarrow.dataset as pads
from rich.table import Table

from pipelines.languages import language_name
from pipelines.store import filesystem_of


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

    @property
    def hours(self) -> float:
        """All hours that went in, as far as they could be decoded."""
        dropped = sum(self.dropped_hours.values())
        return self.labeled_hours + self.unlabeled_hours + dropped


def summarise(root: str) -> list[LanguageSummary]:
    """Read ledger, segments and rejects of a finished corpus."""
    found: defaultdict[str, LanguageSummary] = defaultdict(lambda: LanguageSummary(""))
    recordings: defaultdict[str, set[str]] = defaultdict(set)
    for row in _rows(root, "ledger"):
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
    for row in _rows(root, "segments", ["language", "score"]):
        found[row["language"]].segments += 1
        scores[row["language"]].append(row["score"])
    for row in _rows(root, "rejects"):
        found[row["language"]].rejects += 1
    for language, summary in found.items():
        summary.language = language
        summary.recordings = len(recordings[language])
        heard = [score for score in scores[language] if not np.isnan(score)]
        summary.median_score = float(np.median(heard)) if heard else None
    return [found[language] for language in sorted(found)]


def summary_table(summaries: list[LanguageSummary]) -> Table:
    """Return the table that a run ends with."""
    table = Table(box=None, header_style="bold", show_footer=len(summaries) > 1)
    total = _total(summaries)
    columns = (
        ("language", "left", "all"),
        ("recordings", "right", str(total.recordings)),
        ("rejects", "right", str(total.rejects)),
        ("hours in", "right", f"{total.hours:.2f}"),
        ("labeled", "right", f"{total.labeled_hours:.2f}"),
        ("unlabeled", "right", f"{total.unlabeled_hours:.2f}"),
        ("dropped", "right", f"{sum(total.dropped_hours.values()):.2f}"),
        ("segments", "right", str(total.segments)),
        ("median score", "right", ""),
        ("dropped because (minutes)", "left", _reasons(total.dropped_hours)),
    )
    for title, justify, footer in columns:
        table.add_column(title, justify=justify, footer=footer)  # type: ignore[arg-type]
    for row in summaries:
        score = "" if row.median_score is None else f"{row.median_score:.2f}"
        name = language_name(row.language) if row.language else "(unknown)"
        table.add_row(
            f"{row.language} {name}",
            str(row.recordings),
            str(row.rejects),
            f"{row.hours:.2f}",
            f"{row.labeled_hours:.2f}",
            f"{row.unlabeled_hours:.2f}",
            f"{sum(row.dropped_hours.values()):.2f}",
            str(row.segments),
            score,
            _reasons(row.dropped_hours),
        )
    return table


def _total(summaries: list[LanguageSummary]) -> LanguageSummary:
    total = LanguageSummary("all")
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
    return ", ".join(f"{reason} {hours * 60:.1f}" for reason, hours in ordered)


def _rows(root: str, table: str, columns: list[str] | None = None):
    filesystem, folder = filesystem_of(f"{root}/{table}")
    if not filesystem.isdir(folder):
        return
    dataset = pads.dataset(folder, format="parquet", filesystem=filesystem)
    for batch in dataset.to_batches(columns=columns):
        yield from batch.to_pylist()
