"""Wrong letters of a batch."""

import pytest
import torch

from models.augment import TimedWord
from models.examples import Batch
from models.metrics import letter_errors
from models.network import BLANK, LABELS


def log_probs_of(*texts: str, frames: int) -> torch.Tensor:
    """One letter on every other frame, from the first."""
    logits = torch.zeros(len(texts), frames, len(LABELS))
    logits[..., BLANK] = 5
    for row, text in zip(logits, texts, strict=True):
        for place, letter in enumerate(text):
            row[2 * place, LABELS.index(letter)] = 9
    return logits.log_softmax(-1)


@pytest.mark.parametrize(
    ("heard", "errors"), [("abc", 0), ("abd", 1), ("ac", 1), ("", 3), ("abcc", 1)]
)
def test_letters_are_compared_with_the_words_run_together(heard, errors):
    words = (TimedWord("ab", 0, 1), TimedWord("c", 1, 2))
    batch = Batch(torch.zeros(1, 40, 80), [20], [words])
    found = letter_errors(log_probs_of(heard, frames=20), batch)
    assert (found.errors, found.length) == (errors, 3)


def test_padding_is_not_heard():
    words = [(TimedWord("ab", 0, 1),), (TimedWord("abc", 0, 1),)]
    batch = Batch(torch.zeros(2, 40, 80), [4, 20], words)
    found = letter_errors(log_probs_of("abcd", "abcd", frames=20), batch)
    assert (found.errors, found.length) == (0 + 1, 5)
