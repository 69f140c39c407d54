"""N-gram language models from texts: interpolated modified Kneser-Ney smoothing.

K n-grams of one length, V words. An n-gram is known by its number among those of its
length; ``prefix_K`` and ``suffix_K`` are the numbers of what is left of it without its
last and without its first word.

Source: Chen and Goodman 1999, section 3; Heafield et al. 2013 for the counts at the
beginning of a sentence, pruning and the unknown word, so that probabilities are those
of KenLM's ``lmplz``.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from schemas.errors import ConfigError

UNKNOWN, START, END = SPECIAL_WORDS = ("<unk>", "<s>", "</s>")
_UNKNOWN, _START, _END = range(3)
_FALLBACK_DISCOUNTS = np.array([0.0, 0.5, 1.0, 1.5])
"""Of n-grams seen never, once, twice and more often, where the texts do not tell: they
are too short, or the words are letters, none of which is rare."""

Counts = npt.NDArray[np.int64]
Reals = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class NgramConfig:
    """How long the n-grams are, and which are left out.

    Raises:
      ConfigError: a number that cannot be.
    """

    order: int = 3
    prune: tuple[int, ...] = ()
    """N-grams of each length that occur no more often than this are left out; the last
    number holds for all longer ones. Empty: none is."""

    def __post_init__(self) -> None:
        if not 1 <= self.order <= 6:  # KenLM in flashlight-text reads no longer ones
            raise ConfigError(f"order: expected 1 to 6, got {self.order}")
        if any(low > high for low, high in pairwise((0, *self.prune))):
            raise ConfigError(
                f"prune: expected counts from 0 up that do not fall, got {self.prune}; "
                "an n-gram is kept only with its beginning and its end"
            )
        if self.prune and self.prune[0] != 0:
            raise ConfigError(
                f"prune: expected 0 for single words, got {self.prune[0]}; leave rare "
                "words out of the texts instead"
            )

    def threshold(self, length: int) -> int:
        """Return the count above which an n-gram of this length is kept."""
        return self.prune[min(length, len(self.prune)) - 1] if self.prune else 0


@dataclass(frozen=True)
class Ngrams:
    """What was counted of one length."""

    prefix_K: Counts
    suffix_K: Counts
    last_K: Counts
    """Number of the last word."""
    count_K: Counts
    starts_K: npt.NDArray[np.bool_]
    """The first word is the beginning of a sentence."""


@dataclass(frozen=True)
class Estimates:
    """The kept n-grams of one length, in the order of their words."""

    words_KN: Counts
    log10_probs_K: Reals
    log10_backoffs_K: Reals
    """Zeros for the longest n-grams."""


@dataclass(frozen=True)
class Estimated:
    """A language model as arrays."""

    words: tuple[str, ...]
    """Unknown, start and end first."""
    by_length: tuple[Estimates, ...]


def estimate_ngrams(
    sentences: Iterable[Sequence[str]], config: NgramConfig
) -> Estimated:
    """Estimate a language model; where no sentence is as long, its order is lower.

    Args:
      sentences: words, or letters, of each; empty ones do not count.
      config: order and pruning.

    Raises:
      ConfigError: there is no sentence, or a word is one that models reserve.
    """
    words, counted = count_ngrams(sentences, config.order)
    probs, backoffs, kept = [_unigram_probs(counted)], [], [np.ones(len(words), bool)]
    for length, ngrams in enumerate(counted[1:], 2):
        keep_K = ngrams.count_K > config.threshold(length)
        probs_K, backoff_J = _interpolated(counted, length, keep_K, probs[-1])
        probs.append(probs_K)
        backoffs.append(backoff_J)
        kept.append(keep_K)
    backoffs.append(np.ones(len(probs[-1])))
    words_KN = np.arange(len(words))[:, None]
    by_length: list[Estimates] = []
    for ngrams, probs_K, backoff_K, keep_K in zip(
        counted, probs, backoffs, kept, strict=True
    ):
        if by_length:
            words_KN = np.column_stack([words_KN[ngrams.prefix_K], ngrams.last_K])
        if keep_K.any():
            by_length.append(
                Estimates(
                    words_KN[keep_K],
                    np.log10(probs_K[keep_K]),
                    np.log10(backoff_K[keep_K]),
                )
            )
    return Estimated(words, tuple(by_length))


def count_ngrams(
    sentences: Iterable[Sequence[str]], order: int
) -> tuple[tuple[str, ...], list[Ngrams]]:
    """Return the words, in order, and what is counted of each length.

    Raises:
      ConfigError: there is no sentence, or a word is one that models reserve.
    """
    texts = [text for text in sentences if text]
    found = {word for text in texts for word in text}
    if not found or not found.isdisjoint(SPECIAL_WORDS):
        told = f"the word {found.intersection(SPECIAL_WORDS)}" if found else "none"
        raise ConfigError(
            f"texts of a language model: expected sentences without "
            f"{', '.join(SPECIAL_WORDS)}, got {told}"
        )
    words = (*SPECIAL_WORDS, *sorted(found))
    number_of = {word: number for number, word in enumerate(words)}
    tokens_N = np.fromiter(
        (
            token
            for text in texts
            for token in (_START, *(number_of[word] for word in text), _END)
        ),
        dtype=np.int64,
    )
    sentence_N = np.repeat(np.arange(len(texts)), [len(text) + 2 for text in texts])
    width = len(words)
    counts_V = np.bincount(tokens_N, minlength=width)
    none_V = np.zeros(width, dtype=np.int64)
    is_start_V = np.arange(width) == _START
    counted = [Ngrams(none_V, none_V, np.arange(width), counts_V, is_start_V)]
    number_N = tokens_N
    for length in range(2, order + 1):
        reach = length - 1
        at = np.flatnonzero(sentence_N[:-reach] == sentence_N[reach:])
        if not len(at):
            break
        keys, first, numbers, counts = np.unique(
            number_N[at] * width + tokens_N[at + reach],
            return_index=True,
            return_inverse=True,
            return_counts=True,
        )
        counted.append(
            Ngrams(
                keys // width,
                number_N[at[first] + 1],
                keys % width,
                counts,
                tokens_N[at[first]] == _START,
            )
        )
        number_N = np.full(len(tokens_N), -1)
        number_N[at] = numbers
    return words, counted


def _adjusted(counted: Sequence[Ngrams], length: int) -> Counts:
    """Return in how many ways each n-gram is continued to the left.

    The longest are counted as they are, and so are those that nothing can precede.
    """
    ngrams = counted[length - 1]
    if length == len(counted):
        return ngrams.count_K
    longer = counted[length]
    ways_K = np.bincount(longer.suffix_K, minlength=len(ngrams.count_K))
    return np.where(ngrams.starts_K, ngrams.count_K, ways_K)


def _unigram_probs(counted: Sequence[Ngrams]) -> Reals:
    """Return probabilities of words (V,), mixed with equal ones; start has no part."""
    adjusted_V = _adjusted(counted, 1).copy()
    adjusted_V[_START] = 0
    taken_V = _discounts(adjusted_V)[np.minimum(adjusted_V, 3)]
    total = adjusted_V.sum()
    equal = taken_V.sum() / total / (len(adjusted_V) - 1)
    probs_V = (adjusted_V - taken_V) / total + equal
    probs_V[_START] = 1e-99  # the format's custom for what is never asked
    return probs_V


def _interpolated(
    counted: Sequence[Ngrams],
    length: int,
    keep_K: npt.NDArray[np.bool_],
    shorter_probs_J: Reals,
) -> tuple[Reals, Reals]:
    """Return probabilities (K,), and the weight of backing off to each context (J,)."""
    ngrams = counted[length - 1]
    adjusted_K = _adjusted(counted, length)
    discount_K = _discounts(adjusted_K)[np.minimum(adjusted_K, 3)]
    taken_K = np.where(keep_K, discount_K, adjusted_K)
    contexts = len(shorter_probs_J)
    total_J = np.bincount(ngrams.prefix_K, adjusted_K, minlength=contexts)
    taken_J = np.bincount(ngrams.prefix_K, taken_K, minlength=contexts)
    # What is no context, such as an end, leaves everything to shorter ones.
    backoff_J = np.divide(taken_J, total_J, out=np.ones(contexts), where=total_J > 0)
    probs_K = (adjusted_K - taken_K) / total_J[ngrams.prefix_K]
    probs_K += backoff_J[ngrams.prefix_K] * shorter_probs_J[ngrams.suffix_K]
    return probs_K, backoff_J


def _discounts(adjusted_K: Counts) -> Reals:
    """Return what is taken from counts of 0, 1, 2, and 3 or more."""
    seen = [np.count_nonzero(adjusted_K == count) for count in (1, 2, 3, 4)]
    if not all(seen):
        return _FALLBACK_DISCOUNTS
    shrink = seen[0] / (seen[0] + 2 * seen[1])
    taken = [k - (k + 1) * shrink * seen[k] / seen[k - 1] for k in (1, 2, 3)]
    if any(not 0 <= taken[k - 1] <= k for k in (1, 2, 3)):
        return _FALLBACK_DISCOUNTS
    return np.array([0.0, *taken])
