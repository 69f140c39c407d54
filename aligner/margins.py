"""How much worse the next best placement of a verse is: its margin, in nats.

The best path is compared with the best one in which the verse begins somewhere else,
more than half a second away. A repeated phrase, a verse that is not in the recording,
or a text of another reader has a margin near 0.

Scores up to each frame (forward) and from it (backward) give the best path through any
entry into a verse's first token, all of them in two passes. Only a band of tokens on
either side of the path is computed, so that the margin is bounded from above: a better
path that leaves the band is not seen. Jumps are kept as the path took them.

Shapes: T frames, C labels, L tokens, R tokens as read, V verses.
"""

import numpy as np
import numpy.typing as npt

from aligner.graph import Jumps
from aligner.lattice import lattice_of
from aligner.path import (
    AlignmentPath,
    EntryCosts,
    FloatArray,
    IntArray,
    checked_entries,
)
from aligner.score_kernel import add_rest_of_path, score_entries
from schemas.units import FRAME_SAMPLES, frames_from_sec

# A placement nearer than this is the same one.
APART_SEC = 0.5
BAND_TOKENS = 40


def verse_margins(
    emissions_TC: FloatArray,
    tokens_L: IntArray,
    blank: int,
    path: AlignmentPath,
    first_tokens_V: IntArray,
    *,
    entry_cost_T: npt.ArrayLike | None = None,
    entry_tokens: npt.ArrayLike | None = None,
    tolls_L: npt.ArrayLike | None = None,
    jumps: Jumps | None = None,
    hop_samples: int = FRAME_SAMPLES,
    band_tokens: int = BAND_TOKENS,
) -> npt.NDArray[np.float64]:
    """Return by how much each verse's next best start is worse (V,), nats.

    NaN for a verse that has no tokens or was left out, inf where the band has no other
    start. Of a verse that was read twice the last reading counts. Below 0 only if the
    path is not the best one, as that of another backend.

    Args:
      emissions_TC: log-probabilities with the star's column, as they were aligned.
      tokens_L: label ids (L,).
      blank: column of the blank.
      path: what ``aligner.viterbi.forced_align`` found with the arguments that follow.
      first_tokens_V: the first token of each verse, -1 for none.
      entry_cost_T: as in ``forced_align``.
      entry_tokens: likewise.
      tolls_L: likewise.
      jumps: likewise.
      hop_samples: samples from one frame to the next.
      band_tokens: width of the band on either side of the path.

    Raises:
      ValueError: the costs have another shape than frames and tokens.
    """
    margins = np.full(len(first_tokens_V), np.nan)
    read, starts, ends = tokens_as_read(path, blank, jumps)
    shape = (len(emissions_TC), len(tokens_L))
    costs = checked_entries(entry_cost_T, entry_tokens, tolls_L, shape)
    costs = EntryCosts(costs.cost, costs.tokens[read], costs.tolls[read])
    lattice = lattice_of(emissions_TC, tokens_L[read], blank, costs)
    # The path's position at each frame: it rises by one at most.
    middle = np.searchsorted(ends, np.arange(lattice.frames), side="right")
    low = np.maximum(middle - band_tokens, 0).astype(np.int32)
    high = np.minimum(middle + band_tokens + 1, lattice.positions).astype(np.int32)

    verses = np.flatnonzero(first_tokens_V >= 0)
    begin = path.starts[first_tokens_V[verses]]
    verses, begin = verses[begin >= 0], begin[begin >= 0]
    order = np.argsort(begin)
    verses, begin = verses[order], begin[order]
    position = np.searchsorted(starts, begin)
    first = np.searchsorted(high, position, side="right")
    counts = np.searchsorted(low, position, side="right") - first
    places = np.append(0, np.cumsum(counts))
    entries = np.stack([position, first, places[:-1]], axis=1)
    scores = np.empty(places[-1])
    for add in (score_entries, add_rest_of_path):
        add(
            lattice.emissions, blank, lattice.entry_cost, lattice.text, low, high,
            entries, scores,
        )  # fmt: skip
    apart = frames_from_sec(APART_SEC, hop_samples)
    for k, verse in enumerate(verses):
        own = scores[places[k] : places[k + 1]]
        margins[verse] = _margin(own, int(begin[k] - first[k]), apart)
    return margins


def tokens_as_read(
    path: AlignmentPath, blank: int, jumps: Jumps | None
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the tokens in the order in which the path reads them, (R,) each.

    Returns:
      The index of each token in the text; its first frame; the frame after its last.
    """
    frames = path.frames
    change = frames[1:] != frames[:-1]
    spoken = frames != blank
    starts = np.flatnonzero(spoken & np.append(True, change)[: len(frames)])
    ends = np.flatnonzero(spoken & np.append(change, True)[: len(frames)]) + 1
    index = np.arange(len(starts))
    if jumps is None or not path.jumps:
        return index, starts, ends
    taken = np.array(path.jumps)
    last = np.searchsorted(taken[:, 0], starts, side="right") - 1
    since = index - np.searchsorted(starts, taken[:, 0])[last]
    return (
        np.where(last < 0, index, jumps.targets[taken[last, 1]] + since),
        starts,
        ends,
    )


def _margin(scores: npt.NDArray[np.float64], at: int, apart: int) -> float:
    """Return by how much the best score more than ``apart`` away is below that at."""
    before, after = scores[: max(0, at - apart)], scores[at + apart + 1 :]
    other = max(before.max(initial=-np.inf), after.max(initial=-np.inf))
    return float(scores[at] - other)
