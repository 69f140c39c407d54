"""The losses against every path written out."""

import itertools
import math

import numpy as np
import pytest
import torch

from models.augment import TimedWord
from models.losses import classes_of, timed_loss, utterance_loss
from models.network import BLANK, LABELS

CLASSES = len(LABELS)


def random_log_probs(batch: int, frames: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(batch, frames, CLASSES, generator=generator).log_softmax(-1)


def collapsed(path: tuple[int, ...]) -> list[int]:
    return [key for key, _ in itertools.groupby(path) if key != BLANK]


def ctc(scores: np.ndarray, target: list[int]) -> float:
    """Return -log of the summed probability of all paths that read as the target."""
    symbols = sorted({BLANK, *target})
    paths = itertools.product(symbols, repeat=len(scores))
    total = sum(
        math.exp(sum(scores[t, symbol] for t, symbol in enumerate(path)))
        for path in paths
        if collapsed(path) == target
    )
    return -math.log(total)


def with_dear_blank(scores: np.ndarray) -> np.ndarray:
    """Blank costs a nat, and twenty on the first and last frame."""
    dear = scores.copy()
    dear[:, BLANK] -= 1
    dear[[0, -1], BLANK] -= 19
    return dear


def word(letters: str, first: int, last: int) -> TimedWord:
    """A word over whole frames [first, last)."""
    return TimedWord(letters, first * 0.02, last * 0.02)


@pytest.mark.parametrize("letters", ["a", "ab", "aa", "a'b"])
@pytest.mark.parametrize("frames", [4, 5])
def test_the_utterance_loss_is_that_of_all_paths(letters, frames):
    log_probs = random_log_probs(1, frames)
    expected = ctc(log_probs[0].double().numpy(), classes_of(letters)) / len(letters)
    half = len(letters) // 2
    words = [(word(letters[:half], 0, 1), word(letters[half:], 1, 2))]
    loss = utterance_loss(log_probs, words, [frames])
    assert float(loss) == pytest.approx(expected, rel=1e-4)


def test_utterances_are_weighed_by_their_letters_and_cut_to_their_lengths():
    log_probs = random_log_probs(2, 6)
    lines = [(word("ab", 0, 4),), (word("c", 0, 4),)]
    expected = ctc(log_probs[0, :5].double().numpy(), classes_of("ab"))
    expected += ctc(log_probs[1, :3].double().numpy(), classes_of("c"))
    loss = utterance_loss(log_probs, lines, [5, 3])
    assert float(loss) == pytest.approx(expected / 3, rel=1e-4)


@pytest.mark.parametrize("sharp", [False, True])
def test_the_timed_loss_is_that_of_each_word_and_of_the_pauses(sharp):
    log_probs = random_log_probs(1, 16)
    scores = log_probs[0].double().numpy()
    words = (word("ab", 2, 6), word("aa", 8, 13))
    change = with_dear_blank if sharp else np.copy
    spoken = ctc(change(scores[2:6]), classes_of("ab"))
    spoken += ctc(change(scores[8:13]), classes_of("aa"))
    # A frame on each side of a word belongs to neither.
    quiet = [0, 14, 15]
    pauses = -scores[quiet, BLANK].sum()
    loss = timed_loss(log_probs, [words], [16], sharp=sharp)
    assert float(loss) == pytest.approx((spoken + 0.5 * pauses) / 4, rel=1e-4)


def test_padding_is_no_pause():
    log_probs = random_log_probs(1, 16)
    longer = torch.cat([log_probs, random_log_probs(1, 9, seed=1)], 1)
    words = [(word("ab", 2, 6),)]
    short = timed_loss(log_probs, words, [16], sharp=True)
    assert float(timed_loss(longer, words, [16], sharp=True)) == pytest.approx(
        float(short), rel=1e-5
    )


def test_words_of_all_rows_are_taken_from_their_own_row():
    log_probs = random_log_probs(2, 10)
    lines = [(word("ab", 1, 5),), (word("cde", 2, 9),)]
    alone = [
        float(timed_loss(log_probs[k : k + 1], lines[k : k + 1], [10], sharp=False))
        for k in range(2)
    ]
    together = timed_loss(log_probs, lines, [10, 10], sharp=False)
    assert float(together) == pytest.approx((2 * alone[0] + 3 * alone[1]) / 5, rel=1e-4)


def test_a_word_that_is_said_too_fast_is_left_out_but_is_no_pause():
    log_probs = random_log_probs(1, 16)
    fits, crowded = word("ab", 2, 6), word("abcde", 8, 12)
    loss = timed_loss(log_probs, [(fits, crowded)], [16], sharp=False)
    scores = log_probs[0].double().numpy()
    quiet = [0, 13, 14, 15]
    expected = ctc(scores[2:6], classes_of("ab")) - 0.5 * scores[quiet, BLANK].sum()
    assert float(loss) == pytest.approx(expected / 2, rel=1e-4)


def test_of_a_batch_without_a_word_that_fits_only_the_pauses_count():
    log_probs = random_log_probs(1, 8)
    loss = timed_loss(log_probs, [(word("abc", 1, 3),)], [8], sharp=True)
    quiet = log_probs[0, 4:, BLANK].double().sum()
    assert float(loss) == pytest.approx(-0.5 * float(quiet), rel=1e-4)


def learned(sharp: bool) -> torch.Tensor:
    """Return the log-probabilities that minimise the loss of "ab" on frames 2 to 9."""
    logits = torch.zeros(1, 12, CLASSES, requires_grad=True)
    optimiser = torch.optim.Adam([logits], lr=0.2)
    for _ in range(150):
        optimiser.zero_grad()
        timed_loss(
            logits.log_softmax(-1), [(word("ab", 2, 10),)], [12], sharp=sharp
        ).backward()
        optimiser.step()
    return logits.detach()[0].log_softmax(-1)


def test_the_sharp_form_begins_and_ends_letters_with_the_word():
    sharp, free = learned(sharp=True), learned(sharp=False)
    a, b = classes_of("ab")
    assert sharp[[2, 9], BLANK].max() < math.log(0.01)
    assert sharp[2, a] > math.log(0.9)
    assert sharp[9, b] > math.log(0.9)
    assert sharp[0].argmax() == sharp[11].argmax() == BLANK
    # Left to itself CTC prefers blank there.
    assert free[[2, 9], BLANK].min() > math.log(0.5)


def test_a_blank_at_the_edge_of_a_word_costs_twenty_nats():
    def loss(edge: int) -> float:
        """One letter on each frame but the first, which has another class."""
        probable = [edge, *classes_of("abcd"), BLANK]
        logits = torch.full((1, 6, CLASSES), -40.0)
        logits[0, range(6), probable] = 0
        log_probs = logits.log_softmax(-1)
        return float(timed_loss(log_probs, [(word("abcd", 0, 5),)], [6], sharp=True))

    (a,) = classes_of("a")
    assert loss(edge=a) == pytest.approx(0, abs=1e-3)
    assert loss(edge=BLANK) == pytest.approx(20 / 4, abs=1e-3)


@pytest.mark.parametrize("sharp", [False, True])
@pytest.mark.parametrize("scale", [1.0, 60.0])
def test_gradients_are_finite(sharp, scale):
    generator = torch.Generator().manual_seed(4)
    logits = scale * torch.randn(2, 40, CLASSES, generator=generator)
    logits.requires_grad_()
    lines = [
        (word("hello", 1, 12), word("llama", 13, 30)),
        (word("zz", 5, 9), word("x", 39, 44)),  # reaches beyond the end
    ]
    log_probs = logits.log_softmax(-1)
    loss = timed_loss(log_probs, lines, [40, 38], sharp=sharp)
    loss = loss + utterance_loss(log_probs, lines, [40, 38])
    loss.backward()
    assert logits.grad is not None
    assert torch.isfinite(loss)
    assert torch.isfinite(logits.grad).all()
    assert logits.grad.abs().sum() > 0


def test_an_utterance_that_is_too_short_costs_nothing_and_breaks_nothing():
    logits = torch.zeros(1, 2, CLASSES, requires_grad=True)
    loss = utterance_loss(logits.log_softmax(-1), [(word("abcde", 0, 2),)], [2])
    loss.backward()
    assert float(loss.detach()) == 0
    assert logits.grad is not None
    assert torch.isfinite(logits.grad).all()
