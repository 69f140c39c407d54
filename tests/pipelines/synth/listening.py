"""Measures of sound: level, pitch, and where nobody speaks."""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt


def rms(samples: npt.NDArray[np.floating]) -> float:
    return float(np.sqrt(np.mean(samples.astype(np.float64) ** 2)))


def quiet_parts(
    spoken: Sequence[tuple[float, float]], duration_sec: float, margin_sec: float
) -> Iterator[tuple[float, float]]:
    """Yield the intervals between (and around) what is said, in seconds."""
    starts = [0.0, *(end + margin_sec for _, end in spoken)]
    ends = [*(start - margin_sec for start, _ in spoken), duration_sec]
    yield from (pair for pair in zip(starts, ends, strict=True) if pair[0] < pair[1])


def pitch_hz(samples: npt.NDArray[np.floating], rate_hz: int) -> float:
    """Return the median pitch of voiced stretches, by autocorrelation."""
    length = rate_hz // 20
    shortest, longest = rate_hz // 400, rate_hz // 60
    found = []
    for start in range(0, len(samples) - length, length):
        block = samples[start : start + length].astype(np.float64)
        block = block - block.mean()
        power = float(block @ block)
        if power < length * 1e-4:
            continue
        products = np.correlate(block, block, "full")[length - 1 :] / power
        lag = shortest + int(np.argmax(products[shortest:longest]))
        if products[lag] > 0.5:
            found.append(rate_hz / lag)
    return float(np.median(found))
