"""Text that says again what it has just said, as failing recognisers write it."""

import math

import numpy as np

from aligner.normalise import normalise_verse


def repeated_share(text: str, language: str) -> float:
    """Return the share of a text's words that repeat the words right before them.

    A word counts if it lies in the second or a later one of some words, one or many,
    that stand there several times without a break. "Truly, truly, I say" has 1/4; "and
    the and the and the" has 4/6. Of scripts without spaces a cluster is a word. NaN
    without words.
    """
    tokens = [token.normalised for token in normalise_verse(text, language)]
    if not tokens:
        return math.nan
    numbers = {word: number for number, word in enumerate(dict.fromkeys(tokens))}
    words = np.array([numbers[word] for word in tokens])
    repeats = np.zeros(len(words), np.bool_)
    for length in range(1, len(words) // 2 + 1):
        same = np.append(0, np.cumsum(words[length:] == words[:-length]))
        # The words from k + length on repeat those from k on.
        starts = np.flatnonzero(same[length:] - same[:-length] == length) + length
        for start in starts:
            repeats[start : start + length] = True
    return float(repeats.mean())
