"""How fast a segment was read, against the other segments of its language."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from schemas.segment import Segment
from schemas.units import rounded

# A spread of fewer says little of a language.
LEAST_SEGMENTS = 20
# The median absolute deviation of a normal distribution is 0.6745 of its standard one.
_DEVIATIONS_PER_MAD = 1 / 0.6745
_DECIMALS = 3


@dataclass(frozen=True)
class Places:
    """The middle of some values and their robust standard deviation.

    The latter is from the median absolute deviation, which half of the values may be
    wrong without moving.
    """

    median: float
    deviation: float

    @classmethod
    def among(cls, values: Sequence[float]) -> "Places | None":
        """Return the places among values, NaN left out.

        None with fewer than 20, and where half of them are equal.
        """
        known = np.array(values, dtype=np.float64)
        known = known[~np.isnan(known)]
        if len(known) < LEAST_SEGMENTS:
            return None
        median = float(np.median(known))
        spread = float(np.median(np.abs(known - median)))
        return cls(median, spread * _DEVIATIONS_PER_MAD) if spread else None

    def of(self, value: float) -> float:
        """Return the distance of a value from the middle, in deviations."""
        return rounded((value - self.median) / self.deviation, _DECIMALS)


def with_rate_places(segments: Iterable[Segment]) -> list[Segment]:
    """Return the segments of one language, each with ``chars_per_sec_z``.

    NaN without text, with fewer than 20 segments of text in the language, and where
    half of them are equally fast. The order of the segments does not matter.
    """
    segments = list(segments)
    places = Places.among([segment.chars_per_sec for segment in segments])
    return [
        replace(segment, chars_per_sec_z=place_of(segment.chars_per_sec, places))
        for segment in segments
    ]


def place_of(value: float, places: Places | None) -> float:
    """Return the place of a value, NaN where places are not known."""
    return math.nan if places is None else places.of(value)
