"""Batches: within their limits, every clip once, and the same from any position on."""

from itertools import islice

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.data.plan import BatchPlan, Position, batches_in_order, planned_batches
from schemas.errors import ConfigError
from tests.models.data.tables import table_of

TABLES = st.lists(
    st.lists(st.integers(100, 4000), min_size=1, max_size=40), min_size=1, max_size=3
).map(lambda lasts: table_of([(0, f"l{k}", each) for k, each in enumerate(lasts)]))
PLANS = st.builds(
    BatchPlan,
    batch_sec=st.floats(2.0, 30.0),
    max_clip_sec=st.just(4.0),
    max_clips=st.integers(1, 8),
    window_clips=st.integers(1, 60),
    length_spread=st.sampled_from([0.0, 0.1, 1.0]),
    seed=st.integers(0, 3),
    beta_language=st.sampled_from([0.5, 1.0]),
)


def first_epochs(table, plan, count: int) -> list[list[int]]:
    batches = []
    for rows, position in planned_batches(table, plan, Position()):
        if position.epoch == count:
            return batches
        batches.append(rows.tolist())
    raise AssertionError


@settings(deadline=None, max_examples=30)
@given(TABLES, PLANS)
def test_every_clip_once_and_no_batch_beyond_its_limits(table, plan):
    epoch = first_epochs(table, plan, 1)
    if plan.beta_language == 1.0:
        rows = sorted(row for batch in epoch for row in batch)
        assert rows == list(range(len(table)))
    in_order = [rows.tolist() for rows in batches_in_order(table, plan)]
    assert sorted(row for batch in in_order for row in batch) == [*range(len(table))]
    for batch in epoch + in_order:
        longest_msec = int(table.duration_msec[batch].max())
        assert len(batch) == 1 or longest_msec * len(batch) <= plan.batch_sec * 1000
        assert 1 <= len(batch) <= plan.max_clips


@settings(deadline=None, max_examples=30)
@given(TABLES, PLANS, st.integers(1, 4), st.integers(1, 4), st.data())
def test_ranks_go_on_from_any_position_with_what_would_have_come(
    table, plan, ranks, ranks_later, data
):
    """Whoever stopped, and however many go on: not a batch is lost or doubled."""
    whole = list(islice(planned_batches(table, plan, Position()), 60))
    done = ranks * data.draw(st.integers(1, 48 // ranks))
    position = whole[done - 1][1]
    later = islice(planned_batches(table, plan, position), 12)
    dealt: list[list[list[int]]] = [[] for _ in range(ranks_later)]
    for number, (rows, _) in enumerate(later):
        dealt[number % ranks_later].append(rows.tolist())
    got = [dealt[k % ranks_later].pop(0) for k in range(12)]
    assert got == [rows.tolist() for rows, _ in whole[done : done + 12]]


def test_batches_are_almost_free_of_padding_and_never_the_same_twice():
    rng = np.random.default_rng(0)
    table = table_of([(0, "swh", rng.integers(2000, 20_000, 3000).tolist())])
    plan = BatchPlan(batch_sec=200.0, max_clip_sec=20.0)
    epochs = first_epochs(table, plan, 2)
    audio_msec = 2 * int(table.strata_msec.sum())
    padded = sum(int(table.duration_msec[rows].max()) * len(rows) for rows in epochs)
    assert 1 - audio_msec / padded < 0.08
    assert len({tuple(sorted(batch)) for batch in epochs}) == len(epochs)
    # Short and long batches come mixed.
    means = [float(table.duration_msec[rows].mean()) for rows in epochs]
    assert abs(np.corrcoef(means[:-1], means[1:])[0, 1]) < 0.2


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"batch_sec": 0.0}, "batch_sec: expected > 0, got 0"),
        ({"min_clip_sec": 9.0}, "min_clip_sec <= max_clip_sec, got 9 and 5"),
        ({"beta_language": 1.5}, "beta_language: expected 0 to 1, got 1.5"),
        ({"seed": -1}, "seed: expected 0 or more"),
        ({"length_spread": 2.0}, "length_spread: expected 0 to 1"),
        ({"window_clips": 0}, "window_clips: expected > 0"),
    ],
)
def test_a_plan_that_cannot_be_is_refused(wrong, told):
    with pytest.raises(ConfigError, match=told):
        BatchPlan(**{"batch_sec": 10.0, "max_clip_sec": 5.0, **wrong})
