"""Which of many texts hold the letters of a probe in their order: a cheap first look.

Runs of letters that the model heard are looked up in all texts at once. In the text
that was read they lie on one line: as far apart as they were spoken.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from aligner.path import IntArray

# Three letters in a row are heard even where every second letter is not.
RUN = 3
# Letters that were added or passed over move a probe along by less than this.
BAND = 24

Codes = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class LetterIndex:
    """Where each run of letters stands in any of N texts, laid end to end."""

    codes: Codes
    """Of every run, in order."""
    places: Codes
    """Its place in the texts laid end to end."""
    starts: Codes
    """Where each text begins in them (N + 1,)."""
    columns: int
    """Labels of the model."""

    @classmethod
    def of(cls, texts: Sequence[IntArray], columns: int) -> "LetterIndex":
        """Index texts by their letters (L,), label ids below ``columns``."""
        codes = [_runs(tokens, columns) for tokens in texts]
        starts = np.cumsum([0, *map(len, codes)])
        laid = np.concatenate([*codes, np.zeros(0, np.int64)])
        order = np.argsort(laid, kind="stable")
        return cls(laid[order], order, starts, columns)

    def matches(self, letters: IntArray) -> Codes:
        """Return how many runs of some letters lie on one line in each text (N,)."""
        count = len(self.starts) - 1
        runs = _runs(letters, self.columns)
        first = np.searchsorted(self.codes, runs, "left")
        found = np.searchsorted(self.codes, runs, "right") - first
        heard_at = np.repeat(np.arange(len(runs)), found)
        nth = np.arange(found.sum()) - np.repeat(np.cumsum(found) - found, found)
        places = self.places[np.repeat(first, found) + nth]
        text = np.searchsorted(self.starts, places, "right") - 1
        # Bands of each text are its own; they overlap by half.
        line = places - self.starts[text] - heard_at + len(runs)
        bands = int((np.diff(self.starts).max(initial=0) + len(runs)) // BAND) + 2
        counts = np.bincount(text * bands + line // BAND, minlength=count * bands)
        counts = counts.reshape(count, bands)
        return (counts[:, :-1] + counts[:, 1:]).max(axis=1)


def _runs(tokens: IntArray, columns: int) -> Codes:
    length = max(0, len(tokens) - RUN + 1)
    codes = np.zeros(length, np.int64)
    for k in range(RUN):
        codes = codes * columns + tokens[k : k + length]
    return codes
