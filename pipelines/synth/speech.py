"""One verse spoken: samples at 22,050 Hz and the times of its written words."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipelines.synth.espeak import Delivery, SpokenWord, engine
from pipelines.synth.truth import TruthWord
from schemas.errors import InputError

MASTER_RATE_HZ = 22_050  # espeak-ng's own
# At 150 words a minute. Scripts that a voice does not know are spelled out, which gives
# 0.4 to 2; read ones give 4 and more.
_SLOWEST_LETTERS_PER_SEC = 3


class Unspeakable(InputError):
    """The voice does not know the script, or said nothing."""

    reason = "unspeakable"


@dataclass(frozen=True)
class SpokenText:
    """Samples float32 in [-1, 1] at ``MASTER_RATE_HZ`` and the words in them."""

    samples: npt.NDArray[np.float32]
    words: tuple[TruthWord, ...]

    @property
    def duration_sec(self) -> float:
        """Length in seconds."""
        return len(self.samples) / MASTER_RATE_HZ


def speak(text: str, delivery: Delivery, speed: float = 1.0) -> SpokenText:
    """Speak a text; ``speed`` above 1 plays it faster and higher (other vocal tract).

    Every written word gets a time, but for those that the voice runs together ("of
    the"): they share one entry.

    Raises:
      ConfigError: there is no such voice.
      Unspeakable: the voice said nothing, or spelled the letters one by one.
    """
    pcm, spoken = engine().speak(text, delivery)
    samples = pcm.astype(np.float32) / np.float32(32768)
    scale = 1 / (MASTER_RATE_HZ * speed)
    words = tuple(_written_words(text, spoken, scale))
    if speed != 1:
        import soxr  # comes with the extra synth

        resampled = soxr.resample(samples, MASTER_RATE_HZ * speed, MASTER_RATE_HZ)
        samples = resampled.astype(np.float32)
    letters, duration_sec = _letters(text), len(samples) / MASTER_RATE_HZ
    slowest = _SLOWEST_LETTERS_PER_SEC * min(1.0, delivery.rate / 150)
    if not words or letters < slowest * duration_sec:
        raise Unspeakable(
            f"voice {delivery.voice!r} cannot read {text[:40]!r}: {duration_sec:.1f} s "
            f"for {letters} letters; is it the voice of this language and script?"
        )
    return SpokenText(samples, words)


def _written_words(
    text: str, spoken: list[SpokenWord], scale: float
) -> Iterator[TruthWord]:
    """Group the engine's words by the written words that they belong to."""
    groups: list[tuple[int, int, list[SpokenWord]]] = []
    for match in re.finditer(r"\S+", text):
        start, end = _without_punctuation(text, match.start(), match.end())
        if start == end:
            continue
        events = [w for w in spoken if match.start() <= w.char < match.end()]
        first, _, earlier = groups[-1] if groups else (start, end, [])
        # A word without an event of its own was run together with the one before it;
        # at the start of a text, with the one after it.
        if groups and not (events and earlier):
            groups[-1] = (first, end, earlier or events)
        else:
            groups.append((start, end, events))
    for start, end, events in groups:
        if events:
            yield TruthWord(
                start,
                end,
                round(events[0].start_sample * scale, 6),
                round(events[-1].end_sample * scale, 6),
                any(map(str.isdecimal, text[start:end])),
            )


def _letters(text: str) -> int:
    """Count letters, vowel signs and the parts of Korean syllables."""
    parts = unicodedata.normalize("NFD", text)
    return sum(unicodedata.category(part)[0] in "LM" for part in parts)


def _without_punctuation(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and unicodedata.category(text[start])[0] in "PSZ":
        start += 1
    while start < end and unicodedata.category(text[end - 1])[0] in "PSZ":
        end -= 1
    return start, end
