"""Clips → batches, decided before any audio is read."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from models.data.clip_table import ClipTable, Rows
from models.data.sampling import WINDOW, epoch_rows, wanted_shares
from schemas.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class BatchPlan:
    """How clips are drawn and put side by side."""

    batch_sec: float
    """Audio of a batch at most, padding included; a longer clip is one of its own."""
    min_clip_sec: float = 0.0
    max_clip_sec: float = 30.0
    """Shorter and longer clips are left out."""
    max_clips: int = 1024
    """In a batch, however short they are."""
    seed: int = 0
    beta_language: float = 1.0
    beta_corpus: float = 1.0
    """Exponents of the shares, see ``sampling``; 1 draws every clip equally often."""
    window_clips: int = 8192
    """Clips that are sorted by length together: more is less padding."""
    length_spread: float = 0.1
    """Batches mix clips of lengths that differ by so much, and so are never the same
    twice; a part of it is padding."""

    def __post_init__(self) -> None:
        for name in ("batch_sec", "max_clip_sec", "max_clips", "window_clips"):
            if not getattr(self, name) > 0:
                raise ConfigError(f"{name}: expected > 0, got {getattr(self, name)}")
        if not 0 <= self.min_clip_sec <= self.max_clip_sec:
            raise ConfigError(
                f"expected 0 <= min_clip_sec <= max_clip_sec, got "
                f"{self.min_clip_sec:g} and {self.max_clip_sec:g}"
            )
        for name in ("beta_language", "beta_corpus"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(
                    f"{name}: expected 0 to 1, got {getattr(self, name):g}"
                )
        if self.seed < 0:
            raise ConfigError(f"seed: expected 0 or more, got {self.seed}")
        if not 0 <= self.length_spread <= 1:
            raise ConfigError(
                f"length_spread: expected 0 to 1, got {self.length_spread:g}"
            )


class Position(NamedTuple):
    """Where in the stream the next batch is."""

    epoch: int = 0
    window: int = 0
    batch: int = 0


def planned_batches(
    table: ClipTable, plan: BatchPlan, start: Position
) -> Iterator[tuple[Rows, Position]]:
    """Yield batches for ever, each with the position behind it.

    The clips of an epoch are taken in windows of ``window_clips``; a window is sorted
    by length, cut into batches, and these are shuffled.
    """
    shares = wanted_shares(
        table.strata, table.strata_msec, plan.beta_language, plan.beta_corpus
    )
    epoch, window, done = start
    while True:
        rows = epoch_rows(table, shares, plan.seed, epoch)
        for number in range(window, -(-len(rows) // plan.window_clips)):
            first = number * plan.window_clips
            rng = np.random.default_rng([plan.seed, WINDOW, epoch, number])
            batches = cut_window(
                table, rows[first : first + plan.window_clips], plan, rng
            )
            rng.shuffle(batches)
            for batch in range(done, len(batches)):
                yield batches[batch], Position(epoch, number, batch + 1)
            done = 0
        epoch, window = epoch + 1, 0


def batches_in_order(table: ClipTable, plan: BatchPlan) -> Iterator[Rows]:
    """Yield batches that have every clip once, windows in the order of the shards."""
    for first in range(0, len(table), plan.window_clips):
        rows = np.arange(first, min(first + plan.window_clips, len(table)))
        yield from cut_window(table, rows, plan, None)


def cut_window(
    table: ClipTable, rows: Rows, plan: BatchPlan, rng: np.random.Generator | None
) -> list[Rows]:
    """Cut clips into batches of about equal lengths, the short ones first.

    ``rng`` disturbs the order of lengths by ``length_spread``.
    """
    lasts = table.duration_msec[rows].astype(np.float64)
    about = lasts
    if rng is not None:
        about = lasts * rng.uniform(1.0, 1.0 + plan.length_spread, len(rows))
    order = np.argsort(about, kind="stable")
    limit_msec, batches, first, longest = plan.batch_sec * 1000, [], 0, 0.0
    for place, clip_msec in enumerate(lasts[order].tolist()):
        padded = max(longest, clip_msec) * (place - first + 1)
        if place > first and (padded > limit_msec or place - first == plan.max_clips):
            batches.append(rows[order[first:place]])
            first, longest = place, 0.0
        longest = max(longest, clip_msec)
    batches.append(rows[order[first:]])
    return batches
