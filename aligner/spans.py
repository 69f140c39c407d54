"""Frames of tokens to times of words and stars."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from aligner.path import AlignmentPath, IntArray
from schemas.units import FRAME_SAMPLES, sec_from_frames

SecArray = npt.NDArray[np.float64]

# A word keeps this much around the middle of its frames, whatever the offsets do.
_CORE_SEC = 0.005


@dataclass(frozen=True, eq=False)
class FrameSpans:
    """Words and stars in order of time, half-open intervals of frames; W of them.

    A star outside any word (an unwritten title) has word -1. A star that stands for a
    word has that word's index.
    """

    verse: IntArray
    word: IntArray
    is_star: npt.NDArray[np.bool_]
    start_frames: IntArray
    end_frames: IntArray
    first_tokens: IntArray
    """First token of each."""
    end_tokens: IntArray
    """Token after the last one of each."""


def frame_spans(
    tokens_L: IntArray,
    token_verse: IntArray,
    token_word: IntArray,
    frames: tuple[IntArray, IntArray],
    star: int,
) -> FrameSpans:
    """Return the words and stars that the tokens belong to.

    A word begins with its first token and ends with its last. Tokens of no word (-1)
    that are no star are word separators; they are left out, and so is what was not read
    (start -1).

    Args:
      tokens_L: label ids (L,).
      token_verse: verse index of each token (L,).
      token_word: word index of each token within its verse (L,), -1 for none.
      frames: starts and ends of the tokens, as in ``AlignmentPath``.
      star: label id of the star.
    """
    starts, ends = frames
    is_star = tokens_L == star
    same = (token_verse[1:] == token_verse[:-1]) & (token_word[1:] == token_word[:-1])
    same &= (token_word[1:] >= 0) | (is_star[1:] == is_star[:-1])
    first = np.flatnonzero(np.append(True, ~same)[: len(tokens_L)])
    last = np.append(first[1:], len(tokens_L))[: len(first)] - 1
    has_star = np.logical_or.reduceat(is_star, first) if len(first) else is_star
    kept = ((token_word[first] >= 0) | has_star) & (starts[first] >= 0)
    first, last = first[kept], last[kept]
    return FrameSpans(
        verse=token_verse[first],
        word=token_word[first],
        is_star=has_star[kept],
        start_frames=starts[first],
        end_frames=ends[last],
        first_tokens=first.astype(np.int32),
        end_tokens=last.astype(np.int32) + 1,
    )


def without_separators(
    path: AlignmentPath, stars: Iterable[int], silent: Collection[int | None]
) -> tuple[IntArray, IntArray]:
    """Return starts and ends of the tokens, those of stars without silent edges.

    Where a number's form was read in a star's place, word separators around it lie in
    the star's interval.

    Args:
      path: the path.
      stars: the tokens that are stars.
      silent: labels of the blank and of the word separator.
    """
    starts, ends = path.starts.copy(), path.ends.copy()
    for star in stars:
        inside = path.frames[starts[star] : ends[star]].tolist()
        loud = [t for t, label in enumerate(inside) if label not in silent]
        if loud:
            starts[star], ends[star] = (
                starts[star] + loud[0],
                starts[star] + loud[-1] + 1,
            )
    return starts, ends


@dataclass(frozen=True, kw_only=True)
class EdgeOffsets:
    """What is added to a model's starts and ends, and where its words meet."""

    start_sec: float = 0.0
    end_sec: float = 0.0
    join_sec: float = 0.0


def seconds_from_spans(
    spans: FrameSpans,
    duration_sec: float,
    *,
    offsets: EdgeOffsets = EdgeOffsets(),
    min_pause_sec: float = 0.0,
    hop_samples: int = FRAME_SAMPLES,
) -> tuple[SecArray, SecArray]:
    """Return the start and end times of the spans, shape (W,) each.

    The model's constant offsets are added. After that the spans are in the same order,
    lie within [0, duration_sec], are not empty and do not overlap. Neighbours meet
    half-way between their frames, moved by an offset of its own, where they would
    overlap, and where less than ``min_pause_sec`` lies between them: nobody pauses for
    so short a time, and what the model left blank there is the closure of a stop or a
    letter that it heard late. (On 2,628 words of synthetic speech this lifted the share
    of starts within 50 ms from 92.5 to 96.7 %.)

    Raises:
      ValueError: a span begins at or after the end of the recording.
    """
    hop_sec = sec_from_frames(1, hop_samples)
    begin = spans.start_frames * hop_sec
    # The last frame may reach beyond the recording's last sample.
    finish = np.minimum(spans.end_frames * hop_sec, duration_sec)
    if np.any(begin >= finish):
        index = int(np.flatnonzero(begin >= finish)[0])
        raise ValueError(
            f"span {index}: expected a start before the end of the recording "
            f"({duration_sec} s), got {begin[index]} s"
        )
    middle = (begin + finish) / 2
    half_core = np.minimum(_CORE_SEC / 2, (finish - begin) / 4)
    core_start, core_end = middle - half_core, middle + half_core
    start_sec = np.clip(begin + offsets.start_sec, 0, core_start)
    end_sec = np.clip(finish + offsets.end_sec, core_end, duration_sec)
    # There start and end offsets say nothing: they were measured beside pauses.
    half_way = (finish[:-1] + begin[1:]) / 2 + offsets.join_sec
    meeting = np.clip(half_way, core_end[:-1], core_start[1:])
    gap_sec = start_sec[1:] - end_sec[:-1]
    together = (gap_sec < 0) | (gap_sec < min_pause_sec)
    end_sec[:-1][together] = meeting[together]
    start_sec[1:][together] = meeting[together]
    return start_sec, end_sec
