"""How many letters of a transcript are wrong, learnt where the truth is known.

A model's own doubt orders transcripts well and is off by a factor that depends on the
model, the language and the voice. Clips whose text is known show it (``cer_line``), and
leaving some of them out shows how far off the line is for what it has not seen.
"""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from aligner.cer_line import (
    KnownClip,
    Line,
    Reader,
    Real,
    log_odds_of,
    log_odds_of_doubt,
    share_of,
)
from schemas.keys import digest_of

_FOLDS = 5
_HIGH = 0.9
LEAST_CLIPS = 20
"""Of fewer in a whole corpus nothing is learnt."""


@dataclass(frozen=True)
class ExpectedCer:
    """What one transcript has to be taken for."""

    mean: float
    high: float
    """Nine of ten transcripts have fewer errors; NaN where that is not known."""


@dataclass(frozen=True, kw_only=True)
class CerModel:
    """Log-odds of a wrong letter: offset + slope times log-odds of the doubt.

    ``reach_*`` are what nine of ten clips stay below, in log-odds above the line, when
    nothing was known of their recording, reader or language.
    """

    offset: float
    slope: float
    of_language: Mapping[str, float]
    of_reader: Mapping[Reader, float]
    reach_recording: float
    reach_reader: float
    reach_language: float

    def expected(self, sampled_cer: float, language: str, reader: str) -> ExpectedCer:
        """Return the error rate to be expected of a transcript that is not empty.

        Where reader or language were not among the known clips, their offset is 0 and
        the upper end lies as much higher as it had to for readers or languages that
        were left out.
        """
        place = (language, reader)
        odds = (
            self.offset
            + self.slope * float(log_odds_of_doubt(np.array([sampled_cer]))[0])
            + self.of_language.get(language, 0.0)
            + self.of_reader.get(place, 0.0)
        )
        reach = self.reach_recording
        if place not in self.of_reader:
            reach = np.maximum(reach, self.reach_reader)  # NaN stays NaN
        if language not in self.of_language:
            reach = np.maximum(reach, self.reach_language)
        return ExpectedCer(share_of(odds), share_of(odds + reach))


@dataclass(frozen=True)
class Foretold:
    """What was foretold of clips that nothing was learnt from, and what was true."""

    clips: tuple[KnownClip, ...]
    expected: Real
    """(n,)"""
    true: Real


def fit_cer(clips: Sequence[KnownClip]) -> tuple[CerModel, Foretold]:
    """Learn from known clips; foretell each from the other recordings.

    Args:
      clips: ``LEAST_CLIPS`` or more that are not noised, in any order.

    Returns:
      The model, and what models without the recording of a clip foretold of it.
    """
    clips = sorted(clips, key=_order)
    line = Line.fit(clips)
    by_recording, told = _reach(clips, _parts([c.recording_id for c in clips]))
    readers = [f"{clip.language}/{clip.reader}" for clip in clips]
    by_reader, _ = _reach(clips, _parts(readers))
    by_language, _ = _reach(clips, _parts([clip.language for clip in clips]))
    model = CerModel(
        offset=line.offset,
        slope=line.slope,
        of_language=line.of_language,
        of_reader=line.of_reader,
        reach_recording=by_recording,
        reach_reader=by_reader,
        reach_language=by_language,
    )
    return model, told


def _reach(
    clips: Sequence[KnownClip], parts_N: npt.NDArray[np.int64]
) -> tuple[float, Foretold]:
    """Foretell each part of the clips from the others.

    Returns:
      What nine of ten clips stay below, above the line (NaN where there is one part
      only), and what was foretold.
    """
    above: list[float] = []
    told: list[KnownClip] = []
    shares: list[float] = []
    for part in np.unique(parts_N):
        rest = [clip for clip, own in zip(clips, parts_N, strict=True) if own != part]
        if not rest:
            continue
        own = [
            clip
            for clip, number in zip(clips, parts_N, strict=True)
            if number == part and not clip.is_noised
        ]
        odds = Line.fit(rest).log_odds(own)
        true = [
            log_odds_of((min(clip.errors, clip.letters) + 0.5) / (clip.letters + 1))
            for clip in own
        ]
        above += (np.array(true) - odds).tolist()
        told += own
        shares += [share_of(value) for value in odds]
    foretold = Foretold(
        tuple(told),
        np.array(shares),
        np.array([clip.errors / clip.letters for clip in told]),
    )
    return float(np.quantile(above, _HIGH)) if above else math.nan, foretold


def _parts(names: Collection[str]) -> npt.NDArray[np.int64]:
    """Return for each name the part that it falls into: whole names, evenly."""
    ordered = sorted(set(names), key=digest_of)
    place = {name: number % _FOLDS for number, name in enumerate(ordered)}
    return np.array([place[name] for name in names], np.int64)


def _order(clip: KnownClip) -> tuple:
    return tuple(vars(clip).values())


def mean_absolute_error(told: Foretold) -> float:
    """Return how far off what was foretold is, in the mean; NaN of nothing."""
    return float(np.abs(told.expected - told.true).mean()) if told.clips else math.nan


def bias(told: Foretold) -> float:
    """Return how much too high all errors together were foretold, by letters."""
    letters = np.array([clip.letters for clip in told.clips], np.float64)
    if not letters.size:
        return math.nan
    return float(((told.expected - told.true) * letters).sum() / letters.sum())


def of_languages(told: Foretold, languages: Iterable[str]) -> dict[str, Foretold]:
    """Return what was foretold of each language."""
    codes = np.array([clip.language for clip in told.clips], np.str_)
    parts = {}
    for language in languages:
        mask = codes == language
        own = tuple(c for c in told.clips if c.language == language)
        parts[language] = Foretold(own, told.expected[mask], told.true[mask])
    return parts
