"""Choices of the aligner, each with its unit; unknown values are refused at once."""

from dataclasses import dataclass

from schemas.errors import ConfigError

BACKENDS = ("viterbi", "torchaudio", "ctc-segmentation")
SEGMENT_MODES = ("packed", "verse")


def _require(holds: bool, key: str, expected: str, got: object) -> None:
    if not holds:
        raise ConfigError(f"{key}: expected {expected}, got {got!r}")


@dataclass(frozen=True, kw_only=True)
class AlignConfig:
    """How a chapter is aligned."""

    backend: str = "viterbi"
    """viterbi (our own), torchaudio or ctc-segmentation. These two align the plain
    line: with them the reader has no freedom, whatever the keys below say."""
    star_at_start: bool = True
    """Let a wildcard take speech before verse 1 that is not in the text (a title)."""
    star_log_prob: float = 0.0
    """Log-probability of the star per frame; 0 as in the MMS paper."""
    star_between_verses: bool = True
    """Let a wildcard take speech between verses that is not in the text."""
    star_at_end: bool = True
    """Let it take what follows the last verse."""
    free_star_log_prob: float | None = None
    """Log-probability of all stars per frame where the reading is free; None takes it
    from the recording's own scores, and the plain line where these tell too little."""
    star_toll: float = 10.0
    """Cost (nats) of each such wildcard, so that it does not nibble at verses."""
    omissions: bool = True
    """A verse may be left out."""
    omission_cost: float = 40.0
    """Cost (nats) of a verse that was left out."""
    repeats: bool = True
    """A verse may be read more than once."""
    repeat_cost: float = 20.0
    """Cost (nats) of reading a verse again."""
    asides: bool = True
    """Headings, titles and announcements of the text may be read or not; else, and
    where the reading is not free, they are taken for unread."""
    number_forms: bool = True
    """A number may be read in one of the forms known of its language, or otherwise."""
    unread_references: bool = True
    """Scripture references in brackets may be passed over."""
    pause_cost: float = 20.0
    """Cost (nats) of starting a verse where no pause has just ended; 0 turns it off."""
    pause_decay_sec: float = 0.3
    """Near a pause of length l the cost is pause_cost * exp(-l / pause_decay_sec)."""
    min_pause_sec: float = 0.15
    """Shorter quiet stretches are closures of stops, not pauses."""
    confidence: bool = True
    """Find the confidence of words and the margin of verses; else they are NaN."""
    window_sec: float = 30.0
    context_sec: float = 3.0
    batch_windows: int = 4

    @property
    def free_reading(self) -> bool:
        """Whether anything but the plain line is aligned; only viterbi can."""
        return self.backend == "viterbi" and any((
            self.star_between_verses, self.star_at_end, self.omissions,
            self.repeats, self.asides, self.number_forms, self.unread_references,
        ))  # fmt: skip

    def __post_init__(self) -> None:
        _require(self.backend in BACKENDS, "align.backend", f"one of {BACKENDS}",
                 self.backend)  # fmt: skip
        _require(self.backend == "viterbi" or self.pause_cost == 0, "align.pause_cost",
                 f"0 with align.backend = {self.backend!r}, which has no such cost",
                 self.pause_cost)  # fmt: skip
        _require(self.star_log_prob <= 0, "align.star_log_prob", "0 or below",
                 self.star_log_prob)  # fmt: skip
        level = self.free_star_log_prob
        _require(level is None or level <= 0, "align.free_star_log_prob",
                 "0 or below", level)  # fmt: skip
        for name in ("star_toll", "omission_cost", "repeat_cost", "pause_cost",
                     "context_sec"):  # fmt: skip
            value = getattr(self, name)
            _require(value >= 0, f"align.{name}", "0 or above", value)
        for name in ("pause_decay_sec", "min_pause_sec", "window_sec",
                     "batch_windows"):  # fmt: skip
            value = getattr(self, name)
            _require(value > 0, f"align.{name}", "above 0", value)


@dataclass(frozen=True, kw_only=True)
class SegmentConfig:
    """How an aligned chapter is cut."""

    mode: str = "packed"
    """packed: join and split verses towards target_sec; verse: one segment a verse."""
    target_sec: float = 12.0
    min_sec: float = 2.0
    max_sec: float = 20.0
    pad_sec: float = 0.10
    """Quiet kept on each side of the speech where there is room."""

    def __post_init__(self) -> None:
        _require(self.mode in SEGMENT_MODES, "segment.mode",
                 f"one of {SEGMENT_MODES}", self.mode)  # fmt: skip
        _require(0 < self.min_sec <= self.target_sec <= self.max_sec, "segment",
                 "0 < min_sec <= target_sec <= max_sec",
                 (self.min_sec, self.target_sec, self.max_sec))  # fmt: skip
        _require(0 <= self.pad_sec <= 1, "segment.pad_sec", "0 to 1", self.pad_sec)
