"""Sounds of rooms, studios and bad lines, in numpy; none moves the speech in time.

Used to make synthetic recordings and to vary what the bundled model hears in training.
All functions take and return float32 waveforms (N,), full scale 1, and draw from the
given generator. Unless a rate is asked for they are at 16 kHz; levels are in dB.
"""

# scipy.signal is imported where it is used: it takes a second, and every synthetic
# chapter is spoken in a process of its own that mostly does without.

import numpy as np
import numpy.typing as npt

from schemas.units import SAMPLE_RATE_HZ

Waveform = npt.NDArray[np.float32]

# Two octaves of A minor and C major, in hertz.
_NOTES_HZ = (110, 130.8, 146.8, 164.8, 196, 220, 246.9, 261.6, 329.6, 392, 440, 523.2)


def rms(samples: Waveform) -> float:
    """Root mean square, never zero."""
    return float(np.sqrt(np.mean(np.square(samples), dtype=np.float64) + 1e-12))


def mix(speech: Waveform, other: Waveform, level_db: float) -> Waveform:
    """Add a sound at a level relative to the speech."""
    gain = rms(speech) / rms(other) * 10 ** (level_db / 20)
    return speech + other * np.float32(gain)


def white_noise(samples: int, rng: np.random.Generator) -> Waveform:
    """Noise with equal energy at all frequencies."""
    return rng.standard_normal(samples, dtype=np.float32)


def room_noise(samples: int, rng: np.random.Generator) -> Waveform:
    """Noise that is flat above 1 kHz and 14 dB stronger below 100 Hz."""
    zeros, poles = (1.0, -1.8, 0.81), (1.0, -1.93, 0.9318)
    noise = _filtered(white_noise(samples, rng), zeros, poles)
    return noise.astype(np.float32)


def brown_noise(samples: int, rng: np.random.Generator) -> Waveform:
    """Rumble: noise that falls by 6 dB per octave."""
    brown = _filtered(white_noise(samples, rng), [1.0], [1.0, -0.98])
    return brown.astype(np.float32)


def music(
    samples: int, rng: np.random.Generator, rate_hz: int = SAMPLE_RATE_HZ
) -> Waveform:
    """Chords of three decaying notes with four partials each."""
    bed = np.zeros(samples, np.float32)
    start = 0
    while start < samples:
        end = min(samples, start + int(rate_hz * rng.uniform(0.25, 1.2)))
        time_sec = np.arange(end - start, dtype=np.float32) / rate_hz
        for note_hz in rng.choice(_NOTES_HZ, size=3, replace=False):
            decay = np.exp(-time_sec * np.float32(rng.uniform(0.5, 3)))
            phase = np.float32(2 * np.pi * note_hz) * time_sec
            for partial in range(1, 5):
                bed[start:end] += np.sin(phase * partial) / partial * decay
        start = end
    return bed


def reverberate(
    samples: Waveform,
    decay_sec: float,
    rng: np.random.Generator,
    rate_hz: int = SAMPLE_RATE_HZ,
) -> Waveform:
    """Put the speech in a room whose sound falls by 60 dB in ``decay_sec``."""
    from scipy.signal import fftconvolve

    length = max(1, int(rate_hz * min(decay_sec, 0.9)))
    time_sec = np.arange(length) / rate_hz
    tail = rng.standard_normal(length) * np.exp(-6.9 * time_sec / decay_sec)
    tail *= 0.5 * rng.uniform(0.3, 1) / np.sqrt(np.sum(tail**2) + 1e-9)
    tail[0] = 1.0  # the direct sound, so that nothing is delayed
    wet = fftconvolve(samples, tail.astype(np.float32))[: len(samples)]
    return wet.astype(np.float32)


def equalise(samples: Waveform, rng: np.random.Generator) -> Waveform:
    """Tilt the spectrum and lift or cut one band, as microphones do."""
    shaped = _filtered(samples, [1.0, rng.uniform(-0.5, 0.5)], [1.0])
    if rng.random() < 0.4:
        centre_hz, width = rng.uniform(300, 5000), rng.uniform(0.7, 3)
        gain = 10 ** (rng.uniform(-10, 10) / 40)
        omega = 2 * np.pi * centre_hz / SAMPLE_RATE_HZ
        alpha = np.sin(omega) / (2 * width)
        # The peaking filter of the Audio EQ Cookbook (R. Bristow-Johnson).
        zeros = np.array([1 + alpha * gain, -2 * np.cos(omega), 1 - alpha * gain])
        poles = np.array([1 + alpha / gain, -2 * np.cos(omega), 1 - alpha / gain])
        shaped = _filtered(shaped, zeros / poles[0], poles / poles[0])
    return shaped.astype(np.float32)


def low_pass(samples: Waveform, cutoff_hz: float) -> Waveform:
    """Cut the high frequencies (a 31-tap sinc), as narrow lines do."""
    taps = np.arange(31) - 15
    cutoff = 2 * cutoff_hz / SAMPLE_RATE_HZ
    kernel = np.sinc(cutoff * taps) * np.hamming(31) * cutoff
    return np.convolve(samples, kernel, "same").astype(np.float32)


def companded(samples: Waveform, levels: int = 64) -> Waveform:
    """Quantise on a logarithmic scale, as telephones do (mu-law, coarser)."""
    peak = np.abs(samples).max(initial=0.0) + 1e-6
    squeezed = np.sign(samples) * np.log1p(255 * np.abs(samples) / peak) / np.log(256)
    squeezed = np.round(squeezed * levels) / levels
    opened = np.sign(squeezed) * np.expm1(np.abs(squeezed) * np.log(256)) / 255
    return (opened * peak).astype(np.float32)


def level_drift(samples: Waveform, rng: np.random.Generator) -> Waveform:
    """Let the level wander by some decibels every quarter of a second."""
    knots = max(3, len(samples) * 4 // SAMPLE_RATE_HZ)
    gains = 10 ** (rng.normal(0, 4, knots) / 20)
    places = np.linspace(0, len(samples), knots)
    envelope = np.interp(np.arange(len(samples)), places, gains)
    return (samples * envelope).astype(np.float32)


def breath(samples: int, rng: np.random.Generator) -> Waveform:
    """A burst of band noise with soft ends."""
    centre = 2 * np.pi * rng.uniform(600, 3500) / SAMPLE_RATE_HZ
    poles = [1.0, -2 * 0.85 * np.cos(centre), 0.7225]
    burst = _filtered(white_noise(samples, rng), [1.0], poles)
    return (burst * np.hanning(samples)).astype(np.float32)


def _filtered(
    samples: npt.NDArray[np.floating], zeros: npt.ArrayLike, poles: npt.ArrayLike
) -> npt.NDArray[np.floating]:
    from scipy.signal import lfilter

    return lfilter(zeros, poles, samples)
