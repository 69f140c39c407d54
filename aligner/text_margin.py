"""How much better clips of speech fit their own text than another of like length.

A model's loss on the text that it is trained on falls always, also if the text is
wrong. What tells right from wrong is the margin on clips that were kept from training:
nats a letter by which other verses of the chapter explain them worse. Training on the
right text raises it, on a wrong one lowers it.

Shapes: T frames, C labels, L tokens.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from aligner.path import FloatArray, IntArray
from aligner.score_kernel import spelling_log_probs
from aligner.verse_clips import needed_frames

FOLDS = 2


def fold_of(clips: int, fold: int) -> range:
    """Return the clips of a fold: every second one."""
    return range(fold, clips, FOLDS)


def decoys(tokens: Sequence[IntArray], frames: Sequence[int]) -> list[int | None]:
    """Choose for each clip of a fold the text of another one of it.

    It is the one nearest in length of those that its frames can hold; neighbours come
    last among equals. None if there is no other text, or if it is the same.

    Args:
      tokens: of each clip.
      frames: of each clip.
    """

    def choice(at: int) -> int | None:
        others = [
            other
            for other in range(len(tokens))
            if needed_frames(tokens[other]) <= frames[at]
            and not np.array_equal(tokens[other], tokens[at])
        ]

        def distance(other: int) -> tuple[int, int]:
            return abs(len(tokens[other]) - len(tokens[at])), -abs(other - at)

        return min(others, key=distance, default=None)

    return [choice(at) for at in range(len(tokens))]


def text_margin(
    log_probs: Sequence[FloatArray], tokens: Sequence[IntArray], blank: int
) -> float:
    """Return the margin of clips against each other's texts, in nats a letter.

    Args:
      log_probs: natural, (T, C) of each clip.
      tokens: of each clip.
      blank: column of the blank.

    Returns:
      Loss a letter of the other texts minus that of the own ones; NaN if no clip has
      another text.
    """
    chosen = decoys(tokens, [len(rows) for rows in log_probs])
    own = other = 0.0
    own_letters = other_letters = 0
    for rows, text, at in zip(log_probs, tokens, chosen, strict=True):
        if at is None:
            continue
        own += spelling_loss(rows, text, blank)
        own_letters += len(text)
        other += spelling_loss(rows, tokens[at], blank)
        other_letters += len(tokens[at])
    if not own_letters:
        return float("nan")
    return other / other_letters - own / own_letters


def spelling_loss(
    log_probs_TC: npt.NDArray[np.float32], tokens_L: IntArray, blank: int
) -> float:
    """Return the CTC loss of a text in nats: -log of how probable its letters are."""
    found = np.empty(1)
    whole = np.array([[0, len(tokens_L), 0, len(log_probs_TC)]], np.int32)
    spelling_log_probs(log_probs_TC, blank, tokens_L, whole, found)
    return -float(found[0])
