"""The verses of an aligned chapter as clips of sound with the letters said in them."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from aligner.spelling import Speller
from schemas.alignment import ChapterAlignment, EventKind
from schemas.units import samples_from_sec

# A verse keeps the pause around it up to its middle, but no more than this.
_MARGIN_SEC = 0.5
# A longer verse would take the memory of many.
_LONGEST_SEC = 30.0
_NOT_AS_WRITTEN = (EventKind.OMITTED, EventKind.REPEATED, EventKind.UNREAD)


@dataclass(frozen=True, eq=False)
class VerseClip:
    """Samples ``[start, end)`` of a recording and the columns of their letters (L,)."""

    start: int
    end: int
    tokens: npt.NDArray[np.int32]

    @property
    def samples(self) -> int:
        """Its length."""
        return self.end - self.start


def verse_clips(alignment: ChapterAlignment, speller: Speller) -> tuple[VerseClip, ...]:
    """Return the verses of which it is known what was said, in order of time.

    Left out are verses with a star (a number of which no form is known), verses that
    were not read as they are written, and those of more than 30 s. A text that is
    foreign to its recording has no clips: some of its verses may fit by accident.
    """
    if any(event.kind is EventKind.FOREIGN for event in alignment.events):
        return ()
    changed = {
        event.verse for event in alignment.events if event.kind in _NOT_AS_WRITTEN
    }
    spoken = sorted(_spoken_intervals(alignment))
    hop = alignment.hop_samples
    clips = []
    for verse in alignment.verses:
        own = (verse.start_sec, verse.end_sec)
        if verse.stars or verse.verse in changed or own not in spoken:
            continue
        at = spoken.index(own)
        before_sec = spoken[at - 1][1] if at else -math.inf
        after_sec = spoken[at + 1][0] if at + 1 < len(spoken) else math.inf
        start_sec = max(0.0, own[0] - _margin_sec(own[0] - before_sec))
        end_sec = own[1] + _margin_sec(after_sec - own[1])
        clip = VerseClip(
            samples_from_sec(start_sec),
            samples_from_sec(min(end_sec, alignment.duration_sec)),
            speller.tokens(verse.spoken_text or verse.text),
        )
        too_long = clip.samples > samples_from_sec(_LONGEST_SEC)
        if not too_long and 0 < needed_frames(clip.tokens) <= clip.samples // hop:
            clips.append(clip)
    return tuple(clips)


def needed_frames(tokens_L: npt.NDArray[np.int32]) -> int:
    """Return how many frames CTC needs: one a token, one between equal neighbours."""
    return len(tokens_L) + int((tokens_L[1:] == tokens_L[:-1]).sum())


def _spoken_intervals(alignment: ChapterAlignment) -> list[tuple[float, float]]:
    """Return verses and what was spoken between them."""
    verses = [(verse.start_sec, verse.end_sec) for verse in alignment.verses]
    own = [interval for interval in verses if interval[0] < interval[1]]
    return own + [star.interval for star in alignment.stars]


def _margin_sec(pause_sec: float) -> float:
    return min(max(0.0, pause_sec / 2), _MARGIN_SEC)
