"""CTC losses of the bundled model.

``timed_loss`` knows when each word is said and takes CTC over exactly the frames of
each word. With ``sharp`` set, blank is dear inside words and forbidden on their first
and last frame, so that letters begin where the word begins: this removes CTC's habit of
firing late (about 40 ms). Without it the model is free to choose, which it needs in
order to follow people; training uses the sharp form first and the free one last.

Shapes: logits (B, T, C), one output frame every 20 ms.
"""

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from models.augment import TimedWord
from models.network import BLANK, LABELS
from schemas.units import frames_from_sec

_CLASS_OF = {label: index for index, label in enumerate(LABELS) if label}
_SHARP_BLANK_COST = 1.0
_SHARP_EDGE_COST = 20.0
_PAUSE_WEIGHT = 0.5

Words = Sequence[tuple[TimedWord, ...]]


def classes_of(letters: str) -> list[int]:
    """Return the class of each letter (a-z and ')."""
    return [_CLASS_OF[letter] for letter in letters]


def utterance_loss(log_probs: Tensor, words: Words, lengths: Sequence[int]) -> Tensor:
    """Plain CTC over whole utterances, summed and divided by the number of letters.

    Args:
      log_probs: natural log, (B, T, C).
      words: of each row; their letters are the target, their times do not matter.
      lengths: frames of each row; an utterance that does not fit in them costs nothing.

    Returns:
      Nats per letter, a scalar.
    """
    targets = [classes_of("".join(word.letters for word in row)) for row in words]
    return _ctc(log_probs.transpose(0, 1), targets, torch.tensor(lengths))


def timed_loss(
    log_probs: Tensor, words: Words, lengths: Sequence[int], *, sharp: bool
) -> Tensor:
    """CTC per word over its own frames, plus half of blank in the pauses, per letter.

    Words that have hardly more frames than letters are left out; if that leaves none,
    only the pauses count.

    Args:
      log_probs: natural log, (B, T, C).
      words: of each row, with times in seconds from the row's start.
      lengths: frames of each row; what follows is padding.
      sharp: whether letters have to begin and end with their word.

    Returns:
      Nats per letter, a scalar.
    """
    frames = log_probs.shape[1]
    quiet = torch.arange(frames)[None] < torch.tensor(lengths)[:, None]
    rows, starts, counts, targets = [], [], [], []
    for row, line in enumerate(words):
        for word in line:
            start = min(frames - 1, max(0, frames_from_sec(word.start_sec)))
            end = min(frames, max(frames_from_sec(word.end_sec), start + 1))
            # A frame on each side belongs to neither: the truth is good to 10 ms.
            quiet[row, max(0, start - 1) : end + 1] = False
            if end - start > _needed_frames(word.letters):
                rows.append(row)
                starts.append(start)
                counts.append(end - start)
                targets.append(classes_of(word.letters))
    letters = max(1, sum(map(len, targets)))
    pauses = -log_probs[..., BLANK][quiet].sum() / letters
    if not targets:
        return _PAUSE_WEIGHT * pauses
    count_W = torch.tensor(counts)
    index = torch.tensor(starts)[:, None] + torch.arange(int(count_W.max()))[None]
    windows = log_probs[torch.tensor(rows)[:, None], index.clamp_max(frames - 1)]
    if sharp:
        windows = torch.cat([_dear_blank(windows, count_W), windows[..., 1:]], -1)
    spoken = _ctc(windows.transpose(0, 1), targets, count_W)
    return spoken + _PAUSE_WEIGHT * pauses


def _dear_blank(windows: Tensor, counts: Tensor) -> Tensor:
    """Return the blank column made dear, and forbidden at both ends.

    The frames then no longer sum to one, as torch's CTC gradient presumes: at an edge
    it pushes blank down by its squared probability instead of its probability.
    """
    cost = torch.full(windows.shape[:2], _SHARP_BLANK_COST)
    cost[:, 0] = _SHARP_EDGE_COST
    cost[torch.arange(len(counts)), counts - 1] = _SHARP_EDGE_COST
    return (windows[..., BLANK] - cost)[..., None]


def _needed_frames(letters: str) -> int:
    """Count the frames that CTC needs: one a letter, one between equal letters."""
    repeats = sum(a == b for a, b in itertools.pairwise(letters))
    return len(letters) + repeats


def _ctc(log_probs_TBC: Tensor, targets: list[list[int]], lengths: Tensor) -> Tensor:
    target_lengths = torch.tensor([len(target) for target in targets])
    losses = functional.ctc_loss(
        log_probs_TBC,
        torch.tensor([label for target in targets for label in target]),
        lengths,
        target_lengths,
        blank=BLANK,
        reduction="none",
        zero_infinity=True,
    )
    return losses.sum() / target_lengths.sum()
