"""Splits of recordings without text, and languages that have too little of it."""

import math
import random
from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st

from pipelines.split_plan import SplitPart, plan_all_splits


def part(
    unit,
    unlabeled_sec=60.0,
    language="swh",
    labeled=False,
    duration_sec=100.0,
    book="",
):
    return SplitPart(language, unit, labeled, duration_sec, unlabeled_sec, book)


def test_a_tenth_of_the_recordings_is_for_development_and_for_testing_each():
    parts = [part(f"rec-{number:03d}") for number in range(100)]
    splits = defaultdict(int)
    plan = plan_all_splits(parts, 5.0)
    for own in parts:
        splits[plan.split_of(own)] += 1
    assert splits == {"train": 80, "dev": 10, "test": 10}
    assert plan.has_unlabeled("swh")


def test_what_is_read_for_testing_is_not_heard_in_training():
    """A recording without text goes where its book is read with text."""
    books = [part(unit, labeled=True) for unit in ("MAT", "MRK", "JHN")]
    more = [part(f"rec-{number}", book="JHN") for number in range(20)]
    more += [part("of-mark", book="MRK"), part("of-matthew", book="MAT")]
    plan = plan_all_splits([*books, *more], 0.0)
    assert {plan.split_of(own) for own in more[:20]} == {"test"}
    assert [plan.split_of(own) for own in more[20:]] == ["dev", "train"]
    alone = [part(f"rec-{number}", book="LUK") for number in range(10)]
    assert {plan_all_splits([*books, *alone], 0.0).split_of(own) for own in alone} == {
        "train",
        "dev",
        "test",
    }
    other = part("rec", language="kat", book="JHN")
    assert plan_all_splits([*books, other], 0.0).split_of(other) == "train"


def test_a_name_says_nothing_about_a_recording_without_text():
    plan = plan_all_splits([part("MRK"), part("MRK", labeled=True)], 0.0)
    assert plan.split_of(part("MRK")) == "train"  # the only one
    assert plan.split_of(part("MRK", labeled=True)) == "train"
    books = [part(unit, labeled=True) for unit in ("MAT", "MRK", "LUK")]
    plan = plan_all_splits([*books, *(part(unit) for unit in ("MRK", "a", "b"))], 0.0)
    assert plan.split_of(part("MRK", labeled=True)) == "dev"


def test_only_audio_for_training_counts_for_the_size_of_a_language():
    # Three minutes each: two of three recordings are for development and testing.
    three = [part(name, 180.0) for name in "abc"]
    assert plan_all_splits(three, 3.0).has_unlabeled("swh")
    assert not plan_all_splits(three, 3.1).has_unlabeled("swh")


def test_what_labeled_recordings_leave_over_counts_in_their_own_split():
    labeled = [part(unit, 100.0, labeled=True) for unit in ("MAT", "MRK", "LUK", "JHN")]
    plan = plan_all_splits(labeled, 3.0)  # MAT and LUK: 200 s
    assert plan.has_unlabeled("swh")
    assert not plan_all_splits(labeled, 3.5).has_unlabeled("swh")


def test_no_language_is_too_small_for_nothing():
    assert plan_all_splits([part("a", 0.0)], 0.0).too_small == frozenset()
    assert plan_all_splits([], 5.0).too_small == frozenset()


@given(
    lengths=st.lists(st.floats(0.1, 500), min_size=1, max_size=25),
    rng=st.randoms(use_true_random=False),
)
def test_every_recording_has_one_split_whatever_the_order(lengths, rng: random.Random):
    parts = [part(f"rec-{number}", sec) for number, sec in enumerate(lengths)]
    plan = plan_all_splits(parts, 1.0)
    splits = {own.unit: plan.split_of(own) for own in parts}
    assert (
        set(splits.values()) <= {"train", "dev", "test"} and "train" in splits.values()
    )
    training_sec = math.fsum(
        own.unlabeled_sec for own in parts if splits[own.unit] == "train"
    )
    assert plan.has_unlabeled("swh") == (training_sec >= 60)
    rng.shuffle(parts)
    assert plan_all_splits(parts, 1.0) == plan
