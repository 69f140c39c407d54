"""What an alignment needs and what comes out of it, whichever backend finds it.

Shapes: T frames, C labels, L tokens.
"""

import math
from dataclasses import dataclass
from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from schemas.errors import AlignmentInfeasible

if TYPE_CHECKING:
    import torch

FloatArray = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class AlignmentPath:
    """The path of a text through the emissions; intervals of frames are half-open."""

    score: float
    """Log-probability of the path, costs of entries and jumps subtracted."""
    frames: IntArray
    """Label id at each frame (T,)."""
    starts: IntArray
    """First frame of each token (L,), -1 where it was left out; of a token that was
    read twice, that of the last reading."""
    ends: IntArray
    """Frame after the last one of each token (L,), likewise."""
    tokens: IntArray
    """Which token is spoken at each frame (T,), -1 in blanks."""
    jumps: tuple[tuple[int, int], ...] = ()
    """Frame and number of each jump taken: the first frame after it."""
    computed_share: float = 1.0
    """Share of the lattice that was computed. Below 1 the rest was left out because a
    bound proves that no best path leads there: the path is exact either way."""


@dataclass(frozen=True, eq=False)
class EntryCosts:
    """The cost (nats) of entering tokens."""

    cost: FloatArray
    """Of entering a flagged token at each frame (T,)."""
    tokens: npt.NDArray[np.bool_]
    """Which tokens are flagged (L,)."""
    tolls: FloatArray
    """Of entering each token, at any frame (L,)."""


def as_array(name: str, values: "npt.ArrayLike | torch.Tensor") -> npt.NDArray[Any]:
    """Return numpy's view of an array or a tensor; a CUDA tensor is copied.

    Raises:
      ValueError: lists of several lengths; the message begins with the name.
    """
    if hasattr(values, "detach"):
        values = values.detach().cpu()
        if values.is_floating_point():
            values = values.float()  # numpy has no bfloat16
    try:
        return np.asarray(values)
    except ValueError as error:
        raise ValueError(f"{name}: expected an array: {error}") from error


def as_reals(name: str, values: "npt.ArrayLike | torch.Tensor") -> FloatArray:
    """Return a contiguous float32 array, without a copy if it is one already.

    Raises:
      ValueError: these are no real numbers; the message begins with the name.
    """
    array = as_array(name, values)
    if array.dtype.kind not in "fiu":
        raise ValueError(f"{name}: expected real numbers, got {array.dtype}")
    with np.errstate(over="ignore"):  # what float32 cannot hold is infinite
        return np.asarray(array, np.float32, order="C")


def checked_emissions(emissions_TC: "npt.ArrayLike | torch.Tensor") -> FloatArray:
    """Return the emissions as a contiguous float32 array, without a copy if they are.

    Raises:
      ValueError: not two-dimensional, or a value is no number, NaN or +inf.
    """
    emissions = as_reals("emissions", emissions_TC)
    if emissions.ndim != 2:
        raise ValueError(f"emissions: expected shape (T, C), got {emissions.shape}")
    # The largest value tells of both NaN and +inf, without a mask of the whole array.
    if emissions.size and not emissions.max() < np.inf:
        frame, label = np.argwhere(~(emissions < np.inf))[0]
        raise no_log_prob(emissions[frame, label], frame, label)
    return emissions


def no_log_prob(value: float, frame: int, label: int) -> ValueError:
    """Return the error for emissions that hold NaN or +inf."""
    return ValueError(
        f"emissions: expected log-probabilities, got {value} at frame {frame}, label "
        f"{label}; the model's output is not usable"
    )


def checked_tokens(
    tokens_L: "npt.ArrayLike | torch.Tensor",
    emissions_TC: "FloatArray | torch.Tensor",
    blank: int,
    *,
    whole: bool = True,
) -> IntArray:
    """Return the tokens as int32, if there are frames enough for them.

    ``whole``: whether all of them have to be read, else a frame will do.

    Raises:
      AlignmentInfeasible: there are fewer frames than tokens and repeats.
      ValueError: the tokens are no vector of integers, or one is blank or no column.
    """
    tokens = as_array("tokens", tokens_L)
    if tokens.ndim != 1 or (tokens.size and tokens.dtype.kind not in "iu"):
        raise ValueError(
            f"tokens: expected integers of shape (L,), got {tokens.dtype} of shape "
            f"{tokens.shape}"
        )
    frames, labels = emissions_TC.shape
    if not labels:
        raise ValueError("emissions: expected a column for each label, got none")
    if not (isinstance(blank, Integral) and 0 <= blank < labels):
        raise ValueError(f"blank: expected 0 to {labels - 1}, got {blank!r}")
    wrong = np.flatnonzero((tokens < 0) | (tokens >= labels) | (tokens == blank))
    if wrong.size:
        raise ValueError(
            f"tokens[{wrong[0]}]: expected a label from 0 to {labels - 1} that is not "
            f"the blank ({blank}), got {tokens[wrong[0]]}"
        )
    repeats = int(np.count_nonzero(tokens[1:] == tokens[:-1]))
    needed = len(tokens) + repeats if whole else min(len(tokens), 1)
    if frames < needed:
        raise AlignmentInfeasible(
            f"{len(tokens)} tokens need at least {needed} frames "
            f"(equal neighbours: {repeats}), got {frames}; is the audio truncated? "
            "does the text belong to it?"
        )
    return tokens.astype(np.int32)


