"""How dear a star is in a recording, taken from the recording's own scores.

A star has to cost more than the text where it was read, and less than what else could
cover speech that is not written: blanks. Both differ from model to model and from
reader to reader. Medians over 8 languages (bundled model): verses -0.2 to -0.4 a frame,
blanks over the same speech -0.8 to -1.2; on one person: verses -0.8, blanks -0.4. There
text and silence cannot be told apart frame by frame, so that nothing may be left out.
"""

import numpy as np

from aligner.path import AlignmentPath, FloatArray
from aligner.tokens import EncodedChapter

_SHARE_OF_THE_WAY = 1 / 4
# Nats a frame by which verses must stand above blanks.
_LEAST_DISTANCE = 0.2


def star_level(
    emissions_TC: FloatArray, path: AlignmentPath, encoded: EncodedChapter, blank: int
) -> float | None:
    """Return the star's log-probability per frame, None if text tells nothing.

    Args:
      emissions_TC: of the model, without stars.
      path: of the chapter's plain line.
      encoded: the chapter.
      blank: the model's blank.
    """
    frames = np.minimum(path.frames, emissions_TC.shape[1] - 1)
    own = emissions_TC[np.arange(len(frames)), frames]
    means, blanks = [], []
    for verse in range(len(encoded.verses)):
        tokens = np.flatnonzero(encoded.token_verse == verse)
        if len(tokens):
            span = slice(path.starts[tokens[0]], path.ends[tokens[-1]])
            means.append(own[span].mean())
            blanks.append(emissions_TC[span, blank].mean())
    # Medians: up to half of the verses may be wrong.
    read, silent = np.median(means), np.median(blanks)
    if not read > silent + _LEAST_DISTANCE:
        return None
    return float(read + _SHARE_OF_THE_WAY * (silent - read))
