"""The inner loops behind the evidence against a text, compiled by numba.

Shapes: T frames, L tokens, W words.
"""

import numpy as np

from aligner.path import FloatArray, IntArray
from aligner.steps import compiled

# No path has it, and adding to it makes no NaN.
_NONE = np.float32(-1e30)


@compiled
def boundary_scores(
    letters_TL: FloatArray, blank_T: FloatArray, bridge_L: FloatArray,
    stop_W: IntArray, upto: FloatArray, onward: FloatArray,
) -> np.float32:  # fmt: skip
    """Score the best paths up to every word boundary and on from it, at every frame.

    Args:
      letters_TL: log-probability of each token at each frame.
      blank_T: that of the blank.
      bridge_L: 0, or -1e30 where a token repeats the one before it.
      stop_W: the token after the last of each word, which is the next one's first.
      upto: is filled (T, W + 1): the best path of frames 0 to t that has said w words,
        and may be in the blank after them.
      onward: is filled (T, W + 1): the best path of frames t to the last that says the
        words from w on, and may begin with the blank before them.

    Returns:
      The log-probability of the best path, -1e30 or less if there is none.
    """
    frames, size = letters_TL.shape
    words = stop_W.shape[0]
    # Two rows by turns, and a place before the first letter: loops without branches.
    blanks = np.full((2, size + 1), _NONE, np.float32)
    letters = np.full((2, size + 1), _NONE, np.float32)
    blanks[1, 0] = 0.0
    for t in range(frames):
        now, last = t % 2, 1 - t % 2
        for j in range(size + 1):
            blanks[now, j] = max(blanks[last, j], letters[last, j]) + blank_T[t]
        for j in range(size):
            stepped = letters[last, j] + bridge_L[j]
            entered = max(blanks[last, j], stepped)
            letters[now, j + 1] = max(letters[last, j + 1], entered) + letters_TL[t, j]
        upto[t, 0] = blanks[now, 0]
        for w in range(words):
            upto[t, w + 1] = max(letters[now, stop_W[w]], blanks[now, stop_W[w]])
    best = upto[frames - 1, words]

    # Backwards: letter j is at place j, with one place after the last.
    blanks[:], letters[:] = _NONE, _NONE
    blanks[1, size] = 0.0
    for back in range(frames):
        t, now, last = frames - 1 - back, back % 2, 1 - back % 2
        for j in range(size + 1):
            blanks[now, j] = max(blanks[last, j], letters[last, j]) + blank_T[t]
        for j in range(size - 1):
            stepped = letters[last, j + 1] + bridge_L[j + 1]
            entered = max(blanks[last, j + 1], stepped)
            letters[now, j] = max(letters[last, j], entered) + letters_TL[t, j]
        end = max(letters[last, size - 1], blanks[last, size])
        letters[now, size - 1] = end + letters_TL[t, size - 1]
        onward[t, 0] = max(blanks[now, 0], letters[now, 0])
        for w in range(words):
            onward[t, w + 1] = max(blanks[now, stop_W[w]], letters[now, stop_W[w]])
    return best


@compiled
def alternative_gains(
    upto: FloatArray, onward: FloatArray, free: FloatArray, least_frames: int,
    best: np.float32,
) -> tuple[np.float32, np.float32, np.float32]:  # fmt: skip
    """Find how much better the best path gets if one thing was read otherwise.

    Args:
      upto: as ``boundary_scores`` fills it.
      onward: likewise.
      free: sum of what free speech has in the frames before each, (T + 1,).
      least_frames: of something that is said between two words.
      best: the score of the text as it is.

    Returns:
      The gains of something else said between two words, of something else said in
      place of one, and of one not said at all; -1e30 or less without such a path.
    """
    frames, words = upto.shape[0], upto.shape[1] - 1
    extra, other, unread = _NONE, _NONE, _NONE
    begun = np.full(words + 1, _NONE, np.float32)
    replaced = np.full(words + 1, _NONE, np.float32)
    for t in range(1, frames):
        last = t - 1 - least_frames
        if last >= 0:
            for w in range(words + 1):
                begun[w] = max(begun[w], upto[last, w] - free[last + 1])
                extra = max(extra, begun[w] + (free[t] + onward[t, w]))
        for w in range(words):
            replaced[w] = max(replaced[w], upto[t - 1, w] - free[t])
            other = max(other, replaced[w] + (free[t] + onward[t, w + 1]))
            unread = max(unread, upto[t - 1, w] + onward[t, w + 1])
    return extra - best, other - best, unread - best
