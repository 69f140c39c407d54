"""Which clips an epoch has, and in which order: languages and corpora by their shares.

A language with n of a corpus' N hours is drawn with p proportional to (n/N)^beta, and
then a corpus in the same way: beta 1 takes what there is, 0 the same of each, 0.5 is
XLS-R's choice. Every source counts as a corpus.

An epoch has as many hours as all sources together. A language gets its share of them
from a cycle of its own that never ends: each round of the cycle has each of its clips
once, in a new order. With beta 1 a share is all that the language has, so that an epoch
has each clip of each language exactly once; with less, the small languages go round
several times in an epoch, while the large ones take several epochs for a round.
Everything follows from the seed and the epoch's number alone, so any epoch can be
planned without those before it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.data.clip_table import ClipTable, Rows, Stratum

# Purposes of random numbers, so that no two draw the same.
CYCLE, MIX, WINDOW, CLIPS = range(4)


@dataclass(frozen=True)
class Share:
    """How much a language of a source was heard."""

    source: int
    """Which of the sources, from 0."""
    language: str
    hours: float
    """With every repetition."""
    share: float
    """Of all hours heard."""
    wanted: float
    """What it is to be."""


def wanted_shares(
    strata: Sequence[Stratum],
    msec: npt.NDArray[np.int64],
    beta_language: float,
    beta_corpus: float,
) -> npt.NDArray[np.float64]:
    """Return the share of the hours that each stratum is to have.

    Args:
      strata: the languages of each source.
      msec: how much audio each has, all above 0.
      beta_language: between the languages of a corpus.
      beta_corpus: between corpora.
    """
    source = np.array([stratum.source for stratum in strata])
    corpora, corpus = np.unique(source, return_inverse=True)
    corpus_msec = np.bincount(corpus, weights=msec, minlength=len(corpora))
    corpus_weight = (corpus_msec / msec.sum()) ** beta_corpus
    weight = (msec / corpus_msec[corpus]) ** beta_language
    within = weight / np.bincount(corpus, weights=weight)[corpus]
    return within * corpus_weight[corpus] / corpus_weight.sum()


def epoch_rows(
    table: ClipTable, shares: npt.NDArray[np.float64], seed: int, epoch: int
) -> Rows:
    """Return the clips of an epoch in the order in which they are drawn.

    The clips of each language keep the order of its cycle.
    """
    msec = table.strata_msec
    # Whole milliseconds: with beta 1 a quota is exactly what the language has.
    quotas = np.rint(shares * msec.sum()).astype(np.int64)
    drawn = [
        _from_cycle(table, number, int(quota) * epoch, int(quota) * (epoch + 1), seed)
        for number, quota in enumerate(quotas)
    ]
    stratum = np.repeat(
        np.arange(len(drawn), dtype=np.min_scalar_type(len(drawn))), [*map(len, drawn)]
    )
    mixed = np.random.default_rng([seed, MIX, epoch]).permutation(stratum)
    rows = np.empty(len(mixed), dtype=np.int64)
    rows[np.argsort(mixed, kind="stable")] = np.concatenate(drawn)
    return rows


def _from_cycle(
    table: ClipTable, number: int, start_msec: int, end_msec: int, seed: int
) -> Rows:
    """Return the clips that begin in a stretch of a stratum's endless cycle."""
    stratum = table.strata[number]
    lasts = table.duration_msec[stratum.first : stratum.end]
    round_msec = int(lasts.sum(dtype=np.int64))
    drawn = [np.empty(0, dtype=np.int64)]
    for turn in range(start_msec // round_msec, -(-end_msec // round_msec)):
        rng = np.random.default_rng([seed, CYCLE, number, turn])
        order = rng.permutation(len(lasts))
        begins = turn * round_msec + np.cumsum(lasts[order], dtype=np.int64)
        begins -= lasts[order]
        first, end = np.searchsorted(begins, [start_msec, end_msec])
        drawn.append(order[first:end] + stratum.first)
    return np.concatenate(drawn)
