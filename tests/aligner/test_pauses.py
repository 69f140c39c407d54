import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aligner.config import AlignConfig
from aligner.pauses import find_pauses, level_db, verse_start_cost

RATE_HZ = 16_000
CONFIG = AlignConfig(pause_cost=20.0, pause_decay_sec=0.3)


def noise(seconds, level, seed=0):
    """Return noise of a level in dB of full scale."""
    rng = np.random.default_rng(seed)
    samples = rng.normal(size=round(seconds * RATE_HZ)).astype(np.float32)
    return samples * np.float32(10 ** (level / 20))


def reading(parts, seed=0):
    """Return noise of (seconds, dB) parts, and the start and end of each (sec)."""
    waveform = np.concatenate(
        [noise(sec, level, seed + i) for i, (sec, level) in enumerate(parts)]
    )
    ends = np.cumsum([sec for sec, _ in parts])
    return waveform, [
        (end - sec, end) for end, (sec, _) in zip(ends, parts, strict=True)
    ]


def assert_pauses(found, expected, tolerance=0.021):
    assert len(found) == len(expected), found
    assert np.array(found) == pytest.approx(np.array(expected), abs=tolerance)


@given(st.integers(0, 2000))
def test_levels_are_two_a_frame(samples):
    level = level_db(noise(samples / RATE_HZ, -20))
    assert len(level) == 2 * -(-samples // 320)
    assert level.dtype == np.float32
    assert np.all(np.isfinite(level))


def test_levels_are_the_power_of_each_step():
    waveform = noise(0.05, -10)[:790]
    level = level_db(waveform)
    for step in range(5):
        power = np.mean(waveform[160 * step : 160 * (step + 1)].astype(float) ** 2)
        assert level[step] == pytest.approx(10 * np.log10(power), abs=1e-3)
    assert level[5] == level[4]  # no sample lies there


def test_digital_silence_has_the_least_level():
    assert level_db(np.zeros(640, np.float32)).tolist() == [-120] * 4


def test_pauses_are_found_to_two_steps():
    parts = [(2, -20), (0.4, -60), (3, -18), (0.2, -58), (1, -22), (0.9, -60)]
    waveform, times = reading(parts)
    expected = [times[1], times[3], times[5]]
    assert_pauses(find_pauses(level_db(waveform), 0.15), expected)


def test_short_quiet_is_no_pause():
    parts = [(2, -20), (0.10, -60), (2, -20), (0.4, -60), (1, -20)]
    waveform, times = reading(parts)
    assert_pauses(find_pauses(level_db(waveform), 0.15), [times[3]])


def test_digital_zeros_do_not_hide_the_pauses_between():
    parts = [(1.5, -300), (3, -20), (0.4, -55), (3, -20), (0.4, -55), (3, -20)]
    waveform, times = reading([*parts, (1.5, -300)])
    assert (np.percentile(level_db(waveform), 8)) == -120
    expected = [times[0], times[2], times[4], times[6]]
    assert_pauses(find_pauses(level_db(waveform), 0.15), expected)


def test_hum_does_not_break_a_pause():
    # 25 Hz: steps lie in turn on its crests and between them, 7 dB apart.
    waveform, times = reading([*[(2, -20), (0.9, -70)] * 3, (2, -20)])
    phase = 2 * np.pi * 25 * np.arange(len(waveform)) / RATE_HZ + np.pi / 4
    waveform += (0.05 * np.sin(phase)).astype(np.float32)
    assert_pauses(find_pauses(level_db(waveform), 0.15), times[1::2], 0.031)


def test_the_threshold_follows_the_level():
    # Over four minutes the reader moves away by 30 dB, noise and all: in the end speech
    # is no louder than the pauses were at first.
    falls = np.linspace(0, -30, 44)
    parts = [(5, -20), (0.5, -52)] * 44
    faded = [(sec, db + falls[index // 2]) for index, (sec, db) in enumerate(parts)]
    waveform, times = reading(faded)
    assert_pauses(find_pauses(level_db(waveform), 0.15), times[1::2])


def test_minutes_of_silence_are_one_pause():
    parts = [(5, -20), (0.5, -50)] * 20
    waveform, times = reading([*parts, (200, -50), (5, -20)])
    found = find_pauses(level_db(waveform), 0.15)
    expected = [*times[1:-3:2], (times[-3][0], times[-2][1])]
    assert_pauses(found, expected)


def test_no_sound_no_pause():
    assert find_pauses(level_db(np.zeros(0, np.float32)), 0.15) == ()
    # Nothing is quieter than the rest.
    assert find_pauses(np.full(500, -30, np.float32), 0.15) == ()


def test_cost_falls_with_the_length_of_the_pause():
    cost = verse_start_cost([(1.0, 1.3), (2.0, 2.9)], 200, CONFIG)
    assert cost.dtype == np.float32
    assert cost.shape == (200,)
    # 80 ms before to 100 ms after the end, in frames of 20 ms.
    eased = 20 * np.exp([-1, -3])
    expected = np.full(200, 20.0)
    expected[:6] = 0
    expected[61:71] = eased[0]
    expected[141:151] = eased[1]
    assert cost == pytest.approx(expected)


def test_of_two_near_pauses_the_longer_counts():
    cost = verse_start_cost([(1.0, 1.9), (1.92, 2.1)], 200, CONFIG)
    assert cost[100] == pytest.approx(20 * np.exp(-3))
    assert cost[101] == pytest.approx(20 * np.exp(-0.6))


def test_no_cost_and_no_frames():
    assert not verse_start_cost([(0.5, 1)], 90, AlignConfig(pause_cost=0)).any()
    assert verse_start_cost([(0.5, 1)], 3, CONFIG).tolist() == [0, 0, 0]
    assert verse_start_cost([(0.5, 1)], 0, CONFIG).shape == (0,)


@given(
    st.lists(st.tuples(st.floats(0, 5), st.floats(0.15, 2)), max_size=6),
    st.integers(0, 400),
)
def test_costs_lie_between_nothing_and_all(pauses, frames):
    pauses = [(start, start + length) for start, length in pauses]
    cost = verse_start_cost(pauses, frames, CONFIG)
    assert np.all((cost >= 0) & (cost <= 20))
    for t in np.flatnonzero(cost < 20):
        assert t <= 5 or any(end - 0.11 <= t * 0.02 <= end + 0.13 for _, end in pauses)
