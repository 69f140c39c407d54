"""[adapt]: whether and how the acoustic model follows each reader."""

from dataclasses import dataclass

from schemas.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class AdaptConfig:
    """[adapt]: some steps of training on a reader's own verses, under a guard."""

    enabled: bool = False
    steps: int = 40
    """Of the optimiser; each hears at most 16 verses, whatever there is."""
    learning_rate: float | None = None
    """The highest; None takes the one that is known for the kind of model."""
    min_margin: float = 0.8
    """Nats a letter by which verses must fit their own text better than another before
    anything is learnt from them."""
    min_verses: int = 8
    min_speech_sec: float = 20.0
    """Of verses whose words are known; of less nothing is learnt."""
    max_speech_sec: float = 300.0
    """A longer recording is heard up to here."""

    def __post_init__(self) -> None:
        rate = self.learning_rate
        for name, holds, expected in (
            ("steps", self.steps > 0, "1 or above"),
            ("learning_rate", rate is None or 0 < rate < 1, "above 0 and below 1"),
            ("min_verses", self.min_verses >= 4, "4 or above (two a fold)"),
            ("min_speech_sec", self.min_speech_sec >= 0, "0 or above"),
            (
                "max_speech_sec",
                self.max_speech_sec > self.min_speech_sec,
                f"above adapt.min_speech_sec ({self.min_speech_sec})",
            ),
        ):
            if not holds:
                got = getattr(self, name)
                raise ConfigError(f"adapt.{name}: expected {expected}, got {got!r}")
