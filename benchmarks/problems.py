"""Emissions and tokens to align, made up or of a synthetic chapter.

Shapes: T frames, C labels, L tokens.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from aligner.audio import decode_audio
from aligner.config import AlignConfig
from aligner.emissions import compute_emissions
from aligner.tokens import encode_chapter
from benchmarks.speech import recordings, speech_of
from models.catalog import load_acoustic_model
from pipelines.calibrate import chapter_of

BLANK = 0
_LABELS = 28
# Logits by which the planted path stands above noise of standard deviation 1.
_CLEAR_LOGITS = 8.0
_SEED = 330_001


class Problem(NamedTuple):
    """What an aligner is given."""

    emissions: npt.NDArray[np.float32]
    """Log-probabilities (T, C)."""
    tokens: npt.NDArray[np.int32]
    """(L,)."""

    @property
    def cells(self) -> int:
        """Frames times states: a blank around each of the L tokens, so 2 L + 1."""
        return len(self.emissions) * (2 * len(self.tokens) + 1)


def random_problem(frames: int, length: int, seed: int = 0) -> Problem:
    """Return emissions of random logits and random tokens."""
    rng = np.random.default_rng(seed)
    logits = rng.standard_normal((frames, _LABELS), dtype=np.float32)
    logits *= 2
    tokens = rng.integers(1, _LABELS, length, dtype=np.int32)
    return Problem(_normalised(logits), tokens)


def planted_problem(frames: int, length: int, seed: int = 0) -> Problem:
    """Return emissions as of clean speech: random tokens, likeliest where they are.

    Blanks stand between all tokens; runs have random lengths of 1 frame or more.
    """
    rng = np.random.default_rng(seed)
    tokens = rng.integers(1, _LABELS, length, dtype=np.int32)
    labels = np.full(2 * length, BLANK, np.int32)
    labels[1::2] = tokens
    ends = np.sort(rng.choice(frames - 1, 2 * length - 1, replace=False)) + 1
    runs = np.diff(ends, prepend=0, append=frames)
    logits = rng.standard_normal((frames, _LABELS), dtype=np.float32)
    logits[np.arange(frames), np.repeat(labels, runs)] += _CLEAR_LOGITS
    return Problem(_normalised(logits), tokens)


def chapter_problem(language: str, minutes: float) -> Problem:
    """Return what the bundled model hears in a synthetic chapter, and its letters."""
    speech = speech_of(recordings([language], minutes, seed=_SEED, name="aligner"))
    model = load_acoustic_model("bundled", "cpu")
    waveform = decode_audio(speech.audio(speech.jobs[0]))
    encoded = encode_chapter(
        chapter_of(speech.truths[0]),
        model.labels,
        model.blank,
        romanised=model.romanised,
        word_separator=model.word_separator,
        star_at_start=False,
    )
    emissions = compute_emissions(waveform, model, AlignConfig())
    return Problem(emissions, encoded.tokens.astype(np.int32))


def _normalised(logits: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    logits -= np.log(np.exp(logits).sum(axis=1, keepdims=True))
    return logits
