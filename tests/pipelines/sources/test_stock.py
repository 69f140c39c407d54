from hypothesis import given
from hypothesis import strategies as st

from pipelines.sources.source import SourceRecording
from pipelines.sources.stock import stock_of
from schemas.source import Recording

RECORDINGS = st.builds(
    SourceRecording,
    recording=st.builds(
        Recording,
        recording_id=st.just("a"),
        language=st.sampled_from(["swh", "luo"]),
        audio=st.just("a.mp3"),
        text=st.sampled_from([None, "a.txt"]),
        licence=st.sampled_from(["", "CC0-1.0"]),
    ),
    audio_bytes=st.none() | st.integers(0, 2**40),
    duration_sec=st.none() | st.integers(0, 10**6).map(float),
)


@given(st.lists(RECORDINGS))
def test_nothing_is_lost_in_the_sums(items):
    stock = stock_of(items)
    assert stock.recordings == len(items)
    assert stock.audio_bytes == sum(item.audio_bytes or 0 for item in items)
    assert stock.unknown_bytes == sum(item.audio_bytes is None for item in items)
    assert sum(row.with_text for row in stock.rows) == sum(
        item.recording.text is not None for item in items
    )
    hours = sum(item.duration_sec or 0.0 for item in items) / 3600
    assert abs(sum(row.hours for row in stock.rows) - hours) < 1e-3
    keys = [(row.language, row.version, row.drama, row.licence) for row in stock.rows]
    assert keys == sorted(set(keys))


def test_what_is_not_known_is_not_told_as_nothing():
    def row(*lengths_sec: float | None):
        recording = Recording(recording_id="a", language="swh", audio="a.mp3")
        items = [
            SourceRecording(recording=recording, duration_sec=sec)
            for sec in lengths_sec
        ]
        return stock_of(items).rows[0]

    assert row(None, None).hours_told == "unknown"
    assert row(3600.0, None).hours_told == "1.00+"
    assert row(3600.0).hours_told == "1.00"
    assert row(3600.0).mebibytes_told == "unknown"
