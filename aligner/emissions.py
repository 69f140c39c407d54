"""Runs an acoustic model over a whole recording, window by window.

Shapes: waveform (N,), windows (B, n), emissions (T, C) with T = ceil(N / hop).
"""

import functools
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

import numpy as np

from aligner.config import AlignConfig
from schemas.errors import ArtifactError
from schemas.units import frames_from_samples, frames_from_sec

_SUM_TOLERANCE = 1e-2
"""How far the probabilities of a frame may sum from 1: float32 is good to 1e-5, half
precision to 1e-2, and logits that were never normalised are off by whole nats."""

Gate = AbstractContextManager[object]
"""What a recording holds while it is in the model, such as a lock."""

OPEN_GATE: Gate = nullcontext()
"""Nobody waits for anybody."""


class AcousticModel(Protocol):
    """What the aligner asks of a model; ``models.load_acoustic_model`` returns one."""

    @property
    def name(self) -> str:
        """How the configuration calls it: "bundled", "mms-fa", "hf:..."."""

    @property
    def fingerprint(self) -> str:
        """SHA-256 over weights and configuration; stored results are named by it."""

    @property
    def licence(self) -> str:
        """Licence of the weights, as an SPDX identifier if it has one; "" unknown."""

    @property
    def labels(self) -> tuple[str, ...]:
        """Label of each column: "" for the blank, one letter for a letter."""

    @property
    def blank(self) -> int:
        """Column of the CTC blank."""

    @property
    def hop_samples(self) -> int:
        """Samples from one frame to the next at 16 kHz."""

    @property
    def romanised(self) -> bool:
        """The letters are a-z and the apostrophe; else they are a language's own."""

    @property
    def word_separator(self) -> int | None:
        """Column of the word separator ("|"), if the model has one."""

    @property
    def start_offset_sec(self) -> float:
        """Constant added to every start after a pause."""

    @property
    def end_offset_sec(self) -> float:
        """Constant added to every end before a pause."""

    @property
    def join_offset_sec(self) -> float:
        """Constant added where a word meets the next one."""

    @property
    def score_threshold(self) -> float:
        """Verses that score at least this are kept by the default selection."""

    def normaliser(self, waveform_N: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
        """Return what brings any part of a recording (N,) to the level of the model.

        A normalised copy of an hour would take 230 MB.
        """

    def log_probs(self, windows_BN: np.ndarray) -> np.ndarray:
        """Return natural log-probabilities, float32 (B, N // hop_samples, C)."""


def compute_emissions(
    waveform_N: np.ndarray,
    model: AcousticModel,
    config: AlignConfig,
    *,
    workers: int = 1,
    gate: Gate = OPEN_GATE,
) -> np.ndarray:
    """Return the log-probabilities of every frame of a recording.

    Each window is forwarded with context on both sides, and only its middle is kept, so
    that the result is that of the whole recording in one piece as long as the model
    looks no further than the context. All windows have the same length: the first and
    the last reach further into the recording instead of beyond its edges. Source: MMS,
    Pratap et al. 2023 (30 s, 3 s of context).

    Args:
        waveform_N: mono at 16 kHz, float32.
        model: the acoustic model.
        config: ``window_sec``, ``context_sec`` and ``batch_windows``.
        workers: threads that forward batches at the same time; they pay where the
            model's own arithmetic runs on fewer cores than there are.
        gate: held while any window of this recording is in the model, also if that
            fails; a lock keeps recordings from a device's memory side by side.

    Returns:
        Natural log-probabilities, float32 (T, C), T = ceil(N / hop).

    Raises:
        ArtifactError: what the model returns are not log-probabilities of its labels.
    """
    hop = model.hop_samples
    frames = frames_from_samples(len(waveform_N), hop)
    normalise = model.normaliser(waveform_N)
    window = max(1, frames_from_sec(config.window_sec, hop))
    context = frames_from_sec(config.context_sec, hop)
    length = min(window + 2 * context, frames)
    # A recording as short as one window with its context is forwarded once, whole.
    kept = range(0, frames, window if length < frames else max(1, frames))
    batches = [
        kept[at : at + config.batch_windows]
        for at in range(0, len(kept), config.batch_windows)
    ]
    emissions_TC = np.empty((frames, len(model.labels)), dtype=np.float32)

    def forward(batch: range) -> None:
        starts = [min(max(at - context, 0), frames - length) for at in batch]
        windows_BN = _windows(waveform_N, normalise, starts, length * hop, hop)
        log_probs_BTC = _checked(model, windows_BN, model.log_probs(windows_BN))
        for at, start, rows in zip(batch, starts, log_probs_BTC, strict=True):
            end = min(at + kept.step, frames)
            emissions_TC[at:end] = rows[at - start : end - start]

    with gate:
        if workers == 1 or len(batches) == 1:
            for batch in batches:
                forward(batch)
        else:
            _side_by_side(forward, batches, workers)
    return emissions_TC


def read_columns(best_T: np.ndarray, labels: tuple[str, ...], blank: int) -> str:
    """Return the labels of a column for each frame (T,): no repeats, no blanks."""
    return "".join(labels[column] for column in collapsed(best_T, blank))


def greedy_columns(emissions_TC: np.ndarray, blank: int) -> np.ndarray:
    """Return the columns of the best path: repeats joined, blanks left out."""
    return collapsed(emissions_TC.argmax(axis=1), blank)


def collapsed(best_T: np.ndarray, blank: int) -> np.ndarray:
    """Return the columns of a path (T,): repeats joined, blanks left out."""
    first_T = np.ones(len(best_T), dtype=bool)
    first_T[1:] = best_T[1:] != best_T[:-1]
    return best_T[first_T & (best_T != blank)]


def _side_by_side(
    forward: Callable[[range], None], batches: Sequence[range], workers: int
) -> None:
    """Forward batches on threads; when it returns or raises, none is under way."""
    futures = [_pool(workers).submit(forward, batch) for batch in batches]
    try:
        for future in futures:
            future.result()
    finally:
        for future in futures:
            future.cancel()
        wait(futures)


@functools.cache
def _pool(workers: int) -> ThreadPoolExecutor:
    """Return the pool of this process: threads outlive the recordings they work on."""
    return ThreadPoolExecutor(workers, thread_name_prefix="emissions")


def _windows(
    waveform_N: np.ndarray,
    normalise: Callable[[np.ndarray], np.ndarray],
    starts: list[int],
    samples: int,
    hop: int,
) -> np.ndarray:
    """Copy windows that begin at the given frames; a last part-frame ends in zeros."""
    windows_BN = np.zeros((len(starts), samples), dtype=np.float32)
    for row, start in zip(windows_BN, starts, strict=True):
        part = normalise(waveform_N[start * hop : start * hop + samples])
        row[: len(part)] = part
    return windows_BN


def _checked(
    model: AcousticModel, windows_BN: np.ndarray, log_probs_BTC: np.ndarray
) -> np.ndarray:
    """Return the log-probabilities if they are some.

    Raises:
        ArtifactError: wrong shape, NaN or infinite values, or not normalised.
    """
    windows, samples = windows_BN.shape
    expected = (windows, samples // model.hop_samples, len(model.labels))
    if log_probs_BTC.shape != expected:
        raise ArtifactError(
            f"model {model.name}: expected log-probabilities of shape {expected} "
            f"(windows, frames, labels), got {log_probs_BTC.shape}"
        )
    if not np.isfinite(log_probs_BTC).all():
        raise ArtifactError(
            f"model {model.name}: expected finite log-probabilities, got NaN or "
            "infinite ones; its weights are probably damaged: delete them and load anew"
        )
    sums_BT = np.exp(log_probs_BTC).sum(axis=2)
    if np.abs(sums_BT - 1).max(initial=0) > _SUM_TOLERANCE:
        raise ArtifactError(
            f"model {model.name}: expected probabilities that sum to 1 in every frame, "
            f"got sums from {sums_BT.min():.4g} to {sums_BT.max():.4g}"
        )
    return log_probs_BTC
