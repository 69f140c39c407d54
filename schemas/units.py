"""The one place where seconds, milliseconds, samples and frames are converted.

Audio inside Pericope is mono at 16 kHz. Intervals are half-open everywhere.
"""

import math

SAMPLE_RATE_HZ = 16_000
FRAME_SAMPLES = 320  # 20 ms: the hop of every wav2vec 2.0 model and of the bundled one


def round_half_up(value: float) -> int:
    """Round to the nearest integer, halves upwards: the only rounding rule here.

    Python's ``round`` goes to the even neighbour, so equal intervals could differ by
    a sample depending on where they start.
    """
    return math.floor(value + 0.5)


def samples_from_sec(sec: float, rate_hz: int = SAMPLE_RATE_HZ) -> int:
    """Return the sample nearest to a time."""
    return round_half_up(sec * rate_hz)


def sec_from_samples(samples: int, rate_hz: int = SAMPLE_RATE_HZ) -> float:
    """Return the time of a sample."""
    return samples / rate_hz


def msec_from_sec(sec: float) -> int:
    """Return the millisecond nearest to a time."""
    return round_half_up(sec * 1000)


def sec_from_frames(frames: int, hop_samples: int = FRAME_SAMPLES) -> float:
    """Return the time at which a frame begins."""
    return frames * hop_samples / SAMPLE_RATE_HZ


def frames_from_sec(sec: float, hop_samples: int = FRAME_SAMPLES) -> int:
    """Return the frame boundary nearest to a time."""
    return round_half_up(sec * SAMPLE_RATE_HZ / hop_samples)


def frames_from_samples(samples: int, hop_samples: int = FRAME_SAMPLES) -> int:
    """Return how many whole frames a waveform holds (the last part-frame counts)."""
    return -(-samples // hop_samples)


def rounded(value: float, decimals: int) -> float:
    """Return a measurement with so many decimals; NaN stays NaN.

    >>> rounded(0.125, 2), rounded(-0.125, 2)
    (0.13, -0.12)
    """
    if not math.isfinite(value):
        return value
    return round_half_up(value * 10**decimals) / 10**decimals
