"""The inner loops behind the evidence against a text, compiled by numba.

Shapes: T frames, C labels, L tokens, W words.
"""

import numpy as np

from aligner.path import FloatArray, IntArray
from aligner.steps import ScoreArray, compiled


@compiled
def boundary_scores(
    emissions: FloatArray, blank: int, tokens: IntArray, first: IntArray,
    stop: IntArray, upto: ScoreArray, onward: ScoreArray,
) -> float:  # fmt: skip
    """Score the best paths up to every word boundary and on from it, at every frame.

    Args:
      emissions: log-probabilities (T, C).
      blank: column of the blank.
      tokens: label ids, no stars (L,).
      first: first token of each word (W,).
      stop: the token after its last, which is the next one's first (W,).
      upto: is filled (W + 1, T): the best path of frames 0 to t that has said w words,
        and may be in the blank after them.
      onward: is filled (W + 1, T): the best path of frames t to the last that says the
        words from w on, and may begin with the blank before them.

    Returns:
      The log-probability of the best path, -inf if there is none.
    """
    frames, size, words = emissions.shape[0], tokens.shape[0], first.shape[0]
    blanks, letters = np.full(size + 1, -np.inf), np.full(size, -np.inf)
    blanks[0] = 0.0
    for t in range(frames):
        left = -np.inf
        for j in range(size + 1):
            rest = blanks[j]
            blanks[j] = max(rest, left) + emissions[t, blank]
            if j < size:
                own = letters[j]
                entered = rest
                if j > 0 and tokens[j] != tokens[j - 1]:
                    entered = max(entered, left)
                letters[j] = max(own, entered) + emissions[t, tokens[j]]
                left = own
        upto[0, t] = blanks[0]
        for w in range(words):
            upto[w + 1, t] = max(letters[stop[w] - 1], blanks[stop[w]])
    best = max(blanks[size], letters[size - 1])

    # Backwards: the state is that of frame t itself, so that scores meet without it.
    blanks[:], letters[:] = -np.inf, -np.inf
    blanks[size] = 0.0
    for t in range(frames - 1, -1, -1):
        right = -np.inf
        for j in range(size, -1, -1):
            rest = blanks[j]
            blanks[j] = max(rest, right) + emissions[t, blank]
            if j > 0:
                own = letters[j - 1]
                entered = rest
                if j < size and tokens[j] != tokens[j - 1]:
                    entered = max(entered, right)
                letters[j - 1] = max(own, entered) + emissions[t, tokens[j - 1]]
                right = own
        for w in range(words):
            onward[w, t] = max(blanks[first[w]], letters[first[w]])
        onward[words, t] = blanks[size]
    return best


@compiled
def alternative_gains(
    upto: ScoreArray, onward: ScoreArray, free: ScoreArray, least_frames: int,
    best: float,
) -> tuple[float, float, float]:  # fmt: skip
    """Find how much better the best path gets if one thing was read otherwise.

    Args:
      upto: as ``boundary_scores`` fills it.
      onward: likewise.
      free: sum of what free speech has in the frames before each, (T + 1,).
      least_frames: of something that is said between two words.
      best: the score of the text as it is.

    Returns:
      The gains of something else said between two words, of something else said in
      place of one, and of one not said at all; -inf where there is no such path.
    """
    words, frames = upto.shape[0] - 1, upto.shape[1]
    extra, other, unread = -np.inf, -np.inf, -np.inf
    for w in range(words + 1):
        begun, replaced = -np.inf, -np.inf
        for t in range(1, frames):
            if t - 1 - least_frames >= 0:
                last = t - 1 - least_frames
                begun = max(begun, upto[w, last] - free[last + 1])
                extra = max(extra, begun + free[t] + onward[w, t])
            if w < words:
                replaced = max(replaced, upto[w, t - 1] - free[t])
                other = max(other, replaced + free[t] + onward[w + 1, t])
                unread = max(unread, upto[w, t - 1] + onward[w + 1, t])
    return extra - best, other - best, unread - best
