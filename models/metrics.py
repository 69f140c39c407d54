"""Error rates as counts, so that they can be pooled over clips."""

from dataclasses import dataclass

from rapidfuzz.distance import Levenshtein
from torch import Tensor

from models.decoding.greedy import collapsed
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


def letter_errors(log_probs_BTC: Tensor, batch: Batch) -> ErrorCount:
    """Count wrong letters of a batch, greedily decoded from (B, T, C), words joined."""
    total = ErrorCount()
    for row, length, words in zip(
        log_probs_BTC, batch.lengths, batch.words, strict=True
    ):
        best_T = row[:length].argmax(-1).numpy()
        heard = "".join(LABELS[k] for k in collapsed(best_T, BLANK))
        truth = "".join(word.letters for word in words)
        total += ErrorCount(Levenshtein.distance(truth, heard), len(truth))
    return total
