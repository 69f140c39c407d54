"""Held notes against voices that move."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aligner.music import BLOCK_STEP_SAMPLES, sustained_partials
from models import sound
from schemas.units import SAMPLE_RATE_HZ


def voice(sec: float, seed: int = 3) -> np.ndarray:
    """Return syllables whose pitch glides, five in a second."""
    rng = np.random.default_rng(seed)
    samples = int(sec * SAMPLE_RATE_HZ)
    knots = rng.uniform(90, 220, int(sec * 5) + 2)
    at_sec = np.arange(samples) / SAMPLE_RATE_HZ
    pitch_hz = np.interp(at_sec * 5, np.arange(len(knots)), knots)
    phase = 2 * np.pi * np.cumsum(pitch_hz) / SAMPLE_RATE_HZ
    harmonics = sum(np.sin(k * phase) / k for k in range(1, 20))
    return (harmonics * (1 + np.sin(2 * np.pi * 5 * at_sec)) / 8).astype(np.float32)


def drone(sec: float, pitch_hz: float = 220.0) -> np.ndarray:
    """Return a note with vibrato and eight partials."""
    at_sec = np.arange(int(sec * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    vibrato = 1 + 0.004 * np.sin(2 * np.pi * 5.5 * at_sec)
    phase = 2 * np.pi * np.cumsum(pitch_hz * vibrato) / SAMPLE_RATE_HZ
    return (sum(np.sin(k * phase) / k for k in range(1, 9)) / 4).astype(np.float32)


def test_a_note_is_steady_and_a_voice_is_not():
    speech = voice(10)
    noise = sound.room_noise(len(speech), np.random.default_rng(1))
    for calm in (speech, noise, sound.mix(speech, noise, -10)):
        assert np.median(sustained_partials(calm)) < 0.5
    rng = np.random.default_rng(2)
    for music in (drone(10), sound.music(len(speech), rng)):
        assert np.median(sustained_partials(music)) > 0.7
        assert np.median(sustained_partials(sound.mix(speech, music, -5))) > 0.55


def test_a_value_is_of_its_two_seconds():
    quiet = voice(8)
    samples = np.concatenate([quiet, drone(8), quiet])
    values = sustained_partials(samples)
    middle_sec = (np.arange(len(values)) + 1) * BLOCK_STEP_SAMPLES / SAMPLE_RATE_HZ
    assert values[(middle_sec > 9) & (middle_sec < 15)].min() > 0.6
    assert values[(middle_sec < 7) | (middle_sec > 17)].max() < 0.4


def test_more_than_a_minute_is_no_other_than_its_parts():
    minute = 480 * 2048
    samples = voice(2.5 * minute / SAMPLE_RATE_HZ)
    whole = sustained_partials(samples)
    part = sustained_partials(samples[minute : 2 * minute])
    first = minute // BLOCK_STEP_SAMPLES
    assert np.allclose(whole[first : first + len(part)], part)


@pytest.mark.parametrize("samples", [0, 1, 5_000])
def test_a_short_recording_has_one_value(samples):
    assert sustained_partials(np.zeros(samples, np.float32)).tolist() == [0.0]


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 99), gain=st.floats(0.02, 0.9))
def test_it_is_a_share_that_no_gain_changes(seed, gain):
    samples = voice(3, seed) + 0.01 * drone(3, 150 + seed)
    values = sustained_partials(samples)
    assert 0 <= values.min() <= values.max() <= 1
    louder = sustained_partials((samples * np.float32(gain)).astype(np.float32))
    assert np.abs(louder - values).max() < 0.05
