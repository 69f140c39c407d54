"""Whether something musical sounds: partials that stay where they are.

The harmonics of a voice move with every syllable; those of an instrument hold for as
long as its note. A spectrogram in which only what stands out of its neighbours is kept
shows notes as level lines, also under speech and whatever their strength (the
continuous frequency activation of Seyerlehner, Pohle, Schedl and Widmer 2007).
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

# 7.8 Hz a bin: a semitone at 130 Hz. Windows that overlap by half cost twice as much
# and found nothing more.
_WINDOW_SAMPLES = _HOP_SAMPLES = 2048
# Below, mains hum and rumble are as steady as a note; above, partials are too weak.
_LOW_BIN, _HIGH_BIN = 26, 512  # 200 to 4,000 Hz
# A bin stands out when it is this far above the mean level of 10 bins on either side.
_HALF_WIDTH_BINS = 10
_STANDS_OUT = 5.0 / 10 * np.log(10.0)  # 5 dB as a ratio of powers, natural logarithm
# Two seconds: longer than a sung vowel of speech, about as long as a held note.
_BLOCK_FRAMES = 16
_PEAK_HALF_WIDTH_BINS = 4
_PARTIALS = 5
_FRAMES_AT_ONCE = 480  # a minute, so that an hour takes no more memory
# Below what 16 bits can hold: dither and digital silence have no partials.
_LEAST_POWER = 1e-7

BLOCK_STEP_SAMPLES = _BLOCK_FRAMES // 2 * _HOP_SAMPLES
"""From one value of ``sustained_partials`` to the next."""


def sustained_partials(
    waveform_N: npt.NDArray[np.float32],
) -> npt.NDArray[np.float64]:
    """Return for about each second how steadily the five steadiest partials sound.

    Values are 0 to 1: the share of the two seconds around in which a bin stands out of
    its neighbours, less that of the bins beside it, as mean of the five best bins.

    Args:
      waveform_N: mono at 16 kHz, shape (N,).

    Returns:
      Values (B,), one every ``BLOCK_STEP_SAMPLES``; the first block starts at 0. One at
      least: a shorter recording is filled up with zeros.
    """
    least = _WINDOW_SAMPLES + (_BLOCK_FRAMES - 1) * _HOP_SAMPLES
    if len(waveform_N) < least:
        waveform_N = np.pad(waveform_N, (0, least - len(waveform_N)))
    halves = np.concatenate([_halves(part) for part in _outstanding(waveform_N)])
    activation = (halves[:-1] + halves[1:]) / _BLOCK_FRAMES
    return _peaks(activation)


def _outstanding(
    waveform_N: npt.NDArray[np.float32],
) -> Iterator[npt.NDArray[np.bool_]]:
    """Yield which bins stand out of their neighbours, a minute of frames at a time."""
    frames = np.lib.stride_tricks.sliding_window_view(waveform_N, _WINDOW_SAMPLES)
    frames = frames[::_HOP_SAMPLES]
    window = np.hanning(_WINDOW_SAMPLES).astype(np.float32)
    low, high = _LOW_BIN - _HALF_WIDTH_BINS, _HIGH_BIN + _HALF_WIDTH_BINS
    width = 2 * _HALF_WIDTH_BINS + 1
    half = _BLOCK_FRAMES // 2
    whole = len(frames) // half * half
    for first in range(0, whole, _FRAMES_AT_ONCE):
        part = frames[first : min(first + _FRAMES_AT_ONCE, whole)]
        spectrum = np.fft.rfft(part * window, axis=1)[:, low:high]
        level = np.log(spectrum.real**2 + spectrum.imag**2 + np.float32(_LEAST_POWER))
        total = np.cumsum(level, axis=1)
        around = (total[:, width:] - total[:, :-width]) / np.float32(width)
        first_bin = _HALF_WIDTH_BINS + 1
        middle = level[:, first_bin : first_bin + around.shape[1]]
        yield middle - around > _STANDS_OUT


def _halves(stands_out: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """Return how often each bin stands out in each half of a block."""
    half = _BLOCK_FRAMES // 2
    return stands_out.reshape(-1, half, stands_out.shape[1]).sum(axis=1)


def _peaks(activation_BK: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the mean height of the highest peaks over the valleys beside them."""
    reach, bins = _PEAK_HALF_WIDTH_BINS, activation_BK.shape[1]
    padded = np.pad(activation_BK, ((0, 0), (reach, reach)), mode="edge")
    shifted = [padded[:, k : k + bins] for k in range(2 * reach + 1)]
    before = np.minimum.reduce(shifted[:reach])
    after = np.minimum.reduce(shifted[reach + 1 :])
    height = activation_BK - np.maximum(before, after)
    best = np.partition(height, -_PARTIALS, axis=1)[:, -_PARTIALS:]
    return np.clip(best.mean(axis=1), 0.0, 1.0)
