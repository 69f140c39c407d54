"""What comes out: segments, rejects and the ledger of every second."""

from dataclasses import dataclass, field
from enum import StrEnum

from schemas.alignment import WordSpan


@dataclass(frozen=True, kw_only=True)
class Segment:
    """A half-open audio interval with its text and everything measured about it.

    Word times are relative to the recording, like ``start_sec``; ``char_start`` and
    ``char_end`` of a word count in ``text``. ``verses`` are the numbers of its verses
    with commas between them, also of those of which it holds a part. ``romanised`` has
    one word for each written one, one space apart; that of a number is empty. An
    unlabeled segment has no text, no words and NaN scores.
    ``confidence`` is the lowest of its words, ``margin`` that of its verses.
    """

    key: str
    recording_id: str
    language: str
    split: str
    book: str = ""
    verses: str = ""
    text: str = ""
    romanised: str = ""
    words: tuple[WordSpan, ...] = ()
    start_sec: float
    end_sec: float
    duration_sec: float
    score: float = float("nan")
    score_worst: float = float("nan")
    confidence: float = float("nan")
    margin: float = float("nan")
    chars_per_sec: float = float("nan")
    star_sec: float = 0.0
    level_db: float = float("nan")
    edge_start_db: float = float("nan")
    edge_end_db: float = float("nan")
    chars_per_sec_z: float = float("nan")
    """Place of ``chars_per_sec`` in its language."""
    cer: float = float("nan")
    edge_cer: float = float("nan")
    extra_nats: float = float("nan")
    other_nats: float = float("nan")
    unread_nats: float = float("nan")
    null_quantile: float = float("nan")
    trust: float = float("nan")
    cv_cer: float = float("nan")
    cv_recording_cer: float = float("nan")
    snr_db: float = float("nan")
    clipped_share: float = float("nan")
    silence_share: float = float("nan")
    music: float = float("nan")
    repeated_share: float = float("nan")
    script: str = ""
    script_share: float = float("nan")
    source: str = ""
    """Of audio without text where it is from, "" of a segment with text: recording,
    star, aside, repeated, not_segmented, unread."""
    speech_share: float = float("nan")
    """Share of the time in which somebody speaks; NaN where nobody listened for it."""
    lid_language: str = ""
    """What a language identifier hears, "" if none was asked."""
    lid_score: float = float("nan")
    """Posterior of the declared language."""
    reader: str = ""
    drama: bool = False
    licence: str = ""
    """Of the recording."""
    model_licence: str = ""
    """Of the weights that aligned it, "" unknown; "none" where none had a say: known
    times, and audio without text."""


# They depend on other recordings or on a later look, and are in the table alone, so
# that a shard does not change with them.
TABLE_ONLY = (
    "chars_per_sec_z",
    "cer",
    "edge_cer",
    "extra_nats",
    "other_nats",
    "unread_nats",
    "null_quantile",
    "trust",
    "cv_cer",
    "cv_recording_cer",
)


class Fate(StrEnum):
    """What became of a stretch of audio."""

    LABELED = "labeled"
    UNLABELED = "unlabeled"
    DROPPED = "dropped"


@dataclass(frozen=True)
class LedgerEntry:
    """One stretch of one recording and what became of it."""

    recording: str
    language: str
    start_sec: float
    end_sec: float
    fate: Fate
    reason: str = ""


@dataclass(frozen=True, order=True)
class Reject:
    """An input that could not be processed."""

    stage: str
    key: str
    reason: str
    message: str
    language: str = ""


@dataclass(frozen=True)
class ClipRef:
    """Where a segment's FLAC bytes lie: all that travels between stages."""

    segment: Segment
    pack: str
    offset: int
    length: int
    labeled: bool = field(default=True)
