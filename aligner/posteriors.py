"""How surely each word was spoken where it was aligned: its confidence, 0 to 1.

A CTC model gives each spelling of some frames a probability, and those of all spellings
together are 1. So the probability that a word's frames spell this word is a posterior
in which every other word, known or not, competes. A word of n letters takes n + 1
decisions, one for each letter and one to end there; the confidence is their geometric
mean, so that long words are not at a disadvantage.

Posteriors over the placements of a given text (forward-backward over its lattice) were
measured and found weaker, because they take for granted that the text was read. On
2,628 words of synthetic speech, every twentieth of them replaced in the text, the area
under their curve was 0.92, that of the MMS score 0.989 and that of this one 0.995.
"""

import numpy as np
import numpy.typing as npt

from aligner.path import AlignmentPath, FloatArray, IntArray
from aligner.score_kernel import spelling_log_probs
from aligner.spans import FrameSpans
from schemas.units import FRAME_SAMPLES, frames_from_sec

# Letters that were heard but not written lie in the path's blanks beside a word. Where
# half a word was missing in the text 0.1 s found it with 0.80, 0.4 s with 0.94.
_REACH_SEC = 0.4


def word_confidences(
    emissions_TC: FloatArray,
    blank: int,
    path: AlignmentPath,
    spans: FrameSpans,
    hop_samples: int = FRAME_SAMPLES,
) -> npt.NDArray[np.float64]:
    """Return the confidence of each span (W,): NaN for stars and what was left out.

    A word has the frames of its tokens and the blanks around them, up to the tokens
    beside it, but at most 0.4 s on either side. A number's span has the tokens that
    were read there: those of a form in place of its star.

    Args:
      emissions_TC: log-probabilities without the star's column, (T, C).
      blank: column of the blank.
      path: where the tokens are.
      spans: words and stars, as ``aligner.spans.frame_spans`` returns them.
      hop_samples: samples from one frame to the next.
    """
    unread = np.append(0, np.cumsum(path.starts < 0))
    whole = unread[spans.end_tokens] == unread[spans.first_tokens]
    is_star = path.frames[spans.start_frames] >= emissions_TC.shape[1]
    kept = np.flatnonzero(whole & ~is_star)
    spoken = path.frames != blank
    begins = np.flatnonzero(spoken & (np.diff(path.frames, prepend=blank) != 0))
    # Tokens in the order in which they were read, and which of them each span has.
    heard = path.frames[begins]
    first = np.searchsorted(begins, spans.start_frames[kept])
    stop = np.searchsorted(begins, spans.end_frames[kept])
    start, end = _with_blanks(
        spoken,
        spans.start_frames[kept],
        spans.end_frames[kept],
        max(1, frames_from_sec(_REACH_SEC, hop_samples)),
    )
    words = np.stack([first, stop, start, end], axis=1).astype(np.int32)
    log_probs = np.empty(len(kept))
    spelling_log_probs(emissions_TC, blank, heard, words, log_probs)
    confidence = np.full(len(spans.word), np.nan)
    # The sum over all spellings may be 1 + 1e-6, as float32 goes.
    confidence[kept] = np.minimum(np.exp(log_probs / (stop - first + 1)), 1.0)
    return confidence


def _with_blanks(
    spoken_T: npt.NDArray[np.bool_], start: IntArray, end: IntArray, reach: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the intervals, widened by the blanks beside them."""
    frames = np.arange(len(spoken_T))
    after = np.maximum.accumulate(np.where(spoken_T, frames + 1, 0))
    before = np.where(spoken_T, frames, len(spoken_T))
    before = np.minimum.accumulate(before[::-1])[::-1]
    least = np.append(0, after)[start]
    most = np.append(before, len(spoken_T))[end]
    return np.maximum(least, start - reach), np.minimum(most, end + reach)
