"""Batches for one rank, read in worker processes, with an exact place to go on from."""

import logging
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any, NamedTuple

import numpy as np

from models.data.clip_table import ClipTable, Rows
from models.data.kept_clips import clip_table
from models.data.plan import BatchPlan, Position, batches_in_order, planned_batches
from models.data.sampling import CLIPS, Share, wanted_shares
from models.data.shards import SpeechShards
from models.data.workers import Make, Order, Reader, made_batches
from schemas.errors import ConfigError, PericopeError
from schemas.keys import digest_of

_MSEC_PER_HOUR = 3_600_000
_LOG = logging.getLogger(__name__)


class _Step(NamedTuple):
    """The batches of all ranks at one step, and what is true behind it."""

    batches: list[Rows]
    position: Position


class BatchStream:
    """An endless stream of batches of one rank; a ``Batches`` for the training loop.

    The batches are those of the plan, dealt out to the ranks in turn: together they
    have every clip of an epoch once. Workers are handed one batch at a time, in order,
    so neither their number nor how far they read ahead changes what comes.
    """

    def __init__(
        self,
        sources: Sequence[SpeechShards],
        plan: BatchPlan,
        make: Make,
        *,
        rank: int = 0,
        ranks: int = 1,
        workers: int = 0,
    ) -> None:
        """Plan, without reading audio.

        Args:
          sources: what is drawn from; each counts as a corpus.
          plan: how.
          make: clips and random numbers → a batch; runs in the workers.
          rank: whose batches these are.
          ranks: how many there are.
          workers: processes that read; 0 reads here.

        Raises:
          ConfigError: a language, shards, a selection or labels are not there, or
            there are too few clips.
          ArtifactError: shards, indexes, labels and selection do not fit each other,
            or one of them is damaged.
        """
        _check_ranks(rank, ranks, workers)
        self.table = clip_table(sources, plan.min_clip_sec, plan.max_clip_sec)
        self.plan, self.rank, self.ranks, self.workers = plan, rank, ranks, workers
        self._reader = Reader(self.table.shards, make)
        self._digest = digest_of(self.table.digest(), asdict(plan))
        self._position = Position()
        self._taken = 0
        self._heard_msec = np.zeros(len(self.table.strata), dtype=np.int64)
        self._coming: deque[_Step] = deque()
        self._batches: Iterator[Any] | None = None
        self._check_enough()
        _LOG.info(
            "%d clips, %.2f h; %d are left out: shorter or longer than wanted",
            len(self.table),
            self.table.strata_msec.sum() / _MSEC_PER_HOUR,
            self.table.left_out,
        )

    def __iter__(self) -> "BatchStream":
        return self

    def __next__(self) -> Any:
        """Return the next batch of this rank, as ``make`` made it.

        Raises:
          ArtifactError: a shard is damaged. The stream stays before this batch.
        """
        if self._batches is None:
            self._batches = made_batches(self._reader, self._orders(), self.workers)
        try:
            batch = next(self._batches)
        except PericopeError:
            self.close()
            raise
        step = self._coming.popleft()
        if step.position.epoch > self._position.epoch:
            _LOG.info("epoch %d is over; heard: %s", *self._told())
        self._position = step.position
        self._taken += self.ranks
        for rows in step.batches:
            self._heard_msec += _heard_msec(self.table, rows)
        return batch

    def state_dict(self) -> dict[str, Any]:
        """Return where the stream is: numbers and texts, the same on every rank.

        What workers have read ahead does not count. Another number of ranks or workers
        may go on from it.
        """
        return {
            "clips": self._digest,
            "batches": self._taken,
            **self._position._asdict(),
            "heard_msec": self._heard_msec.tolist(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where a stream of the same clips and plan was.

        Raises:
          ConfigError: it was of other clips or of another plan.
        """
        if state["clips"] != self._digest:
            raise ConfigError(
                "the batches cannot go on where they were: the shards, the selection, "
                "the labels or the plan have changed since; go back to those, or begin "
                "a new training"
            )
        self.close()
        self._position = Position(state["epoch"], state["window"], state["batch"])
        self._taken = state["batches"]
        self._heard_msec = np.array(state["heard_msec"], dtype=np.int64)

    def close(self) -> None:
        """End the workers; the next batch starts them again."""
        self._batches = None
        self._coming.clear()

    def shares(self) -> tuple[Share, ...]:
        """Return what all ranks have heard so far, language by language."""
        wanted = _wanted(self.table, self.plan)
        total = max(1, int(self._heard_msec.sum()))
        return tuple(
            Share(
                stratum.source,
                stratum.language,
                int(msec) / _MSEC_PER_HOUR,
                int(msec) / total,
                float(share),
            )
            for stratum, msec, share in zip(
                self.table.strata, self._heard_msec, wanted, strict=True
            )
        )

    def _told(self) -> tuple[int, str]:
        heard = ", ".join(
            f"{share.language} {share.hours:.2f} h ({share.share:.1%}, "
            f"{share.wanted:.1%} wanted)"
            for share in self.shares()
        )
        return self._position.epoch, heard

    def _orders(self) -> Iterator[Order]:
        number = self._taken + self.rank
        for step in _steps(self.table, self.plan, self._position, self.ranks):
            self._coming.append(step)
            places = self.table.places(step.batches[self.rank])
            yield Order(places, [self.plan.seed, CLIPS, number])
            number += self.ranks

    def _check_enough(self) -> None:
        """Refuse where not every rank gets a batch of an epoch."""
        if self.table.strata_msec.sum() >= self.ranks * self.plan.batch_sec * 1000:
            return
        count = 0
        for _, position in planned_batches(self.table, self.plan, Position()):
            if position.epoch > 0 or count == self.ranks:
                break
            count += 1
        if count < self.ranks:
            raise ConfigError(
                f"{len(self.table)} clips make {count} batches of "
                f"{self.plan.batch_sec:g} s, too few for {self.ranks} ranks; take "
                "fewer ranks, a smaller batch_sec or a selection that keeps more"
            )


def epoch_batches(
    sources: Sequence[SpeechShards],
    plan: BatchPlan,
    make: Make,
    *,
    rank: int = 0,
    ranks: int = 1,
    workers: int = 0,
) -> Iterator[Any]:
    """Yield the batches of one rank that together have every kept clip exactly once.

    In the order of the shards, within windows that are sorted by length, for
    evaluation and labelling; betas and ``length_spread`` have no say. Ranks may differ
    by a batch.

    Raises:
      As ``BatchStream``, when the first batch is asked for.
    """
    _check_ranks(rank, ranks, workers)
    table = clip_table(sources, plan.min_clip_sec, plan.max_clip_sec)
    orders = (
        Order(table.places(rows), [plan.seed, CLIPS, number])
        for number, rows in enumerate(batches_in_order(table, plan))
        if number % ranks == rank
    )
    yield from made_batches(Reader(table.shards, make), orders, workers)


def _steps(
    table: ClipTable, plan: BatchPlan, start: Position, ranks: int
) -> Iterator[_Step]:
    batches = []
    for rows, position in planned_batches(table, plan, start):
        batches.append(rows)
        if len(batches) == ranks:
            yield _Step(batches, position)
            batches = []


def _heard_msec(table: ClipTable, rows: Rows) -> np.ndarray:
    msec = np.bincount(
        np.searchsorted(table.firsts, rows, side="right") - 1,
        weights=table.duration_msec[rows],
        minlength=len(table.strata),
    )
    return msec.astype(np.int64)


def _wanted(table: ClipTable, plan: BatchPlan) -> np.ndarray:
    return wanted_shares(
        table.strata, table.strata_msec, plan.beta_language, plan.beta_corpus
    )


def _check_ranks(rank: int, ranks: int, workers: int) -> None:
    if not 0 <= rank < ranks or workers < 0:
        raise ConfigError(
            f"expected 0 <= rank < ranks and workers >= 0, got rank {rank} of {ranks} "
            f"with {workers} workers"
        )
