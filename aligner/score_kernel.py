"""The inner loops behind confidences and margins, compiled by numba.

Shapes: T frames, C labels, n positions of a text, W words, V verses.
"""

import math

import numpy as np

from aligner.path import FloatArray, IntArray
from aligner.steps import ScoreArray, Tile, compiled, step


@compiled
def _log_sum(one: float, other: float) -> float:
    """Return log(exp(one) + exp(other))."""
    low, high = min(one, other), max(one, other)
    if low == -np.inf:
        return high
    return high + math.log1p(math.exp(low - high))


@compiled
def spelling_log_probs(
    emissions: FloatArray, blank: int, tokens: IntArray, words: IntArray,
    log_probs: ScoreArray,
) -> None:  # fmt: skip
    """Find how probable it is that a word's frames spell the word and nothing else.

    Args:
      emissions: log-probabilities (T, C).
      blank: column of the blank.
      tokens: label ids of the text, none of the words has a star.
      words: first token and the one after the last, first frame and the one after the
        last of each word (W, 4).
      log_probs: is filled (W,).
    """
    for w in range(words.shape[0]):
        first, length = words[w, 0], words[w, 1] - words[w, 0]
        blanks = np.full(length + 1, -np.inf)
        letters = np.full(length + 1, -np.inf)
        blanks[0] = 0.0
        for t in range(words[w, 2], words[w, 3]):
            left = -np.inf
            for j in range(length + 1):
                rest, own = blanks[j], letters[j]
                blanks[j] = _log_sum(rest, left) + emissions[t, blank]
                if j < length:
                    label = tokens[first + j]
                    if j > 0 and label == tokens[first + j - 1]:
                        left = -np.inf
                    entered = _log_sum(rest, left)
                    letters[j] = _log_sum(own, entered) + emissions[t, label]
                left = own
        log_probs[w] = _log_sum(blanks[length], letters[length - 1])


@compiled
def score_entries(
    emissions: FloatArray, blank: int, entry_cost: FloatArray, text: Tile,
    low: IntArray, high: IntArray, entries: IntArray, scores: ScoreArray,
) -> None:  # fmt: skip
    """Score the best path up to the entry into some tokens, at each frame.

    Args:
      emissions: log-probabilities (T, C).
      blank: column of the blank.
      entry_cost: cost of entering a flagged token at each frame (T,).
      text: all positions.
      low: first position of the band at each frame (T,), never falling.
      high: position after its last one (T,), likewise.
      entries: position, first frame in the band and place in ``scores`` of that frame,
        of each token that is asked for, in order of position (V, 3).
      scores: is filled with the score of entering each token at each frame at which the
        band holds it: that of the best path whose last frame is this one.
    """
    size = text.labels.shape[0]
    blanks, letters = np.full(size, -np.inf), np.full(size, -np.inf)
    blanks[0] = 0.0
    near = np.empty(size, np.float32)
    reached = 0
    for t in range(emissions.shape[0]):
        while reached < len(entries) and entries[reached, 0] < low[t]:
            reached += 1
        k = reached
        while k < len(entries) and entries[k, 0] < high[t]:
            j = entries[k, 0]
            over = letters[j - 1] + text.bridge[j] if j > 0 else -np.inf
            paid = entry_cost[t] * text.flags[j] + text.tolls[j]
            score = max(blanks[j], over) - paid + emissions[t, text.labels[j]]
            scores[entries[k, 2] + t - entries[k, 1]] = score
            k += 1
        left = letters[low[t] - 1] if low[t] > 0 else -np.inf
        step(
            emissions[t], blank, np.float64(entry_cost[t]), text, text.flags,
            text.tolls, low[t], high[t], left, near, blanks, letters, None,
        )  # fmt: skip
        if low[t] > 0:  # left of the band nothing may be entered from
            letters[low[t] - 1] = -np.inf


@compiled
def add_rest_of_path(
    emissions: FloatArray, blank: int, entry_cost: FloatArray, text: Tile,
    low: IntArray, high: IntArray, entries: IntArray, scores: ScoreArray,
) -> None:  # fmt: skip
    """Add the score of the best path from each entry to the end of the text.

    Args:
      emissions: as in ``score_entries``, which fills the scores.
      blank: likewise.
      entry_cost: likewise.
      text: likewise.
      low: likewise.
      high: likewise.
      entries: likewise.
      scores: are added to.
    """
    size = text.labels.shape[0]
    # What the frames after t bring at best, from the blank before a token and from it.
    blanks, letters = np.full(size, -np.inf), np.full(size, -np.inf)
    blanks[size - 1] = 0.0
    if size > 1:
        letters[size - 2] = 0.0
    reached = len(entries)
    for t in range(emissions.shape[0] - 1, -1, -1):
        if high[t] < size:  # right of the band nothing may be entered
            blanks[high[t]] = letters[high[t]] = -np.inf
        while reached > 0 and entries[reached - 1, 0] >= high[t]:
            reached -= 1
        k = reached - 1
        while k >= 0 and entries[k, 0] >= low[t]:
            scores[entries[k, 2] + t - entries[k, 1]] += letters[entries[k, 0]]
            k -= 1
        row, cost = emissions[t], entry_cost[t]
        first = low[t - 1] if t > 0 else 0
        rest = blanks[first] + row[blank]
        own = letters[first] + row[text.labels[first]]
        enter = own - cost * text.flags[first] - text.tolls[first]
        for j in range(first, high[t]):
            blanks[j] = max(rest, enter)
            letters[j] = own
            if j + 1 < size:
                rest = blanks[j + 1] + row[blank]
                own = letters[j + 1] + row[text.labels[j + 1]]
                enter = own - cost * text.flags[j + 1] - text.tolls[j + 1]
                letters[j] = max(letters[j], rest, enter + text.bridge[j + 1])
