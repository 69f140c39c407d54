"""What alignment finds out: when each verse and word was spoken, and how surely."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class WordSpan:
    """One written word in time; ``char_start``/``char_end`` index the verse's text."""

    word: str
    start_sec: float
    end_sec: float
    score: float
    char_start: int
    char_end: int
    confidence: float = float("nan")
    """0 to 1: how probably its frames spell this word, by ``aligner.posteriors``. A
    number has score and confidence of the form that was read, NaN where none was."""


@dataclass(frozen=True)
class StarSpan:
    """Speech that the letters do not cover: an unwritten title, or a number.

    ``for_text`` is the written text that the star stands for ("" if none was written).
    """

    start_sec: float
    end_sec: float
    for_text: str

    @property
    def interval(self) -> tuple[float, float]:
        """Its start and end."""
        return self.start_sec, self.end_sec


class EventKind(StrEnum):
    """How a reading can differ from the text."""

    UNWRITTEN = "unwritten"  # speech that the text does not have
    OMITTED = "omitted"  # a verse that was not read
    REPEATED = "repeated"  # a verse that was read more than once
    ASIDE = "aside"  # a heading or other aside that was read
    UNREAD = "unread"  # a bracketed reference that was passed over
    FOREIGN = "foreign"  # the whole text is not what was read


@dataclass(frozen=True)
class ReadingEvent:
    """One place where the reading differs from the verses' text.

    ``verse`` is the verse itself, or the one before which it happened ("" at the end).
    Of a verse that was read again the interval is that of the readings before the last,
    which is the one that the verse's times are of. What was
    left out takes no time. A foreign text is told at the first verse, for as long as
    the recording lasts.
    """

    kind: EventKind
    verse: str
    start_sec: float
    end_sec: float
    text: str = ""
    """What was read or passed over, where it is written."""

    @property
    def interval(self) -> tuple[float, float]:
        """Its start and end."""
        return self.start_sec, self.end_sec


class AdaptationOutcome(StrEnum):
    """What became of adapting the model to a reader."""

    OFF = "off"  # nobody asked for it, or nothing was aligned
    ADAPTED = "adapted"
    TOO_SHORT = "too_short"  # too few verses whose words are known
    MARGIN_LOW = "margin_low"  # the verses hardly fit their text better than another
    MARGIN_FELL = "margin_fell"  # what was learnt did not help with other verses
    NOT_TRAINABLE = "not_trainable"  # the model has no weights to train


@dataclass(frozen=True)
class Adaptation:
    """Whether the model followed the reader, and what that rests on.

    Margins are nats a letter by which verses that were kept from training fit their own
    text better than another, before and after; NaN where it did not come to that.
    """

    outcome: AdaptationOutcome = AdaptationOutcome.OFF
    recording_id: str = ""
    """Whose verses were learnt, or found unfit."""
    margin_before: float = float("nan")
    margin_after: float = float("nan")


NOT_ADAPTED = Adaptation()


@dataclass(frozen=True, kw_only=True)
class VerseAlignment:
    """One verse in time. A verse without a single letter or number has no interval."""

    verse: str
    text: str
    romanised: str
    start_sec: float
    end_sec: float
    score: float
    score_worst: float
    words: tuple[WordSpan, ...]
    stars: tuple[StarSpan, ...]
    spoken_text: str = ""
    """What was read, where it is known to differ from the text: numbers in words, and
    no reference that was passed over."""
    confidence: float = float("nan")
    """The lowest of its words: one wrong word does not show in a mean of twenty."""
    margin: float = float("nan")
    """Nats by which its next best start is worse, by ``aligner.margins``."""


@dataclass(frozen=True, kw_only=True)
class ChapterAlignment:
    """All of a recording: its verses in time and what was measured on the way.

    ``frame_score`` (T,) float32: log P(aligned) - log P(greedy) at each frame, NaN
    where a star was aligned. ``level_db`` (2 per frame) float32: energy every 10 ms.
    From these two every later stage can score and cut without emissions.
    """

    recording_id: str
    language: str
    duration_sec: float
    verses: tuple[VerseAlignment, ...]
    stars: tuple[StarSpan, ...]
    """Speech outside any verse: the unwritten title, and that of the events."""
    events: tuple[ReadingEvent, ...] = ()
    """Where the reading differs from the text, in order of time."""
    model: str
    """Fingerprint; of an adapted one with "+" and the digest of what was learnt."""
    adaptation: Adaptation = NOT_ADAPTED
    frame_score: npt.NDArray[np.float32]
    level_db: npt.NDArray[np.float32]
    hop_samples: int
