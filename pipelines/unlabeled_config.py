"""[unlabeled] of corpus.toml."""

from dataclasses import asdict, dataclass, fields
from typing import Any

from aligner.unlabeled import SpeechRules
from schemas.errors import ConfigError

RULES = ("mms-unlab",)
UNREAD = "unread"
"""Recordings whose text could not be used."""
HARVESTS = ("star", "aside", "repeated", "not_segmented", UNREAD)
"""What recordings with text may leave over, as the ledger calls it, and whole ones."""


@dataclass(frozen=True, kw_only=True)
class UnlabeledConfig(SpeechRules):
    """[unlabeled]: how audio without text becomes clips; lengths as ``SpeechRules``."""

    rules: str = "mms-unlab"
    """Whose rules the numbers are, where no other is given."""
    min_language_minutes: float = 5.0
    """Languages with less unlabeled audio for training have none."""
    harvest: tuple[str, ...] = HARVESTS
    """What of recordings with text becomes unlabeled audio."""
    identifier: str = ""
    """A folder that ``pericope train lid`` wrote: it is asked which language each clip
    is in."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.rules not in RULES:
            raise ConfigError(
                f"unlabeled.rules: expected one of {RULES}, got {self.rules!r}"
            )
        if self.min_language_minutes < 0:
            raise ConfigError(
                "unlabeled.min_language_minutes: expected 0 or above, got "
                f"{self.min_language_minutes!r}"
            )
        unknown = [kind for kind in self.harvest if kind not in HARVESTS]
        if unknown:
            raise ConfigError(
                f"unlabeled.harvest: expected some of {HARVESTS}, got {unknown[0]!r}"
            )

    @property
    def speech_rules(self) -> dict[str, Any]:
        """The numbers on which clips depend."""
        names = [field.name for field in fields(SpeechRules)]
        return {name: value for name, value in asdict(self).items() if name in names}
