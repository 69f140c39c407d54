"""The same loops as ``aligner.gpu_kernel`` in plain torch, where Triton is missing.

Exact likewise, on any device, and slow: some twenty small operations a frame and
chapter.
"""

import numpy as np
import torch
from torch import Tensor

from aligner import steps
from aligner.gpu_batch import Batch, Place
from aligner.trace import trace as trace_line


def advance(batch: Batch, begin: int, end: int, *, keep: bool) -> None:
    """Move the rows of all chapters from frame ``begin`` to ``end`` or their own end.

    ``keep``: write choices, for the positions from which the path's can be reached.
    """
    tops = batch.tops[:, 0].tolist()
    for place, top in zip(batch.places, tops, strict=True):
        if begin < place.frames:
            _advance_one(batch, place, range(begin, min(end, place.frames)), top, keep)


def trace(batch: Batch, begin: int, end: int) -> None:
    """Follow the choices of a block back: fill ``states``, ``jumped``, ``tops``.

    In the block of a chapter's last frame ``ends`` is filled too.
    """
    sources, numbers = batch.sources.cpu().numpy(), batch.numbers.cpu().numpy()
    for index, place in enumerate(batch.places):
        stop = min(end, place.frames)
        if begin >= stop:
            continue
        if stop == place.frames:
            _finish(batch, index, place)
        if batch.ends[index] == -torch.inf:
            continue  # there is no path: the choices lead anywhere
        top, in_token = batch.tops[index].tolist()
        low = _low(place, _top(place, stop, top), stop - begin)
        choices, taken = _kept(batch, place, stop - begin)
        states, codes = np.empty((2, stop - begin), np.int32)
        codes[:] = -1
        own = slice(place.position_at, place.position_at + place.positions)
        position, in_token = trace_line(
            choices.cpu().numpy(), low, top, bool(in_token), taken.cpu().numpy(),
            batch.row_of[own].cpu().numpy(), sources, states, codes,
        )  # fmt: skip
        span = slice(place.frame_at + begin, place.frame_at + stop)
        by_jump = codes >= 0
        codes[by_jump] = numbers[codes[by_jump]]
        batch.states[span] = torch.from_numpy(states).to(batch.states)
        batch.jumped[span] = torch.from_numpy(codes).to(batch.jumped)
        batch.tops[index] = torch.tensor([position, in_token]).to(batch.tops)


def _finish(batch: Batch, index: int, place: Place) -> None:
    """Write where a chapter's path ends, and its score."""
    rows = batch.rows[place.frames % 2]
    last = place.position_at + place.positions - 1
    rest = float(rows[0, last])
    own = float(rows[1, last - 1]) if place.positions > 1 else -torch.inf
    ends_in_token = int(own > rest)
    batch.ends[index] = max(own, rest)
    batch.tops[index, 0] = place.positions - 1 - ends_in_token
    batch.tops[index, 1] = ends_in_token


def _top(place: Place, stop: int, top: int) -> int:
    """Return the highest position that the path can have in a block up to ``stop``."""
    return place.positions - 1 if stop == place.frames or place.targets else top


def _low(place: Place, top: int, frames: int) -> int:
    """Return the first position from which ``top`` is reached in so many frames."""
    return 0 if place.targets else max(0, top - frames)


def _kept(batch: Batch, place: Place, frames: int) -> tuple[Tensor, Tensor]:
    """Return the choices (K, width) and the jumps taken (K, V, 2) of a block."""
    choices = batch.choices[place.choice_at :][: frames * place.width]
    taken = batch.taken[place.taken_at :][: frames * place.targets * 2]
    return (
        choices.view(frames, place.width),
        taken.view(frames, place.targets, 2),
    )


