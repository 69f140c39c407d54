"""What a recogniser hears in a segment, against the letters of its text.

Words that the model cannot write (numbers, which may be read in any form, and words
whose letters it does not know) are left out, and so is the stretch in which they were
said. Letters are compared without spaces and case, as ``aligner.spelling`` writes them
for the model: in a-z and ', or in the language's own.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from rapidfuzz.distance import Levenshtein

from aligner.emissions import read_columns
from aligner.runs import is_timed
from aligner.spelling import Speller
from schemas.alignment import WordSpan
from schemas.segment import Segment
from schemas.units import frames_from_sec, rounded

if TYPE_CHECKING:
    from aligner.emissions import AcousticModel

# An edge is two words, and more where these are short: one wrong letter of a word of
# two would say little.
EDGE_WORDS, EDGE_LETTERS = 2, 8
_DECIMALS = 5


@dataclass(frozen=True)
class Transcriber:
    """How one model writes one language, and what each of its columns says."""

    speller: Speller
    letters: tuple[str, ...]
    """Of each column, in lower case; "" for the blank, separators and other signs."""
    blank: int

    @classmethod
    def of(cls, model: "AcousticModel", language: str) -> "Transcriber":
        """Return the transcriber of a model."""
        speller = Speller.of(model, language)
        known = set(speller.columns.values())
        letters = tuple(
            label.lower() if column in known else ""
            for column, label in enumerate(model.labels)
        )
        return cls(speller, letters, model.blank)

    def written(self, word: str) -> str:
        """Return the letters of one written word; "" for a number."""
        return "".join(self.letters[column] for column in self.speller.tokens(word))

    def heard(self, best_T: npt.NDArray[np.integer]) -> str:
        """Return the letters of the best column of each frame (T,)."""
        return read_columns(best_T, self.letters, self.blank)


@dataclass(frozen=True)
class _Part:
    """Words that were said in one stretch: one word, or all that share a star."""

    spans: tuple[WordSpan, ...]
    letters: tuple[str, ...]
    """Of each word."""

    @property
    def is_left_out(self) -> bool:
        """Tell whether it was said and the model cannot write all of it."""
        return is_timed(self.spans[0]) and not all(self.letters)


def with_opinion(
    segment: Segment,
    best_T: npt.NDArray[np.integer],
    transcriber: Transcriber,
    hop_samples: int,
) -> Segment:
    """Return a segment with ``cer`` and ``edge_cer``.

    Args:
      segment: with its words and their times.
      best_T: the model's best column at each frame of the whole recording (T,).
      transcriber: of the model, for the segment's language.
      hop_samples: samples from one frame to the next.

    Returns:
      Both are NaN where the text has no letter that the model could write.
    """
    parts = list(_parts(segment, transcriber))
    frames = _compared_frames(segment, parts, hop_samples)
    heard = transcriber.heard(best_T[frames[frames < len(best_T)]])
    words = [
        letters for part in parts if not part.is_left_out for letters in part.letters
    ]
    return replace(
        segment,
        cer=rounded(character_error_rate("".join(words), heard), _DECIMALS),
        edge_cer=rounded(edge_error_rate(words, heard), _DECIMALS),
    )


def character_error_rate(written: str, heard: str) -> float:
    """Return the edits from one to the other over the written letters.

    Letters put in, left out and exchanged count one each, so that it can be above 1.
    NaN where nothing is written.
    """
    if not written:
        return math.nan
    return Levenshtein.distance(written, heard) / len(written)


def edge_error_rate(words: Sequence[str], heard: str) -> float:
    """Return the larger error rate of the first and of the last words.

    The first words (two at least, 8 letters at least) are compared with the beginning
    of what was heard, as far as it fits them best; so words that only the reader or
    only the text has count where the segment was cut, and no other fault does. 0 to 1;
    NaN where nothing is written.
    """
    words = [word for word in words if word]
    backwards = [word[::-1] for word in reversed(words)]
    return max(
        _opening_error_rate(words, heard), _opening_error_rate(backwards, heard[::-1])
    )


def _opening_error_rate(words: Sequence[str], heard: str) -> float:
    opening = ""
    for count, word in enumerate(words):
        if count >= EDGE_WORDS and len(opening) >= EDGE_LETTERS:
            break
        opening += word
    # Nothing at all costs every letter; beyond twice their number all fits cost more.
    lengths = range(min(len(heard), 2 * len(opening)) + 1)
    return min(character_error_rate(opening, heard[:length]) for length in lengths)


def _parts(segment: Segment, transcriber: Transcriber) -> Iterator[_Part]:
    together: list[WordSpan] = []
    for span in segment.words:
        # NaN equals nothing: a word without a time is a part of its own.
        if together and span.start_sec != together[-1].start_sec:
            yield _part(together, transcriber)
            together = []
        together.append(span)
    if together:
        yield _part(together, transcriber)


def _part(spans: Sequence[WordSpan], transcriber: Transcriber) -> _Part:
    return _Part(tuple(spans), tuple(transcriber.written(span.word) for span in spans))


def _compared_frames(
    segment: Segment, parts: Sequence[_Part], hop_samples: int
) -> npt.NDArray[np.int64]:
    """Return the frames of a segment without those of the parts that are left out.

    Such a part takes half of the pauses to its neighbours with it.
    """
    timed = [part for part in parts if is_timed(part.spans[0])]
    if not timed:
        return np.zeros(0, np.int64)
    borders_sec = [
        segment.start_sec,
        *((a.spans[-1].end_sec + b.spans[0].start_sec) / 2 for a, b in pairwise(timed)),
        segment.end_sec,
    ]
    borders = [frames_from_sec(border_sec, hop_samples) for border_sec in borders_sec]
    kept = [
        np.arange(max(first, 0), last)
        for (first, last), part in zip(pairwise(borders), timed, strict=True)
        if not part.is_left_out
    ]
    return np.concatenate([np.zeros(0, np.int64), *kept])
