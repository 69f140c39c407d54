"""How sure a CTC model is of the letters that it hears.

Shapes: log-probabilities (T, C), one column of the C for each of T frames.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from rapidfuzz.distance import Levenshtein

from aligner.emissions import collapsed

# A mean over so many draws varies by a quarter of what one draw varies.
_DRAWS = 16
# Frames that are surer than this are not drawn.
_SURE = 0.9999

LogProbs = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Certainty:
    """What the probabilities of one segment say of its best path."""

    posterior: float
    """Mean probability of the frames that are not blank; NaN if all are."""
    sampled_cer: float
    """Mean edits from the best path's letters to those of paths that are drawn by the
    model's own probabilities, for each letter of the former (for the one that an empty
    text may lack)."""


def certainty_of(
    log_probs_TC: LogProbs, blank: int, silent: Collection[int], seed: int
) -> Certainty:
    """Return how sure a model is.

    Args:
      log_probs_TC: natural logarithms; columns that are not allowed are -inf.
      blank: column of the blank.
      silent: further columns that are no letters, such as the word separator.
      seed: of the draws; the same gives the same.
    """
    best_T = log_probs_TC.argmax(axis=1)
    said_T = best_T != blank
    posterior = float("nan")
    if said_T.any():
        posterior = float(
            np.exp(log_probs_TC.max(axis=1)[said_T]).mean(dtype=np.float64)
        )
    letters = _letters(best_T, blank, silent)
    edits = [
        Levenshtein.distance(letters, _letters(path_T, blank, silent))
        for path_T in _drawn(log_probs_TC, best_T, seed)
    ]
    return Certainty(posterior, float(np.mean(edits)) / max(1, len(letters)))


def is_feasible(columns: npt.NDArray[np.integer], frames: int) -> bool:
    """Tell whether CTC can spell some columns (L,) in so many frames.

    Between two that are equal there must be a blank.
    """
    repeats = int((columns[1:] == columns[:-1]).sum())
    return len(columns) + repeats <= frames


def _drawn(
    log_probs_TC: LogProbs, best_T: npt.NDArray[np.integer], seed: int
) -> Iterator[npt.NDArray[np.integer]]:
    """Yield paths (T,), each frame drawn by itself."""
    rng = np.random.default_rng(seed)
    probs_TC = np.exp(log_probs_TC, dtype=np.float64)
    sums_T = probs_TC.sum(axis=1)
    open_U = np.flatnonzero(probs_TC.max(axis=1) < _SURE * sums_T)
    ends_UC = np.cumsum(probs_TC[open_U], axis=1)
    for _ in range(_DRAWS):
        path_T = best_T.copy()
        places_U = rng.random(len(open_U)) * sums_T[open_U]
        drawn_U = (ends_UC <= places_U[:, None]).sum(axis=1)
        path_T[open_U] = np.minimum(drawn_U, log_probs_TC.shape[1] - 1)
        yield path_T


def _letters(
    path_T: npt.NDArray[np.integer], blank: int, silent: Collection[int]
) -> str:
    columns = collapsed(path_T, blank)
    return "".join(chr(column) for column in columns if column not in silent)
