"""What an alignment needs and what comes out of it, whichever backend finds it.

Shapes: T frames, C labels, L tokens.
"""

import math
from dataclasses import dataclass
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
    """Log-probability of the path, entry costs subtracted."""
    frames: IntArray
    """Label id at each frame (T,)."""
    starts: IntArray
    """First frame of each token (L,)."""
    ends: IntArray
    """Frame after the last one of each token (L,)."""


@dataclass(frozen=True, eq=False)
class EntryCosts:
    """The cost (nats) of entering a flagged token at each frame."""

    cost: FloatArray  # (T,)
    tokens: npt.NDArray[np.bool_]  # (L,)


def as_array(values: "npt.ArrayLike | torch.Tensor") -> npt.NDArray[Any]:
    """Return numpy's view of an array or a tensor; a CUDA tensor is copied."""
    if hasattr(values, "detach"):
        values = values.detach().cpu()
        if values.is_floating_point():
            values = values.float()  # numpy has no bfloat16
    return np.asarray(values)


def checked_emissions(emissions_TC: "npt.ArrayLike | torch.Tensor") -> FloatArray:
    """Return the emissions as a contiguous float32 array, without a copy if they are.

    Raises:
      ValueError: not two-dimensional, or a value is NaN or +inf.
    """
    emissions = np.ascontiguousarray(as_array(emissions_TC), dtype=np.float32)
    if emissions.ndim != 2:
        raise ValueError(f"emissions: expected shape (T, C), got {emissions.shape}")
    # The largest value tells of both NaN and +inf, without a mask of the whole array.
    if emissions.size and not emissions.max() < np.inf:
        frame, label = np.argwhere(~(emissions < np.inf))[0]
        raise ValueError(
            f"emissions: expected log-probabilities, got {emissions[frame, label]} at "
            f"frame {frame}, label {label}; the model's output is not usable"
        )
    return emissions


def checked_tokens(
    tokens_L: "npt.ArrayLike | torch.Tensor", emissions_TC: FloatArray, blank: int
) -> IntArray:
    """Return the tokens as int32, if there are frames enough for them.

    Raises:
      AlignmentInfeasible: there are fewer frames than tokens and repeats.
      ValueError: the tokens are no vector of integers, or one is blank or no column.
    """
    tokens = as_array(tokens_L)
    if tokens.ndim != 1 or (tokens.size and tokens.dtype.kind not in "iu"):
        raise ValueError(
            f"tokens: expected integers of shape (L,), got {tokens.dtype} of shape "
            f"{tokens.shape}"
        )
    frames, labels = emissions_TC.shape
    if not 0 <= blank < labels:
        raise ValueError(f"blank: expected 0 to {labels - 1}, got {blank}")
    wrong = np.flatnonzero((tokens < 0) | (tokens >= labels) | (tokens == blank))
    if wrong.size:
        raise ValueError(
            f"tokens[{wrong[0]}]: expected a label from 0 to {labels - 1} that is not "
            f"the blank ({blank}), got {tokens[wrong[0]]}"
        )
    repeats = int(np.count_nonzero(tokens[1:] == tokens[:-1]))
    if frames < len(tokens) + repeats:
        raise AlignmentInfeasible(
            f"{len(tokens)} tokens need at least {len(tokens) + repeats} frames "
            f"(equal neighbours: {repeats}), got {frames}; is the audio truncated? "
            "does the text belong to it?"
        )
    return tokens.astype(np.int32)


def checked_entries(
    entry_cost_T: npt.ArrayLike | None,
    entry_tokens: npt.ArrayLike | None,
    shape: tuple[int, int],
) -> EntryCosts | None:
    """Return the entry costs, None if there are none; ``shape`` is (T, L).

    Raises:
      ValueError: one of the two is missing, shapes do not fit, a cost is not finite.
    """
    if (entry_cost_T is None) != (entry_tokens is None):
        raise ValueError("entry_cost_T and entry_tokens: expected both or neither")
    if entry_cost_T is None or entry_tokens is None:
        return None
    cost = np.ascontiguousarray(as_array(entry_cost_T), dtype=np.float32)
    flagged = as_array(entry_tokens)
    if (cost.shape + flagged.shape) != shape or flagged.dtype != bool:
        raise ValueError(
            f"entry costs: expected shape {shape[:1]} and bool flags of shape "
            f"{shape[1:]}, got {cost.shape} and {flagged.dtype} {flagged.shape}"
        )
    if not np.isfinite(cost).all():
        frame = np.flatnonzero(~np.isfinite(cost))[0]
        raise ValueError(f"entry_cost_T[{frame}]: expected a number, got {cost[frame]}")
    return EntryCosts(cost, flagged)


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
    entries: EntryCosts | None = None,
) -> AlignmentPath:
    """Return the path with the given starts and ends, blank between them.

    The score is summed anew from the emissions, in float64.

    Raises:
      AlignmentInfeasible: the path has probability 0.
    """
    starts, ends = spans
    frames = np.full(len(emissions_TC), blank, np.int32)
    inside = np.repeat(tokens_L, ends - starts)
    # Frames of all tokens in order: each start, counted on through its own token.
    before = np.cumsum(ends - starts) - (ends - starts)
    offset = np.arange(len(inside)) - np.repeat(before, ends - starts)
    frames[np.repeat(starts, ends - starts) + offset] = inside
    score = float(emissions_TC[np.arange(len(frames)), frames].sum(dtype=np.float64))
    if entries is not None:
        score -= float(entries.cost[starts[entries.tokens]].sum(dtype=np.float64))
    if score == -math.inf:
        raise impossible(len(frames), len(tokens_L))
    return AlignmentPath(score, frames, starts.astype(np.int32), ends.astype(np.int32))
