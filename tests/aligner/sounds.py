"""Builds recordings: bursts and sweeps between silences, in any container."""

import subprocess
from pathlib import Path

import numpy as np
import soundfile
from scipy.signal import correlate

from aligner.ffmpeg import ffmpeg_program


def bursts(rate_hz: int, sec: float = 4.0, seed: int = 7) -> np.ndarray:
    """Return noise bursts and sweeps at times that do not depend on the rate."""
    rng = np.random.default_rng(seed)
    time_sec = np.arange(int(rate_hz * sec)) / rate_hz
    samples_N = np.zeros(len(time_sec), dtype=np.float32)
    at_sec = 0.3
    while at_sec < sec - 0.6:
        long_sec = rng.uniform(0.08, 0.3)
        top_hz = rng.uniform(800, 3000)
        noise = rng.standard_normal(2000)
        inside = (time_sec >= at_sec) & (time_sec < at_sec + long_sec)
        t = time_sec[inside] - at_sec
        envelope = np.sin(np.pi * t / long_sec)
        sweep = np.sin(2 * np.pi * (200 * t + (top_hz - 200) / long_sec * t**2 / 2))
        grain = np.interp(t, np.arange(len(noise)) / 4000, noise)
        samples_N[inside] = envelope * (0.3 * sweep + 0.1 * grain)
        at_sec += long_sec + rng.uniform(0.05, 0.3)
    return samples_N


def write_wav(path: Path, samples: np.ndarray, rate_hz: int, subtype: str = "PCM_16"):
    soundfile.write(path, samples, rate_hz, subtype=subtype)
    return path


def encode(source: Path, target: Path, *options: str, piped: bool = False) -> Path:
    """Convert with ffmpeg; a piped output cannot be sought, so it has no lengths."""
    before = [ffmpeg_program(), "-nostdin", "-v", "error", "-y", "-i", str(source)]
    if piped:
        with target.open("wb") as file:
            subprocess.run([*before, *options, "-"], check=True, stdout=file)
    else:
        subprocess.run([*before, *options, str(target)], check=True)
    return target


def lag_msec(reference: np.ndarray, other: np.ndarray) -> float:
    """Return how much later ``other`` is, by cross-correlation at 16 kHz."""
    length = min(len(reference), len(other))
    products = correlate(other[:length], reference[:length], method="fft")
    return (int(np.argmax(products)) - (length - 1)) / 16


def cut(path: Path, share: float, *, name: str | None = None) -> Path:
    """Write the first part of a file beside it."""
    octets = path.read_bytes()
    short = path.with_name(name or f"cut_{path.name}")
    short.write_bytes(octets[: int(len(octets) * share)])
    return short