def _advance_one(
    batch: Batch, place: Place, frames: range, top: int, keep: bool
) -> None:
    count = len(frames)
    high = _top(place, frames.stop, top) + 1 if keep else place.positions
    low = _low(place, high - 1, count) if keep else 0
    span = slice(place.position_at + low, place.position_at + high)
    labels = (batch.words[span] >> 2).long()
    gaps = torch.where(batch.words[span] & 1 != 0, -torch.inf, 0.0).double()
    marks = (batch.words[span] & 2 != 0).double()
    tolls = batch.tolls[span].double()
    emissions = batch.emissions[place.emission_at :][: place.frames * place.columns]
    emissions = emissions.view(-1, place.columns)
    entry_cost = batch.entry_cost[place.frame_at :].double()
    before = batch.rows[frames.start % 2]
    blanks, letters = before[:, span].clone()
    jumps = _Jumps(batch, place) if place.targets else None
    # What is left of the window leads to the path's positions in the first frame only.
    nowhere = letters.new_full((1,), -torch.inf)
    edge = before[1, span.start - 1 : span.start].clone() if low else nowhere
    choices, taken = _kept(batch, place, count if keep else 0)
    for index, t in enumerate(frames):
        blank_score, cost = emissions[t, batch.blank].double(), entry_cost[t]
        close = emissions[t, labels].double()
        left = torch.cat([edge, letters[:-1]])
        edge = nowhere
        over = left + gaps
        enter = torch.maximum(over, blanks) - cost * marks - tolls
        new_blanks = torch.maximum(left, blanks) + blank_score
        new_letters = torch.maximum(enter, letters) + close
        if keep:
            way = torch.where(over > blanks, steps.FROM_TOKEN, steps.FROM_BLANK)
            way = torch.where(enter > letters, way, 0)
            way += torch.where(left > blanks, steps.BLANK_FROM_TOKEN, 0)
            choices[index, : high - low] = way.to(torch.uint8)
        if jumps is not None:
            found = jumps.take(
                (blanks, letters), (new_blanks, new_letters), emissions[t], cost
            )
            if keep:
                taken[index] = found
                choices[index, jumps.targets] += jumps.flags(found)
        blanks, letters = new_blanks, new_letters
    batch.rows[frames.stop % 2][:, span] = torch.stack([blanks, letters])


class _Jumps:
    """The jumps of one chapter, and how they are taken in a frame."""

    def __init__(self, batch: Batch, place: Place) -> None:
        own = slice(place.target_at, place.target_at + place.targets)
        self.targets = batch.targets[own].long()
        self.first, self.after = batch.first[own].long(), batch.after[own].long()
        self.rounds = int((self.after - self.first).max())
        self.sources, self.costs = batch.sources.long(), batch.costs.double()
        text = slice(place.position_at, place.position_at + place.positions)
        words = batch.words[text]
        self.labels = (words >> 2).long()
        self.marks = (words[self.targets] & 2 != 0).double()
        self.tolls = batch.tolls[text][self.targets]
        self.blank = batch.blank

    def take(
        self, old: tuple[Tensor, Tensor], new: tuple[Tensor, Tensor], row: Tensor,
        cost: Tensor,
    ) -> Tensor:  # fmt: skip
        """Enter blanks and tokens by jumps where that is better, in place.

        Returns:
          Twice the jump into each and 1 if it came from a token, -1 for none (V, 2).
        """
        labels = self.labels[self.targets]
        gain = (row[labels] - self.tolls).double()
        codes = torch.full((len(labels), 2), -1, device=row.device)
        for k in range(self.rounds):
            some = torch.nonzero(self.first + k < self.after)[:, 0]
            jump, targets = self.first[some] + k, self.targets[some]
            sources = self.sources[jump]
            rest = old[0][sources] - self.costs[jump]
            before = (sources - 1).clamp(min=0)
            over = old[1][before] - self.costs[jump]
            over[sources == 0] = -torch.inf
            by_token = over > rest
            found = torch.maximum(over, rest) + row[self.blank].double()
            _enter(new[0], targets, found, codes[:, 0], some, 2 * jump + by_token)
            by_token &= self.labels[before] != labels[some]
            found = torch.where(by_token, over, rest) - cost * self.marks[some]
            found += gain[some]
            _enter(new[1], targets, found, codes[:, 1], some, 2 * jump + by_token)
        return codes.int()

    def flags(self, codes: Tensor) -> Tensor:
        """Return what the choices of the targets gain (V,)."""
        blank = torch.where(codes[:, 0] >= 0, steps.BLANK_BY_JUMP, 0)
        token = torch.where(codes[:, 1] >= 0, steps.TOKEN_BY_JUMP, 0)
        return (blank + token).to(torch.uint8)


def _enter(
    scores: Tensor, targets: Tensor, found: Tensor, codes: Tensor, some: Tensor,
    code: Tensor,
) -> None:  # fmt: skip
    better = found > scores[targets]
    scores[targets] = torch.where(better, found, scores[targets])
    codes[some] = torch.where(better, code, codes[some])
