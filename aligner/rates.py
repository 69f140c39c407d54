"""How fast a segment was read, against the other segments of its language."""

import math
from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from schemas.segment import Segment
from schemas.units import rounded

# A spread of fewer says little of a language.
LEAST_SEGMENTS = 20
# The median absolute deviation of a normal distribution is 0.6745 of its standard one.
_DEVIATIONS_PER_MAD = 1 / 0.6745
_DECIMALS = 3


def with_rate_places(segments: Iterable[Segment]) -> list[Segment]:
    """Return the segments of one language, each with ``chars_per_sec_z``.

    It is the distance of ``chars_per_sec`` from the language's median in robust
    standard deviations (from the median absolute deviation, which half of the segments
    may be wrong without moving). NaN without text, with fewer than 20 segments of text
    in the language, and where half of them are equally fast. The order of the segments
    does not matter.
    """
    segments = list(segments)
    rates = np.array([segment.chars_per_sec for segment in segments], dtype=np.float64)
    known = rates[~np.isnan(rates)]
    if len(known) < LEAST_SEGMENTS:
        return [replace(segment, chars_per_sec_z=math.nan) for segment in segments]
    median = float(np.median(known))
    deviation = float(np.median(np.abs(known - median))) * _DEVIATIONS_PER_MAD
    if deviation == 0.0:
        return [replace(segment, chars_per_sec_z=math.nan) for segment in segments]
    places = (rates - median) / deviation
    return [
        replace(segment, chars_per_sec_z=rounded(float(place), _DECIMALS))
        for segment, place in zip(segments, places, strict=True)
    ]
