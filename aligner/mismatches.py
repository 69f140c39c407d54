"""Written patterns that recur and fit badly: faults of spelling, not of a reader.

A reader's slip makes one word unlikely. A letter that is romanised otherwise than it is
spoken makes every word unlikely that has it, in every recording. Words are ranked by
their confidence within their recording, so that a poor recording or reader does not
count, and the words with a pattern are held against those without. Of patterns that
hold the same words the one is reported that explains most, and its words are set aside
before the next one is looked for: for a letter, not for every word with it.
"""

import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy import sparse, stats

from schemas.errors import ConfigError

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

_LONGEST_NGRAM = 3
# A letter is judged by the words that have it: fewer may all be names.
_LEAST_TYPES = 4
# So many words of a recording tell whether the pattern is low there; fewer do only
# where no recording has more.
_LEAST_IN_RECORDING = 3
_LEAST_SHARE_OF_RECORDINGS = 0.75


@dataclass(frozen=True, kw_only=True)
class MiningConfig:
    """What is worth reporting."""

    false_discovery_rate: float = 0.01
    """Of the patterns of a language that are reported (Benjamini and Hochberg 1995)."""
    min_effect: float = 0.75
    """How probably a word with the pattern must be less sure than one without."""
    min_count: int = 20
    """Words that must have the pattern."""

    def __post_init__(self) -> None:
        rate, effect = self.false_discovery_rate, self.min_effect
        if not 0 < rate < 1:
            raise ConfigError(f"false discovery rate: expected 0 to 1, got {rate}")
        if not 0.5 <= effect < 1:
            raise ConfigError(f"least effect: expected 0.5 to 1, got {effect}")
        if self.min_count < 2:
            raise ConfigError(f"least count: expected 2 or more, got {self.min_count}")


@dataclass(frozen=True)
class Pattern:
    """Letters in words (``is_word`` false) or one whole word, in lower case."""

    text: str
    is_word: bool


@dataclass(frozen=True, eq=False)
class HeardWords:
    """The words of one language that have a confidence; W of them.

    ``spellings`` are the distinct written words, in lower case and NFC.
    """

    spellings: tuple[str, ...]
    spelling_W: IntArray
    recording_W: IntArray
    confidence_W: FloatArray

    @cached_property
    def rank_W(self) -> FloatArray:
        """Rank of each word's confidence in its recording, 0 to 1, equal ones alike."""
        rank = np.empty(len(self.confidence_W))
        order = np.argsort(self.recording_W, kind="stable")
        edges = np.flatnonzero(np.diff(self.recording_W[order])) + 1
        for own in np.split(order, edges):
            if len(own):
                rank[own] = (stats.rankdata(self.confidence_W[own]) - 0.5) / len(own)
        return rank


@dataclass(frozen=True, kw_only=True, eq=False)
class Mismatch:
    """A pattern whose words are less sure than the others of their recordings.

    Words that have a pattern of an earlier mismatch are in none of the figures.
    """

    pattern: Pattern
    count: int
    """Words with the pattern."""
    spellings: int
    """Distinct words among them."""
    effect: float
    """Probability that a word with it is less sure than one of its recording without:
    0.5 is chance (the area under the curve)."""
    p_value: float
    """That the effect is no more than ``min_effect``; corrected for the number of
    patterns of the language."""
    confidence: float
    """Mean over the words with it."""
    confidence_without: float
    """Mean over the others."""
    words: IntArray
    """Which words have it, the least sure first."""
    recordings: int
    """Those in which three or more words have it (fewer if it is so rare)."""
    low_recordings: int
    """Those of them in which the pattern is below the middle."""


