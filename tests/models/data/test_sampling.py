"""Shares of languages and corpora, and the endless cycles that give them."""

from collections import Counter
from itertools import accumulate

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.data.sampling import epoch_rows, wanted_shares
from tests.models.data.tables import table_of

LASTS = st.lists(st.integers(1, 5000), min_size=1, max_size=12)
STRATA = st.lists(st.tuples(st.integers(0, 2), LASTS), min_size=1, max_size=5).map(
    lambda drawn: [(source, f"l{k}", lasts) for k, (source, lasts) in enumerate(drawn)]
)
BETA = st.sampled_from([0.0, 0.3, 0.5, 1.0])


def shares_of(table, beta_language, beta_corpus):
    return wanted_shares(table.strata, table.strata_msec, beta_language, beta_corpus)


def test_shares_of_a_worked_example():
    """Hours of five languages, and what the square root makes of them."""
    hours = [69_000, 24_000, 1_000, 100, 10]
    table = table_of([(0, f"l{k}", [h]) for k, h in enumerate(hours)])
    assert [round(100 * p, 1) for p in shares_of(table, 0.5, 1.0)] == [
        56.8, 33.5, 6.8, 2.2, 0.7
    ]  # fmt: skip
    assert np.allclose(shares_of(table, 1.0, 0.0), np.array(hours) / sum(hours))
    assert np.allclose(shares_of(table, 0.0, 1.0), 0.2)


def test_corpora_share_as_languages_do():
    """Two corpora of 900 and 100 hours; within each the larger language has 9/10."""
    table = table_of(
        [(0, "swh", [810]), (0, "rus", [90]), (1, "swh", [90]), (1, "ell", [10])]
    )
    assert np.allclose(shares_of(table, 1.0, 0.5), [0.675, 0.075, 0.225, 0.025])
    assert np.allclose(shares_of(table, 0.5, 0.5), [0.5625, 0.1875, 0.1875, 0.0625])
    assert np.allclose(shares_of(table, 0.0, 0.0), 0.25)


@settings(deadline=None, max_examples=30)
@given(STRATA, st.integers(0, 5), st.integers(0, 3))
def test_natural_shares_give_every_clip_once_an_epoch(strata, seed, epoch):
    table = table_of(strata)
    rows = epoch_rows(table, shares_of(table, 1.0, 1.0), seed, epoch)
    assert sorted(rows.tolist()) == list(range(len(table)))


@settings(deadline=None, max_examples=30)
@given(STRATA, BETA, BETA, st.integers(0, 5))
def test_within_a_round_of_a_language_no_clip_is_lost_or_doubled(
    strata, beta_language, beta_corpus, seed
):
    table = table_of(strata)
    shares = shares_of(table, beta_language, beta_corpus)
    rows = np.concatenate([epoch_rows(table, shares, seed, e) for e in range(4)])
    for stratum, quota in zip(table.strata, shares, strict=True):
        count = stratum.end - stratum.first
        own = [row for row in rows.tolist() if stratum.first <= row < stratum.end]
        # Cut into rounds, each has every clip once; the last one is not yet over.
        for start in range(0, len(own), count):
            a_round = own[start : start + count]
            assert len(set(a_round)) == len(a_round)
        # And the hours are the share of four epochs, to a clip.
        lasts = table.duration_msec[own].astype(int).tolist()
        quota_msec = 4 * round(float(quota) * int(table.strata_msec.sum()))
        begins = [0, *accumulate(lasts)]
        assert begins[-1] >= quota_msec
        assert not lasts or begins[-2] < quota_msec


def test_small_languages_repeat_and_large_ones_wait():
    table = table_of([(0, "swh", [1000] * 900), (0, "ell", [1000] * 100)])
    rows = epoch_rows(table, shares_of(table, 0.5, 1.0), 0, 0)
    counts = Counter(rows.tolist())
    assert {counts[row] for row in range(900)} == {0, 1}
    assert {counts[row] for row in range(900, 1000)} == {2, 3}
    assert sum(counts[row] for row in range(900)) == 750


def test_languages_come_mixed_and_every_epoch_in_another_order():
    table = table_of([(0, "swh", [1000] * 300), (0, "ell", [1000] * 100)])
    shares = shares_of(table, 1.0, 1.0)
    orders = [epoch_rows(table, shares, seed, e) for seed in (0, 1) for e in (0, 1)]
    assert len({tuple(order.tolist()) for order in orders}) == 4
    assert np.array_equal(orders[0], epoch_rows(table, shares, 0, 0))
    quarters = (orders[0] >= 300).reshape(4, 100).sum(axis=1)
    assert quarters.tolist() == pytest.approx([25] * 4, abs=12)