def checked_entries(
    entry_cost_T: npt.ArrayLike | None,
    entry_tokens: npt.ArrayLike | None,
    tolls_L: npt.ArrayLike | None,
    shape: tuple[int, int],
) -> EntryCosts:
    """Return the entry costs, 0 where none are given; ``shape`` is (T, L).

    Raises:
      ValueError: one of the first two is missing, shapes do not fit, a cost is not
        finite.
    """
    if (entry_cost_T is None) != (entry_tokens is None):
        raise ValueError("entry_cost_T and entry_tokens: expected both or neither")
    flagged = np.zeros(shape[1], bool) if entry_tokens is None else entry_tokens
    flagged = as_array("entry_tokens", flagged)
    if flagged.shape != shape[1:] or flagged.dtype != bool:
        raise ValueError(
            f"entry_tokens: expected bool of shape {shape[1:]}, got {flagged.dtype} of "
            f"shape {flagged.shape}"
        )
    return EntryCosts(
        _finite("entry_cost_T", entry_cost_T, shape[0]),
        flagged,
        _finite("tolls_L", tolls_L, shape[1]),
    )


def _finite(name: str, values: npt.ArrayLike | None, length: int) -> FloatArray:
    if values is None:
        return np.zeros(length, np.float32)
    costs = as_reals(name, values)
    if costs.shape != (length,):
        raise ValueError(f"{name}: expected shape ({length},), got {costs.shape}")
    if not np.isfinite(costs).all():
        index = np.flatnonzero(~np.isfinite(costs))[0]
        raise ValueError(f"{name}[{index}]: expected a number, got {costs[index]}")
    return costs


def impossible(frames: int, tokens: int) -> AlignmentInfeasible:
    """Return the error for a text whose every path has probability 0."""
    return AlignmentInfeasible(
        f"every path of {tokens} tokens through {frames} frames has probability 0; "
        "does the text belong to the audio, and the model to the text?"
    )


def path_from_spans(
    emissions_TC: FloatArray,
    tokens_L: IntArray,
    blank: int,
    spans: tuple[IntArray, IntArray],
) -> AlignmentPath:
    """Return the path with the given starts and ends, blank between them.

    Raises:
      AlignmentInfeasible: the path has probability 0.
    """
    states = np.zeros(len(emissions_TC), np.int32)
    for token, (start, end) in enumerate(zip(*spans, strict=True)):
        states[start:end] = 2 * token + 1
    return path_from_states(emissions_TC, tokens_L, blank, states)


def path_from_states(
    emissions_TC: FloatArray,
    tokens_L: IntArray,
    blank: int,
    states_T: IntArray,
    entries: EntryCosts | None = None,
    jumped: tuple[IntArray, FloatArray] | None = None,
) -> AlignmentPath:
    """Return the path that is in state 2j + 1 (token j) or an even one (blank) at t.

    The score is summed anew from the emissions, in float64.

    Args:
      emissions_TC: as in ``forced_align``.
      tokens_L: as in ``forced_align``.
      blank: as in ``forced_align``.
      states_T: int32.
      entries: costs of entering tokens.
      jumped: the jump into each frame (T,), -1 for none, and the cost of each jump.

    Raises:
      AlignmentInfeasible: the path has probability 0.
    """
    frames = labels_of_states(states_T, tokens_L, blank)
    heard = emissions_TC[np.arange(len(frames)), frames]
    return path_from_heard(heard, tokens_L, frames, states_T, entries, jumped)


def labels_of_states(states_T: IntArray, tokens_L: IntArray, blank: int) -> IntArray:
    """Return the label at each frame, int32 (T,)."""
    spoken = (states_T & 1).astype(bool)
    frames = np.full(len(states_T), blank, np.int32)
    frames[spoken] = tokens_L[states_T[spoken] >> 1]
    return frames


def path_from_heard(
    heard_T: FloatArray,
    tokens_L: IntArray,
    frames_T: IntArray,
    states_T: IntArray,
    entries: EntryCosts | None = None,
    jumped: tuple[IntArray, FloatArray] | None = None,
) -> AlignmentPath:
    """Do the same from the log-probability and the label at each frame."""
    token = states_T >> 1
    spoken = (states_T & 1).astype(bool)
    change = states_T[1:] != states_T[:-1]
    entered = np.flatnonzero(spoken & np.append(True, change)[: len(states_T)])
    left = np.flatnonzero(spoken & np.append(change, True)[: len(states_T)]) + 1
    starts = np.full(len(tokens_L), -1, np.int32)
    ends = starts.copy()
    # Of a token that was read twice the last reading stays.
    starts[token[entered]] = entered
    ends[token[left - 1]] = left
    score = float(heard_T.sum(dtype=np.float64))
    if entries is not None:
        paid = entered[entries.tokens[token[entered]]]
        score -= float(entries.cost[paid].sum(dtype=np.float64))
        score -= float(entries.tolls[token[entered]].sum(dtype=np.float64))
    jumps: tuple[tuple[int, int], ...] = ()
    if jumped is not None:
        at = np.flatnonzero(jumped[0] >= 0)
        taken = jumped[0][at]
        score -= float(jumped[1][taken].sum(dtype=np.float64))
        jumps = tuple(zip(at.tolist(), taken.tolist(), strict=True))
    if score == -math.inf:
        raise impossible(len(frames_T), len(tokens_L))
    tokens = np.where(spoken, token, -1).astype(np.int32)
    return AlignmentPath(score, frames_T, starts, ends, tokens, jumps)
