"""Error rates as counts, so that they can be pooled over clips."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from rapidfuzz.distance import Levenshtein
from torch import Tensor

from models.examples import Batch
from models.network import BLANK, LABELS


@dataclass(frozen=True)
class ErrorCount:
    """Wrong letters of all letters; adding pools."""

    errors: int = 0
    letters: int = 0

    def __add__(self, other: "ErrorCount") -> "ErrorCount":
        return ErrorCount(self.errors + other.errors, self.letters + other.letters)

    @property
    def rate(self) -> float:
        """Errors per letter (NaN without letters)."""
        return self.errors / self.letters if self.letters else float("nan")


def greedy_letters(
    best_T: npt.NDArray[np.integer],
    labels: tuple[str, ...] = LABELS,
    blank: int = BLANK,
) -> str:
    """Read the best class of each frame (T,) as CTC does: no repeats, no blanks."""
    changed = np.diff(best_T, prepend=-1) != 0
    return "".join(labels[k] for k in best_T[changed & (best_T != blank)])


def letter_errors(log_probs_BTC: Tensor, batch: Batch) -> ErrorCount:
    """Count wrong letters of a batch, greedily decoded from (B, T, C), words joined."""
    total = ErrorCount()
    for row, length, words in zip(
        log_probs_BTC, batch.lengths, batch.words, strict=True
    ):
        heard = greedy_letters(row[:length].argmax(-1).numpy())
        truth = "".join(word.letters for word in words)
        total += ErrorCount(Levenshtein.distance(truth, heard), len(truth))
    return total
