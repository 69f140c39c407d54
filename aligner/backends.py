"""The same alignment by other programs, for comparison: one function, three backends.

Only "viterbi" knows entry costs and has no limit of length.
"""

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from aligner.config import BACKENDS
from aligner.path import (
    AlignmentPath,
    FloatArray,
    IntArray,
    checked_emissions,
    checked_tokens,
    impossible,
    path_from_spans,
)
from aligner.viterbi import forced_align
from schemas.errors import ConfigError

if TYPE_CHECKING:
    import torch

# torchaudio 2.11 on the CPU dies of a segmentation fault above this (measured).
_TORCHAUDIO_MAX_CELLS = 2**31 - 1
_CTC_SEGMENTATION_MAX_BYTES = 4 << 30
# That package works on finite numbers only; exp(-1e4) is 0 in every float.
_LEAST_LOG_PROB = np.float32(-1e4)


def align_with(
    backend: str,
    emissions_TC: "npt.ArrayLike | torch.Tensor",
    tokens_L: "npt.ArrayLike | torch.Tensor",
    blank: int = 0,
    *,
    entry_cost_T: npt.ArrayLike | None = None,
    entry_tokens: npt.ArrayLike | None = None,
) -> AlignmentPath:
    """Return the path that a backend finds, see ``aligner.viterbi.forced_align``.

    torchaudio finds a path of the same score. ctc-segmentation has no blank states: a
    token lasts to the next one, and each of its frames counts as blank or token,
    whichever is likelier. Of these the run that begins the token and fits best is taken
    as the token, so that starts can differ by some frames, and the score, which is
    always that of the path returned, is a little lower.

    Raises:
      ConfigError: the backend is unknown, cannot do entry costs, or not this length.
      AlignmentInfeasible: as ``forced_align``.
      ValueError: as ``forced_align``.
    """
    if backend == "viterbi":
        return forced_align(
            emissions_TC,
            tokens_L,
            blank,
            entry_cost_T=entry_cost_T,
            entry_tokens=entry_tokens,
        )
    if backend not in BACKENDS:
        raise ConfigError(f"align.backend: expected one of {BACKENDS}, got {backend!r}")
    if entry_cost_T is not None or entry_tokens is not None:
        raise ConfigError(
            f"align.backend {backend!r} has no entry costs: set align.pause_cost = 0 "
            'or align.backend = "viterbi"'
        )
    emissions = checked_emissions(emissions_TC)
    tokens = checked_tokens(tokens_L, emissions, blank)
    align = _torchaudio_spans if backend == "torchaudio" else _ctc_segmentation_spans
    spans = align(emissions, tokens, blank) if len(tokens) else (tokens, tokens)
    return path_from_spans(emissions, tokens, blank, spans)


def _torchaudio_spans(
    emissions: FloatArray, tokens: IntArray, blank: int
) -> tuple[IntArray, IntArray]:
    """Return starts and ends of the tokens by torchaudio's ``forced_align``."""
    import torch
    from torchaudio.functional import forced_align as torchaudio_align

    cells = len(emissions) * (2 * len(tokens) + 1)
    if cells > _TORCHAUDIO_MAX_CELLS:
        raise ConfigError(
            f"align.backend 'torchaudio': expected at most {_TORCHAUDIO_MAX_CELLS} "
            f"cells, got {len(emissions)} frames x (2 x {len(tokens)} + 1) tokens and "
            f'blanks = {cells}; set align.backend = "viterbi"'
        )
    writable = emissions if emissions.flags.writeable else emissions.copy()
    labels, _ = torchaudio_align(
        torch.from_numpy(writable)[None],
        torch.from_numpy(tokens)[None],
        blank=blank,
    )
    frames = labels[0].numpy()
    # A token is a run of frames of one label.
    edges = np.flatnonzero(np.diff(frames)) + 1
    starts, ends = np.append(0, edges), np.append(edges, len(frames))
    spoken = frames[starts] != blank
    if not np.array_equal(frames[starts[spoken]], tokens):
        # Where every path has probability 0 its trace-back returns no path at all.
        raise impossible(len(frames), len(tokens))
    return starts[spoken], ends[spoken]


def _ctc_segmentation_spans(
    emissions: FloatArray, tokens: IntArray, blank: int
) -> tuple[IntArray, IntArray]:
    """Return starts and ends of the tokens by the package ``ctc_segmentation``.

    Its ground truth is one row of columns a symbol: -1 for the start, then the tokens,
    with a blank as a symbol between equal neighbours, so that these stay apart.
    """
    import ctc_segmentation

    frames, columns = emissions.shape
    again = np.flatnonzero(tokens[1:] == tokens[:-1]) + 1
    symbols = np.append(-1, np.insert(tokens.astype(np.int64), again, blank))
    is_token = np.insert(np.ones(len(tokens), bool), again, False)
    table_bytes = 4 * (frames + 1) * len(symbols)
    if table_bytes > _CTC_SEGMENTATION_MAX_BYTES:
        raise ConfigError(
            f"align.backend 'ctc-segmentation': {frames} frames x {len(tokens)} tokens "
            f"need {table_bytes / 2**30:.1f} GiB, expected at most "
            f"{_CTC_SEGMENTATION_MAX_BYTES >> 30} GiB (a smaller window is not exact); "
            'set align.backend = "viterbi"'
        )
    # Its first frame can only hold the start symbol, so it is given one before ours.
    silence = np.full((1, columns), _LEAST_LOG_PROB)
    silence[0, blank] = 0
    padded = np.concatenate([silence, np.maximum(emissions, _LEAST_LOG_PROB)])
    config = ctc_segmentation.CtcSegmentationParameters(
        char_list=[str(column) for column in range(columns)],
        blank=blank,
        index_duration=1.0,
        min_window_size=len(padded),  # shorter windows lose the text without a warning
        preamble_transition_cost_zero=False,  # what stands before the text counts too
        backtrack_from_max_t=True,  # and what stands after it
    )
    timings, _, _ = ctc_segmentation.ctc_segmentation(config, padded, symbols[:, None])
    entered = timings[1:].astype(np.int32) - 1
    left = np.append(entered[1:], frames)
    starts = entered[is_token]
    ends = [
        start + 1 + int(np.argmax(_gain(emissions[start:stop], token, blank)))
        for start, stop, token in zip(starts, left[is_token], tokens, strict=True)
    ]
    return starts, np.array(ends, np.int32)


def _gain(emissions: FloatArray, token: int, blank: int) -> npt.NDArray[np.float64]:
    """Return how much better the token than blank is, summed up to each frame."""
    advantage = emissions[:, token].astype(np.float64) - np.maximum(
        emissions[:, blank], _LEAST_LOG_PROB
    )
    return np.cumsum(advantage)
