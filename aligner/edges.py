"""Where a clip may begin and end: in the quiet between two words.

All times here are whole samples, so that nothing is rounded twice. Levels are looked up
at the borders of the 10 ms stretches in which ``ChapterAlignment.level_db`` is given: a
border is as loud as the louder of its two sides.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

# Two levels this close cannot be told apart in 10 ms of noise.
SAME_LEVEL_DB = 3.0
# Digital silence has no level; this is below 16 bit's smallest step (-96 dB).
FLOOR_DB = -120.0
# Only a tenth of a clip is louder than this: its vowels.
_LOUD_PERCENTILE = 90


@dataclass(frozen=True)
class LevelTrack:
    """The level of a recording at regular borders.

    ``level_db`` (M,) is the level of each stretch; ``border_db`` (M + 1,) that of the
    borders, where border number i lies at sample ``i * hop_samples``.
    """

    level_db: npt.NDArray[np.float32]
    border_db: npt.NDArray[np.float32]
    hop_samples: int

    @classmethod
    def of(cls, level_db: npt.NDArray[np.float32], hop_samples: int) -> "LevelTrack":
        """Build a track from the level (M,) of stretches of ``hop_samples`` each."""
        level_M = np.maximum(np.nan_to_num(level_db, nan=FLOOR_DB), FLOOR_DB)
        outside = np.array([FLOOR_DB], dtype=np.float32)
        border_db = np.maximum(np.append(level_M, outside), np.append(outside, level_M))
        return cls(level_M, border_db, hop_samples)

    def between(self, start: int, end: int) -> npt.NDArray[np.float32]:
        """Return the levels of all stretches that [start, end) touches, one or more."""
        first = min(start // self.hop_samples, len(self.level_db) - 1)
        last = max(first + 1, -(-end // self.hop_samples))
        return self.level_db[max(first, 0) : last]

    def mean_db(self, start: int, end: int) -> float:
        """Return the mean level (of the power) of [start, end)."""
        levels = self.between(start, end).astype(np.float64)
        if not len(levels):
            return FLOOR_DB
        return float(10 * np.log10(np.mean(10 ** (levels / 10))))

    def at(self, sample: int) -> float:
        """Return the level at the border nearest to a sample."""
        border = round(sample / self.hop_samples)
        return float(self.border_db[min(max(border, 0), len(self.border_db) - 1)])

    def edge_levels(self, start: int, end: int) -> tuple[float, float]:
        """Return the levels at both edges of a clip relative to its loud level."""
        loud_db = float(np.percentile(self.between(start, end), _LOUD_PERCENTILE))
        return self.at(start) - loud_db, self.at(end) - loud_db

    def quietest(self, low: int, high: int, preferred: int) -> int:
        """Return the quietest border in [low, high], or ``preferred`` if there is none.

        Of borders that are as quiet (within SAME_LEVEL_DB) it is the one nearest to
        ``preferred``, the earlier of two.
        """
        first = -(-low // self.hop_samples)
        last = min(high // self.hop_samples, len(self.border_db) - 1)
        if last < first:
            return preferred
        levels = self.border_db[first : last + 1]
        quiet = np.flatnonzero(levels <= levels.min() + SAME_LEVEL_DB)
        samples = (first + quiet) * self.hop_samples
        return int(samples[np.argmin(np.abs(samples - preferred))])


@dataclass(frozen=True)
class Opening:
    """What lies between two neighbouring runs of words, in samples.

    ``end`` is where a clip of the left run ends, ``start`` where one of the right run
    begins; ``last_end`` and ``first_start`` are the farthest that the two may be moved
    to reach a minimum length. The beginning and the end of a recording are openings of
    which only one side is used.
    """

    end: int
    last_end: int
    start: int
    first_start: int


@dataclass(frozen=True)
class EdgeRule:
    """How far from its words a clip is cut, in samples."""

    pad: int
    widening: int


def between_words(
    before: int, after: int, track: LevelTrack, rule: EdgeRule
) -> Opening:
    """Choose the edges between a word that ends and the next one that starts.

    An edge lies in the quiet, at best a pad away from its word. Between half a pad and
    two pads away the quietest place is taken: a sound that is still dying away, or a
    word whose end was put too early, pushes the edge outwards. Where there is no room
    for two pads both clips meet at the quietest place.

    Args:
      before: end of the last word on the left, samples.
      after: start of the first word on the right, samples.
      track: the levels of the recording.
      rule: how far to stay away from the words.
    """
    middle = (before + after) // 2
    if after - before < 2 * rule.pad:
        # Words that overlap by a frame's rounding share their border.
        meeting = middle
        if after > before:
            meeting = track.quietest(before, after, middle)
        return Opening(meeting, meeting, meeting, meeting)
    left = after_last_word(before, middle, track, rule)
    right = before_first_word(after, middle, track, rule)
    return Opening(left.end, left.last_end, right.start, right.first_start)


def after_last_word(
    word_end: int, limit: int, track: LevelTrack, rule: EdgeRule
) -> Opening:
    """Choose the edge after a word behind which all is free up to ``limit``."""
    low = min(word_end + rule.pad // 2, limit)
    high = min(word_end + 2 * rule.pad, limit)
    end = track.quietest(low, high, min(word_end + rule.pad, limit))
    return Opening(end, max(end, min(limit, word_end + rule.widening)), limit, limit)


def before_first_word(
    word_start: int, limit: int, track: LevelTrack, rule: EdgeRule
) -> Opening:
    """Choose the edge before a word ahead of which all is free down to ``limit``."""
    low = max(word_start - 2 * rule.pad, limit)
    high = max(word_start - rule.pad // 2, limit)
    start = track.quietest(low, high, max(word_start - rule.pad, limit))
    farthest = min(start, max(limit, word_start - rule.widening))
    return Opening(limit, limit, start, farthest)


def after_star(
    opening: Opening, word_start: int, track: LevelTrack, rule: EdgeRule
) -> Opening:
    """Return an opening in which a star lies that belongs to no verse.

    A star costs nothing, so it takes the pause before the next word as well: its end
    says nothing about where the foreign speech ended. Only the level does. Nothing is
    widened into a star.
    """
    low = max(word_start - 2 * rule.pad, opening.end)
    preferred = max(word_start - rule.pad, opening.end)
    start = track.quietest(low, max(word_start, low), preferred)
    return Opening(opening.end, opening.end, start, start)
