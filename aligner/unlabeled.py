"""Cut a recording without text into clips, by its level alone."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from aligner.config import SegmentConfig
from aligner.edges import LevelTrack
from aligner.packing import Lengths, Row, pack
from aligner.path import FloatArray
from aligner.pauses import STEP_SAMPLES, find_pauses
from schemas.keys import SegmentKey
from schemas.segment import Segment
from schemas.source import Recording
from schemas.units import samples_from_sec, sec_from_samples

# 5.5 to 30 s as in MMS (Pratap et al. 2023, section 3.2); there the cuts are random.
UNLABELED = SegmentConfig(target_sec=15.0, min_sec=5.5, max_sec=30.0)
# A longer silence is dropped.
_MAX_SILENCE_SEC = 1.0
# One cut is considered in every half second: its quietest place.
_CUT_EVERY_SEC = 0.5
# A cut in loud sound is worse than any length (1 for 30 s instead of 15 s); in a pause
# the level is 20 dB below the vowels, the loudest tenth.
_LOUD_CUT_COST, _CLEAR_DROP_DB, _LOUD_PERCENTILE = 2.0, 20.0, 90

Interval = tuple[int, int]


def plan_unlabeled(
    level_db: FloatArray, duration_sec: float, config: SegmentConfig = UNLABELED
) -> tuple[tuple[float, float], ...]:
    """Return the intervals (start_sec, end_sec) into which a recording is cut.

    Silences longer than a second are dropped but for the padding; what lies between is
    cut at its quietest places. Each interval is within the limits; sound between two
    long silences that is shorter than the minimum is in none.

    Args:
      level_db: energy every 10 ms, as ``aligner.pauses.level_db`` returns it.
      duration_sec: length of the recording.
      config: lengths and padding; the mode does not matter.
    """
    track = LevelTrack.of(level_db, STEP_SAMPLES)
    stretches = list(
        _sounding(level_db, duration_sec, samples_from_sec(config.pad_sec))
    )
    if not stretches:
        return ()
    borders = [_borders(stretch, track) for stretch in stretches]
    pieces = [piece for cuts in borders for piece in pairwise(cuts)]
    firsts = np.cumsum([0, *(len(cuts) - 1 for cuts in borders)])
    lengths = Lengths(
        target=samples_from_sec(config.target_sec),
        minimum=samples_from_sec(config.min_sec),
        maximum=samples_from_sec(config.max_sec),
    )
    row = _row(pieces, set(firsts.tolist()), track)
    return tuple(
        (sec_from_samples(pieces[first][0]), sec_from_samples(pieces[last][1]))
        for first, last in pack(row, lengths)
    )


def unlabeled_segments(
    recording: Recording,
    level_db: FloatArray,
    duration_sec: float,
    config: SegmentConfig = UNLABELED,
) -> tuple[Segment, ...]:
    """Return the segments of a recording without text; ``split`` is left empty."""
    track = LevelTrack.of(level_db, STEP_SAMPLES)
    segments = []
    for start_sec, end_sec in plan_unlabeled(level_db, duration_sec, config):
        start, end = samples_from_sec(start_sec), samples_from_sec(end_sec)
        levels = track.edge_levels(start, end)
        segments.append(
            Segment(
                key=str(SegmentKey.of(recording.recording_id, start_sec, end_sec)),
                recording_id=recording.recording_id,
                language=recording.language,
                split="",
                source="recording",
                book=recording.book,
                start_sec=start_sec,
                end_sec=end_sec,
                duration_sec=sec_from_samples(end - start),
                level_db=track.mean_db(start, end),
                edge_start_db=levels[0],
                edge_end_db=levels[1],
                reader=recording.reader,
                drama=recording.drama,
                licence=recording.licence,
            )
        )
    return tuple(segments)


def _sounding(
    level_db: FloatArray, duration_sec: float, pad: int
) -> Iterator[Interval]:
    """Yield what lies between long silences, padded, in whole steps of 10 ms."""
    end = samples_from_sec(duration_sec) // STEP_SAMPLES * STEP_SAMPLES
    pauses = [
        (samples_from_sec(start_sec), min(samples_from_sec(end_sec), end))
        for start_sec, end_sec in find_pauses(level_db, _MAX_SILENCE_SEC)
    ]
    pad = pad // STEP_SAMPLES * STEP_SAMPLES
    sound_starts = [0, *(pause[1] for pause in pauses)]
    sound_ends = [*(pause[0] for pause in pauses), end]
    for sound_start, sound_end in zip(sound_starts, sound_ends, strict=True):
        if sound_start < sound_end:
            yield max(0, sound_start - pad), min(end, sound_end + pad)


def _borders(stretch: Interval, track: LevelTrack) -> list[int]:
    """Return where a stretch may be cut, with its two ends."""
    start, end = stretch
    step = samples_from_sec(_CUT_EVERY_SEC)
    inner = [
        track.quietest(low, low + step - STEP_SAMPLES, low + step // 2)
        for low in range(start + step, end - step, step)
    ]
    return [start, *inner, end]


def _row(pieces: Sequence[Interval], firsts: set[int], track: LevelTrack) -> Row:
    """Return the pieces between possible cuts as a row; silences part it at firsts."""
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
