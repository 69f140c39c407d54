"""What is measured of a recording's sound, to be asked for any stretch of it."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from aligner.clipping import clip_level
from aligner.music import BLOCK_STEP_SAMPLES, sustained_partials
from aligner.path import FloatArray
from aligner.pauses import STEP_SAMPLES, find_pauses
from aligner.runs import is_timed
from schemas.alignment import ChapterAlignment
from schemas.segment import Segment
from schemas.units import (
    rounded,
    samples_from_sec,
    sec_from_samples,
)

Interval = tuple[float, float]

# Shorter quiet is the closure of a stop, as for the aligner.
_MIN_PAUSE_SEC = 0.15
# A word's last sound dies away, and its edges are good to some hundredths of a second.
_BESIDE_WORDS_SEC = 0.05
# Noise is taken in pieces of 50 ms, of which the median bears breaths and clicks; 10 ms
# hold less than a period of hum, and a median of so little would be too low.
_STEPS_PER_PIECE = 5
# A second of noise around a clip is enough, half of that in a recording is needed.
_PIECES_OF_CLIP, _LEAST_PIECES = 20, 10
_LOWEST_SNR_DB, _HIGHEST_SNR_DB = -20.0, 60.0
_DECIMALS_DB, _DECIMALS_SHARE = 2, 5


@dataclass(frozen=True, eq=False)
class SoundTrack:
    """A recording's power, pauses, clipping and music along its time."""

    magnitude_is_clipped: npt.NDArray[np.bool_]
    """Of each sample (N,)."""
    power: npt.NDArray[np.float64]
    """Of each 10 ms."""
    is_quiet: npt.NDArray[np.bool_]
    """Whether each 10 ms lie in a pause by their level."""
    is_voiced: npt.NDArray[np.bool_]
    """Whether each 10 ms lie in a word; without text, in no pause."""
    noise_steps: npt.NDArray[np.int64]
    """Where each piece of noise begins, in steps of 10 ms."""
    noise_power: npt.NDArray[np.float64]
    """Mean power of each piece of noise."""
    partials: npt.NDArray[np.float64]
    """As ``aligner.music.sustained_partials``."""

    @classmethod
    def of(
        cls,
        waveform_N: npt.NDArray[np.float32],
        level_db: FloatArray,
        alignment: ChapterAlignment | None,
    ) -> "SoundTrack":
        """Measure a recording.

        Args:
          waveform_N: the whole recording, mono at 16 kHz.
          level_db: its levels, as ``aligner.pauses.level_db`` returns them.
          alignment: where its words are: what lies between them is noise. Without it
            noise is what the level takes for a pause.
        """
        steps = len(level_db)
        pauses = find_pauses(level_db, _MIN_PAUSE_SEC)
        is_quiet = _covered(pauses, steps)
        is_noise, is_voiced = is_quiet, ~is_quiet
        if alignment is not None:
            words = _timed_words(alignment)
            is_voiced = _covered(words, steps)
            beside = ((s - _BESIDE_WORDS_SEC, e + _BESIDE_WORDS_SEC) for s, e in words)
            is_noise = ~_covered([*beside, *_star_intervals(alignment)], steps)
        power = 10 ** (level_db.astype(np.float64) / 10)
        noise_steps = _pieces(is_noise)
        pieces = noise_steps[:, None] + np.arange(_STEPS_PER_PIECE)
        return cls(
            magnitude_is_clipped=np.abs(waveform_N) >= clip_level(waveform_N),
            power=power,
            is_quiet=is_quiet,
            is_voiced=is_voiced,
            noise_steps=noise_steps,
            noise_power=power[pieces].mean(axis=1),
            partials=sustained_partials(waveform_N),
        )

    def measured(self, segment: Segment) -> Segment:
        """Return a segment of the recording with its acoustic qualities."""
        start = samples_from_sec(segment.start_sec)
        end = samples_from_sec(segment.end_sec)
        return replace(
            segment,
            snr_db=rounded(self._snr_db(start, end), _DECIMALS_DB),
            clipped_share=_share(self.magnitude_is_clipped[start:end]),
            silence_share=_share(self.is_quiet[_steps_of(start, end)]),
            music=rounded(self._music(start, end), _DECIMALS_SHARE),
        )

    def _snr_db(self, start: int, end: int) -> float:
        """Return the power of the words over that of the noise around the clip."""
        here = _steps_of(start, end)
        voiced = self.power[here][self.is_voiced[here]]
        if not len(voiced) or len(self.noise_steps) < _LEAST_PIECES:
            return math.nan
        distance = np.maximum(here.start - self.noise_steps, 0)
        distance = np.maximum(distance, self.noise_steps + _STEPS_PER_PIECE - here.stop)
        inside = int(np.count_nonzero(distance == 0))
        nearest = np.argsort(distance, kind="stable")[: max(inside, _PIECES_OF_CLIP)]
        noise = float(np.median(self.noise_power[nearest]))
        speech = float(voiced.mean()) - noise  # in a word both sound
        if speech <= noise * 10 ** (_LOWEST_SNR_DB / 10):
            return _LOWEST_SNR_DB
        return min(10 * math.log10(speech / noise), _HIGHEST_SNR_DB)

    def _music(self, start: int, end: int) -> float:
        """Return the median over the blocks whose middle lies in the clip."""
        first = -(-start // BLOCK_STEP_SAMPLES) - 1
        last = end // BLOCK_STEP_SAMPLES - 1
        top = len(self.partials) - 1
        first = min(max(first, 0), top)
        return float(np.median(self.partials[first : max(last, first) + 1]))


def with_sound(
    segments: Iterable[Segment],
    waveform_N: npt.NDArray[np.float32],
    level_db: FloatArray,
    alignment: ChapterAlignment | None,
) -> tuple[Segment, ...]:
    """Return the segments of a recording with their acoustic qualities.

    ``snr_db`` (-20 to 60 dB) is the power of the clip's words, less that of the noise,
    over the noise in the pauses of the clip and, if these are short, nearest to it; NaN
    without words or without half a second of pauses in the recording. ``clipped_share``
    is the share of samples at or above the level at which the recording was clipped,
    ``silence_share`` that of the time in pauses of 0.15 s and more, ``music`` (0 to 1)
    how steadily partials sound, see ``aligner.music``. None but the least noise of 16
    bits depends on the recording's gain.

    Args: as ``SoundTrack.of``.
    """
    track = SoundTrack.of(waveform_N, level_db, alignment)
    return tuple(track.measured(segment) for segment in segments)


def _timed_words(alignment: ChapterAlignment) -> list[Interval]:
    return [
        (word.start_sec, word.end_sec)
        for verse in alignment.verses
        for word in verse.words
        if is_timed(word)
    ]


def _star_intervals(alignment: ChapterAlignment) -> list[Interval]:
    stars = [*alignment.stars, *(s for v in alignment.verses for s in v.stars)]
    return [star.interval for star in stars]


def _covered(intervals: Sequence[Interval], steps: int) -> npt.NDArray[np.bool_]:
    """Return which steps of 10 ms have their middle in one of the intervals."""
    step_sec = sec_from_samples(STEP_SAMPLES)
    edges = np.array(intervals, dtype=np.float64).reshape(-1, 2) / step_sec
    first, stop = np.clip(np.ceil(edges - 0.5), 0, steps).astype(np.int64).T
    change = np.zeros(steps + 1, np.int64)
    np.add.at(change, first, 1)
    np.add.at(change, np.maximum(stop, first), -1)
    return np.cumsum(change[:-1]) > 0


def _pieces(is_noise: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """Return the first step of each whole piece of noise, one after another."""
    change = np.diff(is_noise.astype(np.int8), prepend=0, append=0)
    starts, ends = np.flatnonzero(change == 1), np.flatnonzero(change == -1)
    counts = (ends - starts) // _STEPS_PER_PIECE
    within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    return np.repeat(starts, counts) + within * _STEPS_PER_PIECE


def _steps_of(start: int, end: int) -> slice:
    """Return the steps of 10 ms that an interval of samples touches."""
    return slice(start // STEP_SAMPLES, -(-end // STEP_SAMPLES))


def _share(marks: npt.NDArray[np.bool_]) -> float:
    return rounded(float(np.count_nonzero(marks)) / len(marks), _DECIMALS_SHARE)
