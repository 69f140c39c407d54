"""[label] of corpus.toml: what a teacher writes down of audio without text."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from schemas.errors import ConfigError

LANGUAGE = "{language}"
"""Stands for the language's code in a teacher's name."""
_PUBLIC = ("bundled", "mms-fa")


@dataclass(frozen=True, kw_only=True)
class LabelConfig:
    """[label]: the teacher, how it decodes, and what its trust is learnt from.

    Raises:
      ConfigError: a number that cannot be.
    """

    teacher: str = ""
    """As model.name, which "" takes; {language} in it becomes the language's code
    without script, for adapters: hf:facebook/mms-1b-all#{language}."""
    rejected_by: str = ""
    """A selection: what it rejects of the segments with text is labeled, too."""
    identifier: str = ""
    """Folder of a language identifier; "" asks none."""
    lm: str = ""
    """A language model (ARPA), relative to the working folder; "" decodes greedily."""
    lm_weight: float = 0.5
    unit_score: float = 0.0
    """Added for each letter, or word where the language model is one of words."""
    beam: int = 100
    known_from: Literal["auto", "all", "held-out"] = "auto"
    """Which aligned clips show how far the teacher can be trusted: all, or those of dev
    and test. auto: all, unless the teacher is a local file, which may have been trained
    on this corpus."""
    known_clips: int = 200
    """Of each language at most; 0: nothing is learnt, expected_cer is NaN."""

    def __post_init__(self) -> None:
        for name, least in (("beam", 1), ("known_clips", 0)):
            value = getattr(self, name)
            if value < least:
                raise ConfigError(f"label.{name}: expected {least} up, got {value}")

    def splits(self, teacher: str) -> tuple[str, ...]:
        """Return the splits whose clips the teacher has not been trained on."""
        is_held_out = self.known_from == "held-out" or (
            self.known_from == "auto" and not is_public(teacher)
        )
        return ("dev", "test") if is_held_out else ("train", "dev", "test")


def is_public(teacher: str) -> bool:
    """Tell whether a model was made elsewhere, and so not from this corpus."""
    if teacher in _PUBLIC:
        return True
    folder = teacher.removeprefix("hf:").partition("#")[0]
    return teacher.startswith("hf:") and not Path(folder).exists()
