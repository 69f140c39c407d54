"""Which text a recording reads, told from a few seconds of it.

Probes of a recording are aligned within a text: each may begin and end at any word.
What is heard of a text is held against what is heard of it from its last letter to its
first, which nobody read (as in ``aligner.foreign``), and against the other texts. Both
are told in standard errors of the mean over blocks of a second.

On 45 s of 11 recordings in 4 languages that the bundled model was not trained on, clean
and degraded, the text that was read stood 7 to 15 standard errors above its reverse,
any other at most 2, or 5 where it shared two thirds of its verses.

Shapes: T frames of all probes together, C labels, L tokens.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from aligner.blocks import mean_of_blocks, whole_blocks
from aligner.emissions import greedy_columns
from aligner.graph import Jumps
from aligner.path import FloatArray, IntArray
from aligner.sieve import LetterIndex
from aligner.tokens import NO_WORD, EncodedChapter
from aligner.viterbi import forced_align
from schemas.units import SAMPLE_RATE_HZ, samples_from_sec

PROBES = 3
PROBE_SEC = 15.0
_LEAST_BLOCKS = 15
# A text is heard above so many standard errors, and is not below so many.
_HEARD, _NOT_HEARD = 4.0, 2.5
# By so many must another text be heard better than the recording's own.
_BETTER = 3.5
# Nats a second that the model says about the sound. Clean and degraded recordings had
# 42 to 53, those under noise as loud as twice the voice, of which no text is heard,
# 24 to 31.
_LEAST_INFORMATION = 38.0
# Of all texts so many are aligned: those with most runs of letters on one line.
_LOOKED_AT = 3
# Letters from one word that a probe may begin at to the next.
_LEAST_APART = 12

Heard = npt.NDArray[np.float64]


class Verdict(StrEnum):
    """What a recording reads."""

    OWN = "own"  # its text
    OTHER_CHAPTER = "other_chapter"  # another text that is known
    OTHER_TEXT = "other_text"  # none of those that are known
    UNSURE = "unsure"


@dataclass(frozen=True, eq=False)
class TextLetters:
    """The letters of a chapter, without stars: numbers are left out."""

    tokens: IntArray
    """Label ids (L,)."""
    edges: IntArray
    """Positions between words at which a probe may begin or end, without 0 and L."""

    @property
    def reverse(self) -> "TextLetters":
        """The same from its last letter to its first."""
        tokens = np.ascontiguousarray(self.tokens[::-1])
        return TextLetters(tokens, np.ascontiguousarray(len(tokens) - self.edges[::-1]))


@dataclass(frozen=True, eq=False)
class Probes:
    """What a model says about parts of a recording."""

    emissions: tuple[FloatArray, ...]
    """Log-probabilities of each part, (T_k, C)."""
    blank: int
    hop_samples: int

    @property
    def blocks(self) -> int:
        """Whole seconds of all parts together."""
        return whole_blocks(sum(map(len, self.emissions)), self.hop_samples)


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """A verdict and what it rests on; figures in standard errors, NaN if unknown."""

    verdict: Verdict
    own_fit: float = math.nan
    """How far the recording's own text stands above its reverse."""
    best: int | None = None
    """The other text that is heard best."""
    best_fit: float = math.nan
    """How far that one stands above its reverse."""
    best_gain: float = math.nan
    """How far it stands above the recording's own."""


def probe_slices(samples: int) -> list[slice]:
    """Return the parts of a recording to be looked at, away from its title.

    Three of 15 s in the middle of each third, or all of a recording that is shorter.
    """
    length = samples_from_sec(PROBE_SEC, SAMPLE_RATE_HZ)
    if samples <= PROBES * length:
        return [slice(0, samples)]
    starts = [
        samples * (2 * k + 1) // (2 * PROBES) - length // 2 for k in range(PROBES)
    ]
    return [slice(start, start + length) for start in starts]


def letters_of(encoded: EncodedChapter) -> TextLetters:
    """Return the letters of a chapter, and words at which a probe may begin."""
    is_letter = encoded.tokens != encoded.star
    tokens = encoded.tokens[is_letter]
    word, verse = encoded.token_word[is_letter], encoded.token_verse[is_letter]
    begins = ((np.diff(word) != 0) | (np.diff(verse) != 0)) & (word[1:] != NO_WORD)
    edges = [0]
    for edge in (np.flatnonzero(begins) + 1).tolist():
        if edge - edges[-1] >= _LEAST_APART:
            edges.append(edge)
    return TextLetters(tokens, np.array(edges[1:], np.int32))


