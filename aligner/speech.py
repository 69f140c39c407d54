"""What sounds in audio without text: speech, and else music, noise or silence."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import Protocol

import numpy as np
import numpy.typing as npt

from aligner.music import BLOCK_STEP_SAMPLES, sustained_partials
from aligner.path import FloatArray
from aligner.pauses import STEP_SAMPLES, level_db
from schemas.units import samples_from_sec

# Speech begins where it is likelier than not and ends where it is clearly not; what is
# shorter is a click, or the closure of a stop. Source: silero-vad's own choices.
_BEGINS, _ENDS = 0.5, 0.35
_SHORTEST_SPEECH_SEC, _SHORTEST_PAUSE_SEC = 0.25, 0.1
# What is not speech is named in pieces of about this length.
_PIECE_SEC = 1.0
# Speech and noise reach 0.57 at most, tunes 0.8 and more (benchmarks/unlabeled.py).
_MUSIC = 0.7
# So far below the loud parts of the recording, or so quiet in itself, is silence.
_SILENCE_BELOW_LOUD_DB, _SILENCE_DB = 25.0, -65.0
_LOUD_PERCENTILE = 92


class Sound(StrEnum):
    """What is heard in a stretch of audio."""

    SPEECH = "speech"
    MUSIC = "music"
    NOISE = "noise"
    SILENCE = "silence"


class SpeechDetector(Protocol):
    """Says when somebody speaks, whatever the language."""

    @property
    def fingerprint(self) -> str:
        """Name of all that the answers depend on."""

    @property
    def step_samples(self) -> int:
        """From one probability to the next."""

    def speech_probabilities(self, waveform_N: npt.NDArray[np.float32]) -> FloatArray:
        """Return how likely each step is speech, float32 (ceil(N / step_samples),)."""


@dataclass(frozen=True, order=True)
class Stretch:
    """A half-open stretch of a recording, in samples, and what is heard in it."""

    start: int
    end: int
    sound: Sound

    @property
    def interval(self) -> tuple[int, int]:
        """Start and end, samples."""
        return self.start, self.end


def loud_level_db(level_db: FloatArray) -> float:
    """Return the level of the loud parts of a recording, dB of full scale."""
    if not len(level_db):
        return _SILENCE_DB
    return float(np.percentile(level_db, _LOUD_PERCENTILE))


def listen(
    waveform_N: npt.NDArray[np.float32],
    detector: SpeechDetector,
    loud_db: float,
    start: int = 0,
) -> tuple[Stretch, ...]:
    """Return what sounds in a piece of a recording; the stretches tile it.

    Speech is what the detector says. The rest is named in pieces of about a second:
    ``silence`` if most of it is 25 dB below the recording's loud parts, ``music`` if
    partials hold (see ``aligner.music``), else ``noise``. Borders lie on whole steps of
    10 ms, but for the end.

    Args:
      waveform_N: mono at 16 kHz, shape (N,).
      detector: who says when somebody speaks.
      loud_db: ``loud_level_db`` of the whole recording.
      start: where in the recording the piece begins, in samples, on a whole 10 ms.
    """
    total = len(waveform_N)
    probabilities = detector.speech_probabilities(waveform_N)
    speech = find_speech(probabilities, detector.step_samples, total)
    levels = level_db(waveform_N)
    is_silent = levels < max(loud_db - _SILENCE_BELOW_LOUD_DB, _SILENCE_DB)
    is_music = sustained_partials(waveform_N) >= _MUSIC
    found: list[Stretch] = []
    for (low, high), is_speech in _tiled(speech, total):
        if is_speech:
            found.append(Stretch(start + low, start + high, Sound.SPEECH))
            continue
        for first, last in _pieces(low, high):
            sound = _sound_of(first, last, is_silent, is_music)
            goes_on = bool(found) and found[-1].sound is sound
            began = found.pop().start if goes_on else start + first
            found.append(Stretch(began, start + last, sound))
    return tuple(found)


def find_speech(
    probabilities_S: FloatArray, step_samples: int, total: int
) -> tuple[tuple[int, int], ...]:
    """Return the intervals of speech in samples, in order, on whole steps of 10 ms.

    Args:
      probabilities_S: of each step, shape (S,).
      step_samples: length of a step.
      total: length of the audio; no interval goes beyond its last whole 10 ms.
    """
    marks = np.where(
        probabilities_S >= _BEGINS, 1, np.where(probabilities_S < _ENDS, -1, 0)
    )
    # In between holds what was before.
    last_mark = np.maximum.accumulate(np.where(marks != 0, np.arange(len(marks)), -1))
    is_speech = (last_mark >= 0) & (marks[np.maximum(last_mark, 0)] > 0)
    change = np.diff(is_speech.astype(np.int8), prepend=0, append=0)
    starts, ends = np.flatnonzero(change == 1), np.flatnonzero(change == -1)
    shortest_pause = samples_from_sec(_SHORTEST_PAUSE_SEC)
    joined: list[tuple[int, int]] = []
    for start, end in zip(starts * step_samples, ends * step_samples, strict=True):
        goes_on = bool(joined) and start - joined[-1][1] < shortest_pause
        began = joined.pop()[0] if goes_on else int(start)
        joined.append((began, int(end)))
    limit = total // STEP_SAMPLES * STEP_SAMPLES
    return tuple(
        (start // STEP_SAMPLES * STEP_SAMPLES, min(_whole_steps(end), limit))
        for start, end in joined
        if end - start >= samples_from_sec(_SHORTEST_SPEECH_SEC) and start < limit
    )


def _whole_steps(samples: int) -> int:
    return -(-samples // STEP_SAMPLES) * STEP_SAMPLES


def _tiled(
    speech: Sequence[tuple[int, int]], total: int
) -> Iterator[tuple[tuple[int, int], bool]]:
    """Yield speech and what lies between; whether it is speech."""
    borders = [0, *(border for interval in speech for border in interval), total]
    for number, (low, high) in enumerate(pairwise(borders)):
        if low < high:
            yield (low, high), number % 2 == 1


def _pieces(low: int, high: int) -> Iterator[tuple[int, int]]:
    """Yield equal parts of about a second, on whole steps of 10 ms but for the end."""
    count = max(1, round((high - low) / samples_from_sec(_PIECE_SEC)))
    steps = np.linspace(low / STEP_SAMPLES, high / STEP_SAMPLES, count + 1)
    borders = [low, *(int(step) * STEP_SAMPLES for step in steps[1:-1]), high]
    yield from pairwise(borders)


def _sound_of(
    low: int,
    high: int,
    is_silent: npt.NDArray[np.bool_],
    is_music: npt.NDArray[np.bool_],
) -> Sound:
    """Name a piece in which nobody speaks."""
    silent = is_silent[low // STEP_SAMPLES : -(-high // STEP_SAMPLES)]
    if 2 * np.count_nonzero(silent) >= len(silent):
        return Sound.SILENCE
    # A block is as long as two steps, and its middle lies where the next one begins.
    block = round((low + high) / 2 / BLOCK_STEP_SAMPLES) - 1
    is_tune = is_music[min(max(block, 0), len(is_music) - 1)]
    return Sound.MUSIC if is_tune else Sound.NOISE
