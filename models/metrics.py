"""Wrong letters of the bundled architecture's batches."""

from torch import Tensor

from models.decoding.error_rates import EditCounts, letter_edits
from models.decoding.greedy import collapsed
from models.examples import Batch
from models.network import BLANK, LABELS


def letter_errors(log_probs_BTC: Tensor, batch: Batch) -> EditCounts:
    """Count wrong letters of a batch, greedily decoded from (B, T, C), words joined."""
    total = EditCounts()
    for row, length, words in zip(
        log_probs_BTC, batch.lengths, batch.words, strict=True
    ):
        best_T = row[:length].argmax(-1).numpy()
        heard = "".join(LABELS[k] for k in collapsed(best_T, BLANK))
        truth = "".join(word.letters for word in words)
        total += letter_edits(truth, heard)
    return total