def judge(probes: Probes, own: TextLetters, others: Sequence[TextLetters]) -> Judgement:
    """Say whether a recording reads its own text or one of the others.

    Another text is named only if it is heard and clearly better than the own one: of
    passages that two chapters share nothing follows. That none is heard is said only
    of speech that the model understands, and never of less than 15 s.

    Args:
      probes: what the model says.
      own: the text that the recording is said to read.
      others: all that it may have been mixed up with; texts of the same letters as its
        own are passed over.
    """
    if probes.blocks < _LEAST_BLOCKS:
        return Judgement(verdict=Verdict.UNSURE)
    own_T = heard_within(probes, own)
    own_fit = _fit(probes, own, own_T)
    best, best_T = None, None
    for number in _nearest(probes, own, others):
        other_T = heard_within(probes, others[number])
        if best_T is None or other_T.sum() > best_T.sum():
            best, best_T = number, other_T
    fit = gain = -math.inf
    if best is not None and best_T is not None:
        fit = _fit(probes, others[best], best_T)
        gain = _standard_errors(probes, best_T - own_T)
    return Judgement(
        verdict=_verdict(own_fit, fit, gain, _information(probes)),
        own_fit=own_fit,
        best=best,
        best_fit=fit if best is not None else math.nan,
        best_gain=gain if best is not None else math.nan,
    )


def _verdict(own: float, best: float, gain: float, information: float) -> Verdict:
    if best >= _HEARD and gain >= _BETTER:
        return Verdict.OTHER_CHAPTER
    if own >= _HEARD:
        return Verdict.OWN
    if max(own, best) < _NOT_HEARD and information >= _LEAST_INFORMATION:
        return Verdict.OTHER_TEXT
    return Verdict.UNSURE


def _nearest(
    probes: Probes, own: TextLetters, others: Sequence[TextLetters]
) -> list[int]:
    """Return the other texts that have most of what was heard, the best first."""
    columns = probes.emissions[0].shape[1]
    index = LetterIndex.of([text.tokens for text in others], columns)
    matches = np.zeros(len(others), np.int64)
    for emissions_TC in probes.emissions:
        matches += index.matches(greedy_columns(emissions_TC, probes.blank))
    order = np.argsort(-matches, kind="stable").tolist()
    differ = [k for k in order if not np.array_equal(others[k].tokens, own.tokens)]
    return differ[:_LOOKED_AT]


def heard_within(probes: Probes, text: TextLetters) -> Heard:
    """Return the log-probability of each frame on the best path within a text (T,).

    Each probe may begin at any of the text's edges, and end at any, before a frame of
    blank.
    """
    length, count = len(text.tokens), len(text.edges)
    from_start = np.concatenate([text.edges, [length]]).astype(np.int32)
    sources = np.concatenate([np.zeros(count + 1, np.int32), text.edges])
    targets = np.concatenate([from_start, np.full(count, length, np.int32)])
    jumps = Jumps(sources, targets, np.zeros(2 * count + 1, np.float32))
    heard = []
    for emissions_TC in probes.emissions:
        path = forced_align(emissions_TC, text.tokens, probes.blank, jumps=jumps)
        rows = np.arange(len(path.frames))
        heard.append(emissions_TC[rows, path.frames].astype(np.float64))
    return np.concatenate(heard)


def _fit(probes: Probes, text: TextLetters, heard_T: Heard) -> float:
    return _standard_errors(probes, heard_T - heard_within(probes, text.reverse))


def _standard_errors(probes: Probes, above_T: Heard) -> float:
    """Return how far a mean lies above 0, in its standard errors."""
    mean, error = mean_of_blocks(above_T, probes.hop_samples)
    return mean / error if error > 0 else 0.0


def _information(probes: Probes) -> float:
    """Return how much a second of sound says, in nats: letters against their mean."""
    log_probs_TC = np.concatenate(probes.emissions).astype(np.float64)
    probs_TC = np.exp(log_probs_TC)
    mean_C = np.log(np.maximum(probs_TC.mean(axis=0), 1e-30))
    per_frame = float((probs_TC * (log_probs_TC - mean_C)).sum(axis=1).mean())
    return per_frame * SAMPLE_RATE_HZ / probes.hop_samples
