"""Sounds of rooms and lines: at the right level, of the right colour, never late."""

import numpy as np
import pytest
from scipy.signal import correlate, welch

from models import sound

N = 32_000


@pytest.fixture(scope="module")
def speech():
    """Something like speech: noise bursts, 0.2 s in every 0.35 s."""
    rng = np.random.default_rng(3)
    seconds = np.arange(N) / 16_000
    bursts = rng.standard_normal(N) * 0.1 * (seconds % 0.35 < 0.2)
    return bursts.astype(np.float32)


def rng(seed=0):
    return np.random.default_rng(seed)


MADE = {
    "white": sound.white_noise,
    "room": sound.room_noise,
    "brown": sound.brown_noise,
    "music": sound.music,
    "breath": sound.breath,
}
CHANGES = {
    "equalise": sound.equalise,
    "level_drift": sound.level_drift,
    "companded": lambda samples, _: sound.companded(samples),
    "low_pass": lambda samples, _: sound.low_pass(samples, 4000),
    "reverberate": lambda samples, r: sound.reverberate(samples, 0.4, r),
}


def slope_db_per_octave(samples, low_hz, high_hz):
    hz, power = welch(samples, 16_000, nperseg=4096)
    inside = (hz >= low_hz) & (hz <= high_hz)
    return np.polyfit(np.log2(hz[inside]), 10 * np.log10(power[inside]), 1)[0]


@pytest.mark.parametrize("name", MADE)
def test_made_sounds_depend_on_the_generator_alone(name):
    first, again, other = (MADE[name](N, rng(seed)) for seed in (1, 1, 2))
    assert first.shape == (N,)
    assert first.dtype == np.float32
    assert np.isfinite(first).all()
    assert np.array_equal(first, again)
    assert not np.allclose(first, other)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", CHANGES)
def test_changes_keep_length_and_time(name, seed, speech):
    changed = CHANGES[name](speech, rng(seed))
    assert changed.shape == speech.shape
    assert changed.dtype == np.float32
    assert not np.allclose(changed, speech)
    products = correlate(changed, speech, "full", method="fft")
    assert np.argmax(np.abs(products)) == len(speech) - 1


@pytest.mark.parametrize("name", CHANGES)
def test_changes_of_silence_are_silent(name):
    changed = CHANGES[name](np.zeros(N, np.float32), rng())
    assert np.abs(changed).max() < 1e-6


def test_the_colours_of_noise():
    assert slope_db_per_octave(sound.white_noise(10 * N, rng()), 60, 7000) == (
        pytest.approx(0, abs=0.5)
    )
    assert slope_db_per_octave(sound.brown_noise(10 * N, rng()), 150, 3000) == (
        pytest.approx(-6, abs=0.5)
    )
    room = sound.room_noise(10 * N, rng())
    assert slope_db_per_octave(room, 1500, 7000) == pytest.approx(0, abs=0.5)
    hz, power = welch(room, 16_000, nperseg=4096)
    level = 10 * np.log10(power)
    rise = level[(hz > 40) & (hz < 90)].mean() - level[hz > 2000].mean()
    assert rise == pytest.approx(14.5, abs=1.5)


@pytest.mark.parametrize("level_db", [-30.0, 0.0, 6.0])
def test_mixing_adds_at_the_level_relative_to_the_speech(level_db, speech):
    other = sound.brown_noise(N, rng())
    added = sound.mix(speech, other, level_db) - speech
    found_db = 20 * np.log10(sound.rms(added) / sound.rms(speech))
    assert found_db == pytest.approx(level_db, abs=0.01)


def test_rms_is_never_zero():
    assert 0 < sound.rms(np.zeros(10, np.float32)) < 1e-5
    assert sound.rms(np.full(10, -0.5, np.float32)) == pytest.approx(0.5)


@pytest.mark.parametrize("decay_sec", [0.2, 0.6])
def test_a_room_falls_by_60_db_in_its_time(decay_sec):
    click = np.zeros(N, np.float32)
    click[0] = 1
    wet = sound.reverberate(click, decay_sec, rng())
    assert wet[0] == pytest.approx(1, abs=1e-4)
    times_sec = np.arange(0.02, 0.8 * decay_sec, 0.02)
    levels = [
        20 * np.log10(sound.rms(wet[int(t * 16_000) : int((t + 0.02) * 16_000)]))
        for t in times_sec
    ]
    assert np.polyfit(times_sec, levels, 1)[0] == pytest.approx(
        -60 / decay_sec, rel=0.1
    )


def test_a_dead_room_changes_nothing(speech):
    assert sound.reverberate(speech, 1e-6, rng()) == pytest.approx(speech, abs=1e-5)


def test_music_is_chords_with_partials():
    bed = sound.music(4 * 22_050, rng(), 22_050)
    hz, power = welch(bed, 22_050, nperseg=8192)
    assert len(bed) == 4 * 22_050
    loudest = power[(hz > 90) & (hz < 2200)].sum()
    assert loudest > 100 * power[hz > 4000].sum()


def test_a_narrow_line_has_no_high_frequencies(speech):
    narrow = sound.low_pass(speech, 3000)
    hz, power = welch(narrow, 16_000)
    _, before = welch(speech, 16_000)
    assert power[hz > 4500].sum() < 0.01 * before[hz > 4500].sum()
    assert power[hz < 2000].sum() == pytest.approx(before[hz < 2000].sum(), rel=0.1)


def test_quantising_is_finer_where_it_is_quiet(speech):
    changed = sound.companded(speech)
    assert len(np.unique(changed)) < 2 * 64 + 2
    error = np.abs(changed - speech)
    quiet = (np.abs(speech) > 0) & (np.abs(speech) < 0.02)
    assert error[quiet].mean() < 0.3 * error[np.abs(speech) > 0.15].mean()


def test_the_level_drifts_by_some_decibels():
    drifted = sound.level_drift(np.ones(10 * N, np.float32), rng())
    levels_db = 20 * np.log10(drifted)
    assert 2 < levels_db.std() < 5
    assert np.abs(np.diff(levels_db)).max() < 0.02  # no clicks


def test_a_breath_has_soft_ends():
    burst = sound.breath(4000, rng())
    middle = sound.rms(burst[1500:2500])
    assert sound.rms(burst[:100]) < 0.05 * middle
    assert sound.rms(burst[-100:]) < 0.05 * middle
