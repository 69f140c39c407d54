"""Which of two alignments of a language is the better one, by its own wrong texts.

A model's score of its own alignment says nothing: a surer model scores everything
higher. What counts is how far a verse's own text stands out from the texts of other
verses of like length on the same sound, in standard deviations of those wrong texts:
a scale that hardly changes when a model becomes surer of all it says. Only verses that
no model of the comparison was trained on are heard, each where its round found it.

Shapes: V verses, K wrong texts of each, T frames, C labels.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from aligner.config import AlignConfig
from aligner.emissions import AcousticModel, compute_emissions
from aligner.text_margin import spelling_loss
from aligner.verse_clips import needed_frames
from schemas.alignment import ChapterAlignment, VerseAlignment
from schemas.keys import digest_of
from schemas.units import samples_from_sec

WRONG_TEXTS = 6
MOST_VERSES = 120
"""Compared in each language: its error is then well below what matters."""
SHIFTED_SEC = 0.2
_EDGE_SEC = 0.1
_SURE = 2.0
"""Standard errors by which the newer round must be ahead to be kept."""

Losses = npt.NDArray[np.float64]
Waveform = npt.NDArray[np.float32]


@dataclass(frozen=True)
class LanguageComparison:
    """Old and new of one language; shares are of seconds and of words."""

    language: str
    verses: int
    old_separation: float
    new_separation: float
    gain: float
    gain_error: float
    """Standard error of the gain."""
    old_kept_share: float
    new_kept_share: float
    shifted_share: float
    keep: int
    """The round that is kept, 1 or 2."""


@dataclass(frozen=True)
class Heard:
    """Losses a letter of own (V,) and wrong (V, K) texts; NaN for what cannot be."""

    own_V: Losses
    wrong_VK: Losses

    @property
    def separations_V(self) -> Losses:
        """How far own texts stand out, 0 where nothing was heard."""
        heard_VK = ~np.isnan(self.wrong_VK)
        counts_V = np.maximum(heard_VK.sum(1), 1)
        wrong_VK = np.where(heard_VK, self.wrong_VK, 0.0)
        mean_V = wrong_VK.sum(1) / counts_V
        squares = np.where(heard_VK, self.wrong_VK - mean_V[:, None], 0.0) ** 2
        spread = math.sqrt(squares.sum() / max(1, heard_VK.sum()))
        ahead_V = np.where(heard_VK.any(1), mean_V - self.own_V, 0.0)
        return np.nan_to_num(ahead_V / max(spread, 1e-9), nan=0.0)


def verses_to_hear(
    alignment: ChapterAlignment,
    learned_sec: Sequence[tuple[float, float]],
) -> list[int]:
    """Return the verses that can be compared, by their place in the chapter.

    Left out are those without an interval or with a star, and those that overlap a clip
    on which a model was trained.

    Args:
      alignment: of the first round.
      learned_sec: start and end of every such clip of the recording.
    """
    return [
        place
        for place, verse in enumerate(alignment.verses)
        if _letters(verse)
        and not verse.stars
        and verse.start_sec < verse.end_sec
        and not any(
            start < verse.end_sec and verse.start_sec < end
            for start, end in learned_sec
        )
    ]


def spread_verses(
    places: Sequence[tuple[str, int]], most: int = MOST_VERSES
) -> list[tuple[str, int]]:
    """Return some (recording, place) of all, the same on every machine."""
    return sorted(sorted(places, key=lambda place: digest_of(*place))[:most])


def wrong_texts(alignment: ChapterAlignment, place: int) -> list[int]:
    """Return the verses of the chapter nearest to one in length, but of other text."""
    own = _letters(alignment.verses[place])
    others = [
        other
        for other, verse in enumerate(alignment.verses)
        if _letters(verse) and _letters(verse) != own
    ]

    def distance(other: int) -> tuple[int, int]:
        text = _letters(alignment.verses[other])
        return abs(len(text) - len(own)), abs(other - place)

    return sorted(others, key=distance)[:WRONG_TEXTS]


def hear(
    waveform_N: Waveform,
    alignment: ChapterAlignment,
    place: int,
    others: Sequence[int],
    model: AcousticModel,
) -> tuple[float, Losses]:
    """Return the losses a letter of a verse's own text and of others on its sound.

    Args:
      waveform_N: the recording, mono at 16 kHz.
      alignment: by the model; its times say where the verse is.
      place: of the verse.
      others: places of the verses whose text is wrong here.
      model: that is asked.

    Returns:
      NaN where the sound is too short for a text, or the verse has no sound; (K,) with
      NaN for missing ones.
    """
    wrong = np.full(WRONG_TEXTS, np.nan)
    verse = alignment.verses[place]
    if not verse.start_sec < verse.end_sec:
        return math.nan, wrong
    start = samples_from_sec(max(0.0, verse.start_sec - _EDGE_SEC))
    end = samples_from_sec(verse.end_sec + _EDGE_SEC)
    emissions = compute_emissions(waveform_N[start:end], model, AlignConfig())
    for k, other in enumerate(others):
        wrong[k] = _loss(emissions, alignment.verses[other], model)
    return _loss(emissions, verse, model), wrong


def keeps_new(old: Heard, new: Heard, least_verses: int) -> tuple[float, float, bool]:
    """Return the gain of the newer round, its standard error, and whether it is sure.

    The same verses and wrong texts are compared pair by pair; below ``least_verses`` of
    them nothing is known, and at least two are needed for an error.
    """
    gains = new.separations_V - old.separations_V
    if len(gains) < max(2, least_verses):
        return math.nan, math.nan, False
    gain, error = gains.mean(), gains.std(ddof=1) / math.sqrt(len(gains))
    return float(gain), float(error), bool(gain > _SURE * error)


def shifted_words(old: ChapterAlignment, new: ChapterAlignment) -> tuple[int, int]:
    """Return how many words begin elsewhere in the newer round, and how many of."""
    shifted = words = 0
    for before, after in zip(old.verses, new.verses, strict=True):
        starts = {word.char_start: word.start_sec for word in after.words}
        for word in before.words:
            if math.isnan(word.start_sec):
                continue
            words += 1
            moved_sec = abs(starts.get(word.char_start, math.nan) - word.start_sec)
            shifted += not moved_sec <= SHIFTED_SEC
    return shifted, words


def kept_sec(alignment: ChapterAlignment, threshold: float) -> tuple[float, float]:
    """Return the seconds of verses at or above a score, and of all verses."""
    kept = total = 0.0
    for verse in alignment.verses:
        if verse.start_sec < verse.end_sec:
            total += verse.end_sec - verse.start_sec
            if verse.score >= threshold:
                kept += verse.end_sec - verse.start_sec
    return kept, total


def _letters(verse: VerseAlignment) -> str:
    return verse.romanised.replace(" ", "")


def _loss(
    emissions_TC: npt.NDArray[np.float32], verse: VerseAlignment, model: AcousticModel
) -> float:
    """Return the CTC loss a letter; letters that the model lacks are passed over."""
    columns = {label: column for column, label in enumerate(model.labels) if label}
    tokens = np.array(
        [columns[letter] for letter in _letters(verse) if letter in columns], np.int32
    )
    if not 0 < needed_frames(tokens) <= len(emissions_TC):
        return math.nan
    return spelling_loss(emissions_TC, tokens, model.blank) / len(tokens)