def written_form(word: str) -> str:
    """Return a word as patterns are looked for in it: NFC, lower case."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", word).lower())


def find_mismatches(
    words: HeardWords, config: MiningConfig = MiningConfig()
) -> Iterator[Mismatch]:
    """Yield the mismatches of a language, the one that explains most first.

    The test is one of rank sums (the effect is that of Mann and Whitney), one-sided
    and against ``min_effect`` instead of chance, because no model hears all letters
    equally well: with enough words every letter would differ from chance. Words of the
    same spelling are low together, so that a letter is judged by its spellings and not
    by its words (a cluster-robust error, t-distributed). Beside that, the pattern must
    be low in three quarters of the recordings, and in two if there are several.
    """
    patterns = _patterns(words.spellings, words.spelling_W, config.min_count)
    is_left = np.ones(len(words.spelling_W), np.bool_)
    while len(patterns.patterns) and is_left.any():
        found = _best(words, patterns, is_left, config)
        if found is None:
            return
        yield found
        is_left[found.words] = False


@dataclass(frozen=True, eq=False)
class _Patterns:
    patterns: tuple[Pattern, ...]
    has_PS: sparse.csr_matrix
    """1 where a spelling has the pattern."""
    is_word_P: npt.NDArray[np.bool_]


def _patterns(
    spellings: Sequence[str], spelling_W: IntArray, min_count: int
) -> _Patterns:
    """Return the patterns that enough words have."""
    counts_S = np.bincount(spelling_W, minlength=len(spellings))
    of_spelling = [_patterns_of(spelling) for spelling in spellings]
    total: Counter[Pattern] = Counter()
    for found, count in zip(of_spelling, counts_S.tolist(), strict=True):
        total.update(dict.fromkeys(found, count))
    kept = sorted(
        (pattern for pattern, count in total.items() if count >= min_count),
        key=lambda pattern: (pattern.is_word, len(pattern.text), pattern.text),
    )
    place = {pattern: k for k, pattern in enumerate(kept)}
    pairs = [
        (place[pattern], k)
        for k, found in enumerate(of_spelling)
        for pattern in found
        if pattern in place
    ]
    rows, columns = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    shape = len(kept), len(spellings)
    has_PS = sparse.csr_matrix((np.ones(len(pairs)), (rows, columns)), shape=shape)
    return _Patterns(
        tuple(kept), has_PS, np.array([pattern.is_word for pattern in kept], np.bool_)
    )


def _patterns_of(spelling: str) -> set[Pattern]:
    found = {
        Pattern(spelling[k : k + length], is_word=False)
        for length in range(1, _LONGEST_NGRAM + 1)
        for k in range(len(spelling) - length + 1)
    }
    return {*found, Pattern(spelling, is_word=True)}


def _best(
    words: HeardWords,
    patterns: _Patterns,
    is_left: npt.NDArray[np.bool_],
    config: MiningConfig,
) -> Mismatch | None:
    """Return the mismatch that explains most of the words that are left."""
    tested = _tested(words, patterns, is_left, config)
    if tested is None:
        return None
    places, effect_P, p_P, weight_P = tested
    sure = (p_P <= config.false_discovery_rate) & (effect_P > config.min_effect)
    for k in np.lexsort((places, -weight_P)).tolist():
        if sure[k]:
            found = _described(
                words, patterns, int(places[k]), is_left, (effect_P[k], p_P[k])
            )
            several = min(2, len(np.unique(words.recording_W)))
            share = _LEAST_SHARE_OF_RECORDINGS * found.recordings
            if found.low_recordings >= max(several, share):
                return found
    return None


def _tested(
    words: HeardWords,
    patterns: _Patterns,
    is_left: npt.NDArray[np.bool_],
    config: MiningConfig,
) -> tuple[IntArray, FloatArray, FloatArray, FloatArray] | None:
    """Return the patterns that can be tested: place, effect, corrected p, weight.

    The weight is the share of the ranks' variance that a pattern explains.
    """
    spelling, rank = words.spelling_W[is_left], words.rank_W[is_left]
    size = len(words.spellings)
    count_S = np.bincount(spelling, minlength=size).astype(np.float64)
    sum_S = np.bincount(spelling, rank, minlength=size)
    square_S = np.bincount(spelling, rank * rank, minlength=size)
    used_S = (count_S > 0).astype(np.float64)
    parts = (count_S, sum_S, square_S, used_S, sum_S**2, sum_S * count_S, count_S**2)
    columns = np.stack(parts, axis=1)
    inside = patterns.has_PS @ columns
    outside = columns.sum(axis=0) - inside
    # A letter that some words have is judged by spellings, a word by itself.
    enough = (inside[:, 0] >= config.min_count) & (outside[:, 0] >= config.min_count)
    enough &= patterns.is_word_P | (inside[:, 3] >= _LEAST_TYPES)
    places = np.flatnonzero(enough)
    if not len(places):
        return None
    inside, outside = inside[places], outside[places]
    is_word = patterns.is_word_P[places]
    with_P = inside[:, 1] / inside[:, 0]
    without_P = outside[:, 1] / outside[:, 0]
    lower_P = without_P - with_P
    error_P = np.sqrt(
        np.where(is_word, _variance(inside, with_P), _by_spelling(inside, with_P))
        + _by_spelling(outside, without_P)
    )
    freedom_P = np.where(is_word, inside[:, 0], inside[:, 3]) - 1
    least = config.min_effect - 0.5
    surplus_P = (lower_P - least) / np.maximum(error_P, 1e-12)
    p_P = stats.false_discovery_control(stats.t.sf(surplus_P, freedom_P))
    weight_P = lower_P**2 * inside[:, 0] * outside[:, 0] * np.sign(lower_P)
    return places, lower_P + 0.5, p_P, weight_P


def _variance(sums: FloatArray, mean: FloatArray) -> FloatArray:
    """Return the variance of a mean of words that are each for themselves."""
    count = sums[:, 0]
    return (sums[:, 2] - count * mean**2) / (count * np.maximum(count - 1, 1))


def _by_spelling(sums: FloatArray, mean: FloatArray) -> FloatArray:
    """Return the variance of a mean of words that go with those of their spelling."""
    count, spellings = sums[:, 0], sums[:, 3]
    squares = sums[:, 4] - 2 * mean * sums[:, 5] + mean**2 * sums[:, 6]
    return squares / count**2 * spellings / np.maximum(spellings - 1, 1)


def _described(
    words: HeardWords,
    patterns: _Patterns,
    place: int,
    is_left: npt.NDArray[np.bool_],
    measured: tuple[float, float],
) -> Mismatch:
    row = patterns.has_PS[[place]].indices
    has_S = np.zeros(len(words.spellings), np.bool_)
    has_S[row] = True
    has_W = has_S[words.spelling_W] & is_left
    own = np.flatnonzero(has_W)
    order = np.argsort(words.confidence_W[own], kind="stable")
    recording = words.recording_W
    count_R = np.bincount(recording[own])
    mean_R = np.bincount(recording[own], words.rank_W[own]) / np.maximum(count_R, 1)
    told_R = count_R >= min(_LEAST_IN_RECORDING, count_R.max())
    return Mismatch(
        pattern=patterns.patterns[place],
        count=len(own),
        spellings=len(np.unique(words.spelling_W[own])),
        effect=float(measured[0]),
        p_value=float(measured[1]),
        confidence=float(words.confidence_W[own].mean()),
        confidence_without=float(words.confidence_W[is_left & ~has_W].mean()),
        words=own[order],
        recordings=int(told_R.sum()),
        low_recordings=int((told_R & (mean_R < 0.5)).sum()),
    )
