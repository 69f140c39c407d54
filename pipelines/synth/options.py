"""What a synthetic chapter is to be like."""

import math
from dataclasses import dataclass

from schemas.errors import ConfigError

# Variants of espeak-ng's voice that the bundled model hears in training, and others.
TRAINING_VOICES = (
    "f1 f2 f3 f4 m1 m2 m3 m4 m6 m7 klatt klatt6 Andy linda steph adam belinda grandma "
    "norbert max zac iven"
).split()
UNHEARD_VOICES = "f5 m5 m8 Annie klatt2 Storm michel victor".split()

_COUNTS = ("digits", "omitted", "repeated", "long_pauses", "headings")


@dataclass(frozen=True, kw_only=True)
class ChapterOptions:
    """What is said and how; every option is recorded in the truth.

    Raises:
      ConfigError: a value that cannot be.
    """

    language: str
    """ISO 639-3."""
    voice: str = ""
    """espeak-ng's voice; "" takes the one of the language."""
    voices: tuple[str, ...] = ("",)
    """Variants (f1, m3, ...); with ``drama`` each verse takes one of them."""
    minutes: float = 3.0
    """Length to be reached; own text is read to its end instead."""
    words_per_verse: tuple[int, int] = (9, 22)
    pause_sec: tuple[float, float] = (0.25, 0.9)
    rate: int = 150
    """Words a minute."""
    title: bool = False
    """A title is spoken that the text does not have."""
    digits: int = 0
    """So many verses hold a number written in digits."""
    omitted: int = 0
    """So many verses are left out by the reader."""
    repeated: int = 0
    """So many verses are read twice."""
    foreign_text: bool = False
    """The text is that of another chapter."""
    drama: bool = False
    """Several voices by turns."""
    varied: bool = False
    """Rate, pitch, gaps and vocal tract change from verse to verse (training)."""
    long_pauses: int = 0
    """So many pauses last 3 to 8 s."""
    headings: int = 0
    """Before so many verses a heading is spoken that the text does not have."""
    music_db: float | None = None
    """A music bed, relative to the speech."""
    noise_db: float | None = None
    """Noise of a room, relative to the speech."""
    reverb_sec: float = 0.0
    """Reverberation time (RT60)."""
    seed: int = 0

    def __post_init__(self) -> None:
        low, high = self.words_per_verse
        _require(1 <= low <= high, "words_per_verse", "1 <= low <= high", (low, high))
        shortest_sec, longest_sec = self.pause_sec
        _require(
            0 <= shortest_sec <= longest_sec < math.inf,
            "pause_sec",
            "0 <= low <= high",
            self.pause_sec,
        )
        _require(
            0 < self.minutes <= 600,
            "minutes",
            "above 0, at most 600",
            self.minutes,
        )
        # espeak-ng's own limits; it would take the nearest without a word.
        _require(80 <= self.rate <= 450, "rate", "80 to 450", self.rate)
        for name in _COUNTS:
            count = getattr(self, name)
            _require(count >= 0, name, "a number of verses", count)
        _require(0 <= self.reverb_sec <= 10, "reverb_sec", "0 to 10 s", self.reverb_sec)
        for name in ("music_db", "noise_db"):
            level_db = getattr(self, name)
            _require(level_db is None or -120 <= level_db <= 60, name,
                     "-120 to 60 dB", level_db)  # fmt: skip
        _require(len(self.voices) > 0, "voices", "at least one", self.voices)
        _require(not self.drama or len(set(self.voices)) > 1, "voices",
                 "two or more for a drama (--variants f2,m3)", self.voices)  # fmt: skip


def _require(condition: bool, name: str, expected: str, got: object) -> None:
    if not condition:
        raise ConfigError(f"{name}: expected {expected}, got {got!r}")
