"""The measured qualities that the report draws, and which way each is better."""

from dataclasses import dataclass
from enum import StrEnum


class Better(StrEnum):
    """Which values of a column a rule would keep, as the comparison says it."""

    HIGH = ">="
    LOW = "<="
    NEITHER = ""


@dataclass(frozen=True)
class Column:
    """A number of the segments table as the report shows it."""

    name: str
    title: str
    better: Better
    unit: str = ""

    @property
    def axis(self) -> str:
        """What stands below an axis."""
        return f"{self.title}, {self.unit}" if self.unit else self.title


SCORE, TRUST = "score", "trust"

COLUMNS = (
    Column(SCORE, "score", Better.HIGH, "nats per frame"),
    Column(TRUST, "one wrong word would look worse", Better.HIGH),
    Column("null_quantile", "another text would score less", Better.HIGH),
    Column("score_worst", "score of the worst window", Better.HIGH, "nats per frame"),
    Column("confidence", "confidence of the least sure word", Better.HIGH),
    Column("margin", "margin to the next best start", Better.HIGH, "nats"),
    Column("extra_nats", "gain if more was said", Better.LOW, "nats"),
    Column("other_nats", "gain if another word was said", Better.LOW, "nats"),
    Column("unread_nats", "gain if a word was not said", Better.LOW, "nats"),
    Column("cer", "character error rate", Better.LOW),
    Column("edge_cer", "character error rate at the edges", Better.LOW),
    Column("cv_cer", "cross-validated error rate", Better.LOW),
    Column("cv_recording_cer", "the same of its recording", Better.LOW),
    Column("duration_sec", "duration", Better.NEITHER, "s"),
    Column("chars_per_sec", "speech rate", Better.NEITHER, "characters/s"),
    Column("snr_db", "signal to noise", Better.HIGH, "dB"),
    Column("silence_share", "share of silence", Better.LOW),
    Column("clipped_share", "share of clipped samples", Better.LOW),
    Column("music", "likelihood of music", Better.LOW),
    Column("repeated_share", "share of repeated words", Better.LOW),
    Column("script_share", "share of the main script", Better.HIGH),
)
