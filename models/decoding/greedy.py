"""The best path of CTC, read letter by letter."""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from models.vocabulary import Vocabulary


def greedy_text(
    log_probs_TC: npt.NDArray[np.floating],
    vocabulary: Vocabulary,
    allowed_columns: Iterable[int] | None = None,
) -> str:
    """Return the text of the best path: repeats joined, blanks left out.

    Args:
      log_probs_TC: log-probabilities (T, C).
      vocabulary: what the columns stand for.
      allowed_columns: letters that may be written, such as those of one language; None
        for all. Blank and word separator always may, special tokens never.

    Returns:
      One space between words, none at the ends; words are joined where the vocabulary
      has no separator.
    """
    open_columns = decoded_columns(vocabulary, allowed_columns)
    best_T = open_columns[log_probs_TC[:, open_columns].argmax(axis=1)]
    return text_of(collapsed(best_T, vocabulary.blank), vocabulary)


def decoded_columns(
    vocabulary: Vocabulary, allowed_columns: Iterable[int] | None = None
) -> npt.NDArray[np.int64]:
    """Return the columns that a decoder looks at, in order: blank, separator, letters.

    A label of more than one character is a special token, which is no text.
    """
    wanted = None if allowed_columns is None else set(allowed_columns)
    always = {vocabulary.blank, vocabulary.word_separator}
    return np.array(
        [
            column
            for column, label in enumerate(vocabulary.labels)
            if column in always
            or (len(label) == 1 and (wanted is None or column in wanted))
        ],
        dtype=np.int64,
    )


def collapsed(best_T: npt.NDArray[np.integer], blank: int) -> npt.NDArray[np.integer]:
    """Return the columns of a path (T,) without repeats and blanks."""
    is_new_T = np.diff(best_T, prepend=-1) != 0
    return best_T[is_new_T & (best_T != blank)]


def text_of(columns: Iterable[int], vocabulary: Vocabulary) -> str:
    """Return columns without blanks as text, one space between words."""
    letters = (
        " " if column == vocabulary.word_separator else vocabulary.labels[column]
        for column in columns
    )
    return " ".join("".join(letters).split())
