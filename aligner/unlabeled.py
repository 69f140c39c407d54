"""Cut audio without text into clips of speech, by the rules of MMS-unlab.

Source: Pratap et al. 2023, section 3.2. There the cuts are random; here they lie at the
quietest places.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from aligner.edges import LevelTrack
from aligner.packing import Lengths, Row, pack
from aligner.path import FloatArray
from aligner.pauses import STEP_SAMPLES
from aligner.speech import Sound, Stretch
from schemas.errors import ConfigError
from schemas.keys import SegmentKey
from schemas.segment import Segment
from schemas.source import Recording
from schemas.units import rounded, samples_from_sec, sec_from_samples

TOO_SHORT = "too_short"
"""Speech that fits in no clip; beside the sounds the only reason to drop audio."""

# One cut is considered in every half second: its quietest place.
_CUT_EVERY_SEC = 0.5
# A cut in loud sound is worse than any length (1 for 30 s instead of 15 s); in a pause
# the level is 20 dB below the vowels, the loudest tenth.
_LOUD_CUT_COST, _CLEAR_DROP_DB, _LOUD_PERCENTILE = 2.0, 20.0, 90
_DECIMALS_SHARE = 5

Interval = tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class SpeechRules:
    """Which speech becomes clips, and how long they are; the defaults are MMS-unlab's.

    Raises:
      ConfigError: a number that cannot be.
    """

    bridge_share: float = 0.2
    """Two stretches of speech are one if what lies between takes at most this share of
    all three. What is joined counts up to ``max_sec``: it is cut there anyway, and no
    clip shall be a pause."""
    min_sec: float = 5.5
    target_sec: float = 15.0
    max_sec: float = 30.0
    pad_sec: float = 0.1
    """Kept on each side of the speech where there is room."""

    def __post_init__(self) -> None:
        if not 0 <= self.bridge_share < 1:
            raise ConfigError(
                "unlabeled.bridge_share: expected 0 or above and below 1, got "
                f"{self.bridge_share!r}"
            )
        is_ordered = 1 <= self.min_sec <= self.target_sec <= self.max_sec
        if not is_ordered or self.max_sec < 2 * self.min_sec:
            raise ConfigError(
                "unlabeled: expected 1 <= min_sec <= target_sec <= max_sec and max_sec "
                "at least twice min_sec, got "
                f"{(self.min_sec, self.target_sec, self.max_sec)}"
            )
        if not 0 <= self.pad_sec <= 1:
            raise ConfigError(
                f"unlabeled.pad_sec: expected 0 to 1, got {self.pad_sec!r}"
            )


@dataclass(frozen=True)
class SpeechPlan:
    """Clips (samples) and why the rest is in none; together they tile what was heard.

    ``speech_shares`` has the share of each clip in which somebody speaks.
    """

    clips: tuple[Interval, ...]
    speech_shares: tuple[float, ...]
    dropped: tuple[tuple[int, int, str], ...]


def join_speech(
    speech: Iterable[Interval], share: float, longest: int
) -> list[Interval]:
    """Join stretches across gaps of at most that share of what is joined.

    What is joined counts up to ``longest``. It is done until no two neighbours can be
    joined; in which order does not matter, since joining only makes gaps smaller beside
    what lies around them.
    """
    joined: list[Interval] = []
    for stretch in speech:
        joined.append(stretch)
        while len(joined) > 1:
            (start, before), (after, end) = joined[-2:]
            if after - before > share * min(end - start, longest):
                break
            joined[-2:] = [(start, end)]
    return joined


def plan_unlabeled(
    heard: Sequence[Stretch], level_db: FloatArray, rules: SpeechRules
) -> SpeechPlan:
    """Return the clips of a stretch of audio.

    Args:
      heard: as ``aligner.speech.listen`` returns it.
      level_db: levels of the whole recording, as ``aligner.pauses.level_db``.
      rules: what becomes clips.
    """
    if not heard:
        return SpeechPlan((), (), ())
    first, last = heard[0].start, heard[-1].end
    speech = [stretch.interval for stretch in heard if stretch.sound is Sound.SPEECH]
    joined = join_speech(speech, rules.bridge_share, samples_from_sec(rules.max_sec))
    spans = _padded(joined, (first, last // STEP_SAMPLES * STEP_SAMPLES), rules)
    clips = tuple(_cut(spans, LevelTrack.of(level_db, STEP_SAMPLES), rules))
    steps = _Steps(first, last)
    for stretch in heard:
        steps.name(stretch.interval, str(stretch.sound))
    shares = tuple(steps.share(clip, str(Sound.SPEECH)) for clip in clips)
    for span in spans:
        steps.name(span, TOO_SHORT)
    for clip in clips:
        steps.name(clip, "")
    return SpeechPlan(clips, shares, tuple(steps.named()))


class _Steps:
    """Names of the steps of 10 ms between two samples, the first on a whole step."""

    def __init__(self, first: int, last: int) -> None:
        self._first, self._last = first, last
        self._names = [""]
        count = -(-(last - first) // STEP_SAMPLES)
        self._numbers = np.zeros(count, np.int8)

    def name(self, interval: Interval, name: str) -> None:
        """Give the steps of an interval a name, whatever theirs was."""
        if name not in self._names:
            self._names.append(name)
        self._numbers[self._slice(interval)] = self._names.index(name)

    def share(self, interval: Interval, name: str) -> float:
        """Return in which share of an interval the steps have a name."""
        number = self._names.index(name) if name in self._names else -1
        share = np.mean(self._numbers[self._slice(interval)] == number)
        return rounded(float(share), _DECIMALS_SHARE)

    def named(self) -> Iterator[tuple[int, int, str]]:
        """Yield the intervals that have a name, in samples."""
        borders = np.flatnonzero(np.diff(self._numbers, prepend=-1, append=-1))
        for start, end in pairwise(borders.tolist()):
            name = self._names[self._numbers[start]]
            if name:
                first = self._first + start * STEP_SAMPLES
                yield first, min(self._first + end * STEP_SAMPLES, self._last), name

    def _slice(self, interval: Interval) -> slice:
        start, end = interval[0] - self._first, interval[1] - self._first
        return slice(start // STEP_SAMPLES, -(-end // STEP_SAMPLES))


def unlabeled_segments(
    recording: Recording, plan: SpeechPlan, level_db: FloatArray, source: str
) -> tuple[Segment, ...]:
    """Return the planned clips as segments; ``split`` is left empty."""
    track = LevelTrack.of(level_db, STEP_SAMPLES)
    segments = []
    for (start, end), share in zip(plan.clips, plan.speech_shares, strict=True):
        levels = track.edge_levels(start, end)
        start_sec, end_sec = sec_from_samples(start), sec_from_samples(end)
        segments.append(
            Segment(
                key=str(SegmentKey.of(recording.recording_id, start_sec, end_sec)),
                recording_id=recording.recording_id,
                language=recording.language,
                split="",
                source=source,
                book=recording.book,
                start_sec=start_sec,
                end_sec=end_sec,
                duration_sec=sec_from_samples(end - start),
                level_db=track.mean_db(start, end),
                edge_start_db=levels[0],
                edge_end_db=levels[1],
                speech_share=share,
                reader=recording.reader,
                drama=recording.drama,
                licence=recording.licence,
            )
        )
    return tuple(segments)


def _padded(
    joined: Sequence[Interval], limits: Interval, rules: SpeechRules
) -> list[Interval]:
    """Widen stretches; where two would meet, half of what lies between is for each."""
    if not joined:
        return []
    pad = samples_from_sec(rules.pad_sec) // STEP_SAMPLES * STEP_SAMPLES
    meeting = [
        (end + start) // 2 // STEP_SAMPLES * STEP_SAMPLES
        for (_, end), (start, _) in pairwise(joined)
    ]
    lows, highs = [limits[0], *meeting], [*meeting, limits[1]]
    return [
        (max(start - pad, low), min(end + pad, high))
        for (start, end), low, high in zip(joined, lows, highs, strict=True)
    ]


def _cut(
    spans: Sequence[Interval], track: LevelTrack, rules: SpeechRules
) -> Iterator[Interval]:
    """Yield pieces of the spans within the limits, cut where it is quiet."""
    if not spans:
        return
    borders = [_borders(span, track) for span in spans]
    pieces = [piece for cuts in borders for piece in pairwise(cuts)]
    firsts = np.cumsum([0, *(len(cuts) - 1 for cuts in borders)])
    lengths = Lengths(
        target=samples_from_sec(rules.target_sec),
        minimum=samples_from_sec(rules.min_sec),
        maximum=samples_from_sec(rules.max_sec),
    )
    row = _row(pieces, set(firsts.tolist()), track)
    for first, last in pack(row, lengths):
        yield pieces[first][0], pieces[last][1]


def _borders(span: Interval, track: LevelTrack) -> list[int]:
    """Return where a span may be cut, with its two ends."""
    start, end = span
    step = samples_from_sec(_CUT_EVERY_SEC)
    inner = [
        track.quietest(low, low + step - STEP_SAMPLES, low + step // 2)
        for low in range(start + step, end - step, step)
    ]
    return [start, *inner, end]


def _row(pieces: Sequence[Interval], firsts: set[int], track: LevelTrack) -> Row:
    """Return the pieces between possible cuts as a row; what is dropped parts it."""
    starts = np.array([start for start, _ in pieces], dtype=np.int64)
    ends = np.array([end for _, end in pieces], dtype=np.int64)
    loud_db = np.percentile(track.level_db, _LOUD_PERCENTILE)
    cut_db = np.array([track.at(start) for start in [*starts.tolist(), 0]])
    drop = np.clip((loud_db - cut_db) / _CLEAR_DROP_DB, 0, 1)
    cut_costs = _LOUD_CUT_COST / 2 * (1 - drop)
    barriers = np.zeros(len(pieces) + 1, dtype=bool)
    barriers[list(firsts)] = True
    cut_costs[barriers] = 0
    return Row(
        starts=starts,
        ends=ends,
        first_starts=starts,
        last_ends=ends,
        cut_costs=cut_costs,
        barriers=barriers,
        words=np.ones(len(pieces), dtype=np.int64),
    )
