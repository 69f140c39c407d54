"""Short pieces of long clips, cut in pauses between words.

A network that has only heard short clips writes nothing for long ones, and one that is
new learns sooner from short ones. Source: Lugosch et al. 2021, "Pseudo-Labeling for
Massively Multilingual Speech Recognition", who begin with crops of 10 s.
"""

import io
import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile

from models.data import Clip
from schemas.units import SAMPLE_RATE_HZ, sec_from_samples

MakeBatch = Callable[[list[Clip], np.random.Generator], Any]

_LEAST_SHARE = 0.5


@dataclass(frozen=True)
class MakeOfCrops:
    """Makes a batch of crops; picklable if what it hands them to is."""

    make: MakeBatch
    longest_sec: float

    def __call__(self, clips: list[Clip], rng: np.random.Generator) -> Any:
        """Crop each clip to a length of its own, from half of the longest up."""
        crops = []
        for clip in clips:
            share = rng.uniform(_LEAST_SHARE, 1.0)
            crops.append(cropped(clip, self.longest_sec * share, rng))
        return self.make(crops, rng)


def cropped(clip: Clip, longest_sec: float, rng: np.random.Generator) -> Clip:
    """Return some words in a row of a clip, with their sound.

    Cuts are in the middle between two words whose times are known, so that nothing is
    cut through; at least one word stays, however long it is.

    Args:
      clip: with words in its row; others, shorter ones and those with speech that the
        words do not have (numbers) come back as they are.
      longest_sec: if the words allow it.
      rng: decides where it begins.
    """
    words = clip.row.get("words") or []
    if clip.duration_sec <= longest_sec or not words or clip.row["star_sec"] > 0:
        return clip
    cuts = _cuts_sec(clip)
    places = [k for k, cut_sec in enumerate(cuts) if not math.isnan(cut_sec)]
    first, last = _piece(cuts, places, longest_sec, rng)
    start, end = (round(cuts[k] * SAMPLE_RATE_HZ) for k in (first, last))
    crop = with_samples(clip, clip.samples[start:end])
    kept = words[first:last]
    begin, end = kept[0]["char_start"], kept[-1]["char_end"]
    row = {
        **clip.row,
        "words": [_moved(word, begin) for word in kept],
        # Not its words joined: not all are written with a space between them.
        "text": clip.text[begin:end],
        "romanised": " ".join(clip.row["romanised"].split(" ")[first:last]),
        "start_sec": clip.row["start_sec"] + cuts[first],
        "duration_sec": crop.duration_sec,
    }
    return replace(crop, text=row["text"], row=row)


def _moved(word: dict[str, Any], characters: int) -> dict[str, Any]:
    """Return a word of a text whose first characters are gone."""
    places = ("char_start", "char_end")
    return {**word, **{name: word[name] - characters for name in places}}


def with_samples(clip: Clip, samples: npt.NDArray[np.float32]) -> Clip:
    """Return a clip with other sound (N,); louder than full scale it becomes softer."""
    peak = float(np.abs(samples).max(initial=0.0))
    buffer = io.BytesIO()
    soundfile.write(
        buffer,
        samples / max(peak, 1.0),
        SAMPLE_RATE_HZ,
        format="FLAC",
        subtype="PCM_16",
    )
    duration_sec = sec_from_samples(len(samples))
    return replace(clip, flac=buffer.getvalue(), duration_sec=duration_sec)


def _cuts_sec(clip: Clip) -> list[float]:
    """Return where one may cut before each word and behind the last, from the start.

    NaN where the times beside a gap are not known.
    """
    origin_sec, words = clip.row["start_sec"], clip.row["words"]
    cuts = [0.0]
    for before, after in itertools.pairwise(words):
        end_sec, start_sec = before["end_sec"], after["start_sec"]
        known = end_sec is not None and start_sec is not None
        middle_sec = (end_sec + start_sec) / 2 - origin_sec if known else math.nan
        cuts.append(min(max(middle_sec, cuts[0]), clip.duration_sec))
    return [*cuts, clip.duration_sec]


def _piece(
    cuts: list[float], places: list[int], longest_sec: float, rng: np.random.Generator
) -> tuple[int, int]:
    """Return the cuts at both ends of a piece."""
    # Begin where the rest fills a piece, or at the first place where it does not: the
    # piece from there reaches the end.
    fills = sum(cuts[-1] - cuts[k] >= longest_sec for k in places[:-1])
    first = int(rng.choice(places[: min(fills + 1, len(places) - 1)]))
    behind = [k for k in places if k > first]
    fitting = [k for k in behind if cuts[k] - cuts[first] <= longest_sec]
    return first, fitting[-1] if fitting else behind[0]
