"""How many letters of a transcript are wrong, learnt where the truth is known.

A model's own doubt (``certainty.sampled_cer``) orders transcripts well and is off by a
factor that depends on the model, the language and the voice. Clips whose text is known
show it: the log-odds of a wrong letter are a straight line over the log-odds of the
doubt, with an offset for each language and each reader. Slope and offsets are drawn
towards what the whole corpus says, the more the less is known of them (a binomial
regression of all errors by letters, penalised and allowed to scatter more than chance
alone does).
"""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from schemas.keys import digest_of

Real = npt.NDArray[np.float64]
Reader = tuple[str, str]
"""Language and name."""

# How far languages and readers lie from the whole, in log-odds, before anything is
# known of them; what the slope is then, and how surely.
_LANGUAGE_SCATTER, _READER_SCATTER, _NOISE_SCATTER = 0.5, 0.3, 0.1
_SLOPE, _SLOPE_SCATTER = 0.7, 0.5
_LEAST_DOUBT, _MOST_DOUBT = 0.002, 0.98
_FOLDS = 5
_HIGH = 0.9
LEAST_CLIPS = 20
"""Of fewer in a whole corpus nothing is learnt."""


@dataclass(frozen=True, kw_only=True)
class KnownClip:
    """A transcript of a clip whose text is known."""

    language: str
    reader: str
    recording_id: str
    sampled_cer: float
    errors: int
    letters: int
    """Of the text, one or more."""
    is_noised: bool = False
    """A copy in noise: it teaches the slope and is no example of the corpus."""


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
            + self.slope * float(_log_odds_of_doubt(np.array([sampled_cer]))[0])
            + self.of_language.get(language, 0.0)
            + self.of_reader.get(place, 0.0)
        )
        reach = self.reach_recording
        if place not in self.of_reader:
            reach = max(reach, self.reach_reader)
        if language not in self.of_language:
            reach = max(reach, self.reach_language)
        return ExpectedCer(_share(odds), _share(odds + reach))


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
    line = _Line.fit(clips)
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


@dataclass(frozen=True)
class _Line:
    """The line and the offsets, as fitted."""

    offset: float
    slope: float
    of_language: dict[str, float]
    of_reader: dict[Reader, float]

    @classmethod
    def fit(cls, clips: Sequence[KnownClip]) -> "_Line":
        """Maximise the penalised likelihood; a falling line is made a level one."""
        languages = sorted({clip.language for clip in clips})
        readers = sorted({(clip.language, clip.reader) for clip in clips})
        doubts = _log_odds_of_doubt(np.array([clip.sampled_cer for clip in clips]))
        design_NK = np.zeros((len(clips), 3 + len(languages) + len(readers)))
        design_NK[:, 0], design_NK[:, 1] = 1.0, doubts
        design_NK[:, 2] = [clip.is_noised for clip in clips]
        for row, clip in zip(design_NK, clips, strict=True):
            row[3 + languages.index(clip.language)] = 1.0
            reader = readers.index((clip.language, clip.reader))
            row[3 + len(languages) + reader] = 1.0
        scatter_K = np.array(
            [np.inf, _SLOPE_SCATTER, _NOISE_SCATTER]
            + [_LANGUAGE_SCATTER] * len(languages)
            + [_READER_SCATTER] * len(readers)
        )
        centre_K = np.zeros(len(scatter_K))
        centre_K[1] = _SLOPE
        found_K = _fitted(design_NK, clips, centre_K, scatter_K)
        if found_K[1] < 0:
            centre_K[1], scatter_K[1] = 0.0, 1e-6
            found_K = _fitted(design_NK, clips, centre_K, scatter_K)
        offsets = found_K[3:].tolist()
        return cls(
            float(found_K[0]),
            max(0.0, float(found_K[1])),
            dict(zip(languages, offsets[: len(languages)], strict=True)),
            dict(zip(readers, offsets[len(languages) :], strict=True)),
        )

    def log_odds(self, clips: Sequence[KnownClip]) -> Real:
        """Return the log-odds of a wrong letter for each clip (n,)."""
        doubts = _log_odds_of_doubt(np.array([clip.sampled_cer for clip in clips]))
        offsets = [
            self.of_language.get(clip.language, 0.0)
            + self.of_reader.get((clip.language, clip.reader), 0.0)
            for clip in clips
        ]
        return self.offset + self.slope * doubts + np.array(offsets)


def _fitted(
    design_NK: Real, clips: Sequence[KnownClip], centre_K: Real, scatter_K: Real
) -> Real:
    """Return the coefficients, by Newton's method.

    Errors of a clip come in bunches: the likelihood counts as much less as they scatter
    more than single letters would, which the first fit tells.
    """
    errors_N = np.array([clip.errors for clip in clips], np.float64)
    letters_N = np.maximum([clip.letters for clip in clips], errors_N)
    precision_K = 1 / scatter_K**2
    found_K = centre_K.copy()
    found_K[0] = _log_odds((errors_N.sum() + 0.5) / (letters_N.sum() + 1))
    found_K[0] -= centre_K[1] * float(design_NK[:, 1].mean())
    bunching = 1.0
    for _ in range(2):
        for _ in range(50):
            share_N = 1 / (1 + np.exp(-design_NK @ found_K))
            slope_K = design_NK.T @ (errors_N - letters_N * share_N) / bunching
            slope_K -= precision_K * (found_K - centre_K)
            weight_N = letters_N * share_N * (1 - share_N) / bunching
            curve_KK = (design_NK * weight_N[:, None]).T @ design_NK
            step_K = np.linalg.solve(curve_KK + np.diag(precision_K), slope_K)
            found_K += np.clip(step_K, -1.0, 1.0)
            if np.abs(step_K).max() < 1e-9:
                break
        share_N = 1 / (1 + np.exp(-design_NK @ found_K))
        spread_N = (errors_N - letters_N * share_N) ** 2
        bunching = max(
            1.0, float((spread_N / (letters_N * share_N * (1 - share_N))).mean())
        )
    return found_K


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
        odds = _Line.fit(rest).log_odds(own)
        true = [
            _log_odds((min(clip.errors, clip.letters) + 0.5) / (clip.letters + 1))
            for clip in own
        ]
        above += (np.array(true) - odds).tolist()
        told += own
        shares += [_share(value) for value in odds]
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


def _log_odds_of_doubt(doubts: Real) -> Real:
    clipped = np.clip(doubts, _LEAST_DOUBT, _MOST_DOUBT)
    return np.log(clipped / (1 - clipped))


def _log_odds(share: float) -> float:
    return math.log(share / (1 - share))


def _share(log_odds: float) -> float:
    return 1 / (1 + math.exp(-log_odds))


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
