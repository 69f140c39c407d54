"""The arithmetic of a plan: no clock is looked at."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.plan.estimate import (
    SetUp,
    Workload,
    estimate,
    memory_bytes,
    scaled,
    workload_of,
)
from pipelines.plan.rates import Rates

RATES = Rates(
    device="cpu",
    workers=4,
    cores=4,
    sample_hours=0.5,
    sample_recordings=6,
    sample_rejects=0,
    start_sec=10.0,
    language_sec=2.0,
    worker_sec={"decode": 6.0, "emissions": 20.0, "align": 10.0, "cut": 4.0},
    processor_sec=30.0,
    device_sec=None,
    base_bytes=900_000_000,
    labels=30,
    store_bytes={"emissions": 10e6, "cut": 50e6},
    shard_bytes=60e6,
    table_bytes=1e6,
)
THIS = SetUp(name="this machine", cores=4)
HOUR = 3600.0
SECONDS = st.lists(st.floats(1.0, 20_000.0), min_size=1, max_size=40)


def work(hours: float, longest_sec: float = 600.0, workers: int = 4) -> Workload:
    busiest_sec = hours * HOUR / workers
    return Workload(
        hours=hours,
        recordings=9,
        languages=0,
        longest_sec=longest_sec,
        busiest_sec=busiest_sec,
    )


def test_a_machine_takes_what_its_workers_took():
    """An hour is 40 s of a worker, there are four of them."""
    found = estimate(work(100), THIS, RATES)
    assert found.seconds == pytest.approx(10 + 100 * 40 / 4)
    assert found.times_real_time == pytest.approx(100 * HOUR / 1010)


def test_no_machine_is_faster_than_its_cores():
    """Few recordings in the sample: the workers did not get in each other's way."""
    found = estimate(work(100), THIS, replace(RATES, processor_sec=80.0))
    assert found.seconds == pytest.approx(10 + 100 * 80 / 4)


def test_languages_are_loaded_by_the_workers_side_by_side():
    found = estimate(replace(work(100), languages=6), THIS, RATES)
    assert found.seconds == pytest.approx(10 + 100 * 40 / 4 + 6 * 2 / 4)


def test_the_worker_that_gets_most_ends_last():
    uneven = replace(work(1), busiest_sec=HOUR / 2)
    assert estimate(uneven, THIS, RATES).seconds == pytest.approx(10 + 0.5 * 40)


def test_a_cluster_divides_the_work_and_waits_for_the_longest():
    set_up = SetUp(name="cluster", machines=10, cores=4, price_per_hour=3.0)
    found = estimate(work(1000, longest_sec=HOUR), set_up, RATES)
    assert found.seconds == pytest.approx(10 + 1000 * 40 / 4 / 10 + 40)
    assert found.cost == pytest.approx(10 * 3.0 * found.seconds / HOUR)


def test_gpus_work_as_fast_as_they_or_the_cores_allow():
    """Half of the processor time was the model's: 15 s of an hour remain."""
    rates = replace(RATES, device_sec=3.6)
    fast = estimate(work(1000), SetUp(name="8 GPUs", gpus=8), rates)
    assert fast.seconds == pytest.approx(10 + 1000 * 3.6 / 8)
    assert fast.cores == pytest.approx(15 / (3.6 / 8))
    fed_by_few = estimate(work(1000), SetUp(name="", gpus=8, cores=16), rates)
    assert fed_by_few.seconds == pytest.approx(10 + 1000 * 15 / 16)
    on_gpu = replace(rates, device="cuda:0")  # the model is not in processor_sec
    assert estimate(work(1), SetUp(name="", gpus=8), on_gpu).cores == pytest.approx(
        30 / (3.6 / 8)
    )


@given(SECONDS, st.integers(1, 8))
def test_nothing_is_lost_when_work_is_dealt(lengths_sec, workers):
    found = workload_of(lengths_sec, 3, workers)
    assert found.hours * HOUR == pytest.approx(math.fsum(lengths_sec))
    share_sec = found.hours * HOUR / workers
    assert share_sec <= found.busiest_sec * (1 + 1e-9)
    # By turns, a worker has at most one recording more than an equal share of them.
    most = -(-len(lengths_sec) // workers) * found.longest_sec
    assert found.busiest_sec <= most * (1 + 1e-9)


@given(SECONDS, st.floats(0.1, 50_000.0))
def test_more_hours_take_more_time_in_proportion(lengths_sec, hours):
    workload = workload_of(lengths_sec, 0, RATES.workers)
    more = scaled(workload, hours, RATES.workers)
    assert more.longest_sec == workload.longest_sec
    seconds = estimate(more, THIS, RATES).seconds - RATES.start_sec
    assert seconds == pytest.approx(hours * 40 / 4)


def test_memory_is_the_base_and_the_audio_in_flight():
    """64 kB of samples, 50 frames of 30 labels and the path's share, for a second."""
    second = 64_000 + 50 * 30 * 10 + 18_000
    assert memory_bytes(900, 30, 7200.0, 3600.0) == 900 + 7200 * second
    assert memory_bytes(900, 30, 60.0, 3600.0) == 900 + 3600 * second
