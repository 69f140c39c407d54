"""Planted clipping is found, whatever gain or resampling comes after it."""

import math

import numpy as np
import pytest
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st

from aligner.clipping import clip_level

RATE = 44_100


def speech_like(seed: int = 1, sec: float = 20.0, rate: int = 16_000) -> np.ndarray:
    """Return band noise whose level wanders, so that few samples are near the peak."""
    rng = np.random.default_rng(seed)
    noise = np.convolve(
        rng.standard_normal(int(sec * rate)), np.hanning(rate // 800), "same"
    )
    knots = rng.gamma(1.0, 1.0, int(sec * 4))
    level = np.interp(
        np.arange(len(noise)), np.linspace(0, len(noise), len(knots)), knots
    )
    samples = noise * level
    return (0.9 * samples / np.abs(samples).max()).astype(np.float32)


def clipped_share(samples: np.ndarray) -> float:
    return float(np.mean(np.abs(samples) >= clip_level(samples)))


def cut_off(samples: np.ndarray, share: float) -> np.ndarray:
    level = np.quantile(np.abs(samples), 1 - share)
    return np.clip(samples, -level, level)


@pytest.mark.parametrize("share", [0.001, 0.003, 0.01, 0.05, 0.1])
@pytest.mark.parametrize("gain", [1.0, 0.1])
def test_the_planted_share_is_found(share, gain):
    found = clipped_share((cut_off(speech_like(), share) * gain).astype(np.float32))
    assert found == pytest.approx(share, rel=0.25)


@pytest.mark.parametrize("share", [0.003, 0.01, 0.05])
def test_it_is_found_after_resampling(share):
    samples = cut_off(speech_like(2, rate=RATE), share)
    found = clipped_share(soxr.resample(samples, RATE, 16_000).astype(np.float32))
    assert found == pytest.approx(share, rel=0.4)


def test_what_was_not_clipped_has_no_such_level():
    for seed in range(20):
        assert clip_level(speech_like(seed, sec=5)) == math.inf
    assert clip_level(np.zeros(100, np.float32)) == math.inf
    assert clip_level(np.zeros(0, np.float32)) == math.inf


def test_what_is_over_full_scale_will_be_clipped():
    samples = speech_like() * 3
    beyond = float(np.mean(np.abs(samples) >= 1))
    assert beyond > 0.001
    assert clipped_share(samples) == pytest.approx(beyond, rel=0.3)


@settings(max_examples=20, deadline=None)
@given(gain=st.floats(0.01, 1.0), share=st.sampled_from([0.0, 0.01]))
def test_no_gain_changes_the_share(gain, share):
    samples = cut_off(speech_like(sec=4), share)
    quiet = (samples * np.float32(gain)).astype(np.float32)
    assert clipped_share(quiet) == pytest.approx(clipped_share(samples), abs=2e-4)
