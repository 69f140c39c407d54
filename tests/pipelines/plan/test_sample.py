"""Samples are drawn alike every time, and fetch nothing without need."""

from pipelines.plan.sample import choose_sample
from schemas.source import Recording


def recordings(count: int) -> list[Recording]:
    return [
        Recording(recording_id=f"r{k}", language="swh", audio=f"{k}")
        for k in range(count)
    ]


def test_samples_are_long_enough_and_the_same_every_time():
    rows = recordings(50)
    lengths = [60.0 + k for k in range(50)]
    by_id = {row.recording_id: sec for row, sec in zip(rows, lengths, strict=True)}
    sample = choose_sample(rows, lengths, minutes=10)
    seconds = [by_id[one.recording_id] for one in sample]
    assert seconds == sorted(seconds)
    assert 600 <= sum(seconds) < 600 + max(lengths)
    again = choose_sample(rows[::-1], lengths[::-1], minutes=10)
    assert again == sample
    assert len(choose_sample(rows, lengths, minutes=0)) == 2
    assert len(choose_sample(rows[:1], lengths[:1], minutes=10)) == 1


def test_what_is_elsewhere_is_fetched_only_where_nothing_is_at_hand():
    rows = recordings(9)
    here = [None, 30.0, None, 30.0, *[None] * 5]
    assert set(choose_sample(rows, here, 99.0)) == {rows[1], rows[3]}
    assert len(choose_sample(rows, [None] * 9, 99.0)) == 4
