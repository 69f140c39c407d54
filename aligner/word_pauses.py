"""Nobody pauses within a word: what a path draws across a pause is put right.

A last letter that was hardly spoken may be found after the pause, in the next verse or
in a heading, where it is cheaper than in its own place by a few nats; likewise a first
letter before the pause. The Viterbi cannot see that, as its blanks have no memory. So
such a word is aligned anew between its neighbours, wholly on one side of the pause; it
stays as it is only where that is better by more than the pause costs.

Shapes: T frames, C labels, L tokens of the graph's line, W tokens of a window.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import exp

import numpy as np
import numpy.typing as npt

from aligner.config import AlignConfig
from aligner.path import AlignmentPath, FloatArray
from aligner.pauses import Pause
from aligner.reading import ReadingGraph
from aligner.tokens import EncodedChapter
from aligner.viterbi import forced_align
from schemas.errors import AlignmentInfeasible
from schemas.units import frames_from_sec, sec_from_frames

# A letter may be heard so far into a pause, or so far before its end.
_SLACK_SEC = 0.1

Frames = tuple[int, int]


@dataclass(frozen=True, eq=False)
class Lines:
    """What a path was found with."""

    emissions_TC: FloatArray
    """With the columns of the stars."""
    graph: ReadingGraph
    encoded: EncodedChapter
    blank: int
    entry_cost_T: FloatArray
    hop_samples: int


@dataclass(frozen=True, eq=False)
class _Window:
    """Frames for a word and the stars beside it, up to the neighbours of these."""

    start: int
    end: int
    tokens_W: npt.NDArray[np.intp]
    """Indices in the graph's line."""


def mend_words(
    lines: Lines, path: AlignmentPath, pauses: Sequence[Pause], config: AlignConfig
) -> AlignmentPath:
    """Return the path with no word on both sides of a pause, unless it has to be.

    A pause of length l in a word costs pause_cost * (1 - exp(-l / pause_decay_sec)),
    which is what a verse start saves there. Stars beside a word grow or shrink with it;
    all else stays.

    Args:
      lines: what the path was found with.
      path: as ``aligner.reading_events.last_readings`` returns it.
      pauses: where the reader paused.
      config: for the costs and the shortest pause.
    """
    path = replace(
        path, frames=path.frames.copy(), tokens=path.tokens.copy(),
        starts=path.starts.copy(), ends=path.ends.copy(),
    )  # fmt: skip
    hop = lines.hop_samples
    quiet = [
        (frames_from_sec(start, hop), frames_from_sec(end, hop))
        for start, end in pauses
    ]
    least = max(1, frames_from_sec(config.min_pause_sec, hop))
    gained = 0.0
    for first, last, inside in _torn_words(lines, path, quiet, least):
        window = _window(lines, path, first, last)
        if window is None:
            continue
        cost = sum(
            config.pause_cost
            * (1 - exp(-sec_from_frames(end - start, hop) / config.pause_decay_sec))
            for start, end in inside
        )
        whole, change = _on_one_side(lines, window, inside, cost)
        if whole is not None:
            _replace(path, window, whole)
            gained += change
    return replace(path, score=path.score + gained)


def _torn_words(
    lines: Lines, path: AlignmentPath, quiet: Sequence[Frames], least: int
) -> Iterator[tuple[int, int, list[Frames]]]:
    """Yield first and last token of words, and the pauses between their letters."""
    graph, encoded = lines.graph, lines.encoded
    word = np.where(graph.origin >= 0, encoded.token_word[graph.origin], -1)
    verse = encoded.token_verse[graph.origin]
    is_letter = (word >= 0) & (path.starts >= 0) & (graph.tokens < encoded.star)
    joined = is_letter[1:] & is_letter[:-1]
    joined &= (word[1:] == word[:-1]) & (verse[1:] == verse[:-1])
    gaps = np.where(joined, path.starts[1:] - path.ends[:-1], 0)
    borders = np.append(np.flatnonzero(~joined), len(joined))
    # A change of one word moves nothing of another.
    for at in np.unique(np.searchsorted(borders, np.flatnonzero(gaps >= least))):
        first = int(borders[at - 1]) + 1 if at > 0 else 0
        last = int(borders[at])
        inside = [
            (max(start, int(path.ends[k])), min(end, int(path.starts[k + 1])))
            for k in range(first, last)
            for start, end in quiet
        ]
        inside = [(start, end) for start, end in inside if end - start >= least]
        if inside:
            yield first, last, inside


def _window(lines: Lines, path: AlignmentPath, first: int, last: int) -> _Window | None:
    """Return where a word may lie, None if the path jumps in the midst of it.

    No jump is within a window, so that each stays between the same tokens.
    """
    start, end = int(path.starts[first]), int(path.ends[last])
    jumps = np.array([frame for frame, _ in path.jumps], np.int64)
    if ((jumps > start) & (jumps < end)).any():
        return None
    low = int(jumps[jumps <= start].max(initial=0))
    high = int(jumps[jumps >= end].min(initial=len(path.frames)))
    tokens = list(range(first, last + 1))
    spoken = low + np.flatnonzero(path.tokens[low:high] >= 0)
    before, after = spoken[spoken < start], spoken[spoken >= end]
    if len(before) and _is_star(lines, beside := int(path.tokens[before[-1]])):
        tokens.insert(0, beside)
        start = int(path.starts[beside])
        before = before[before < start]
    if len(after) and _is_star(lines, beside := int(path.tokens[after[0]])):
        tokens.append(beside)
        end = int(path.ends[beside])
        after = after[after >= end]
    # Where there is room a blank stays between equal letters.
    if len(before):
        low = min(int(before[-1]) + 2, start)
    if len(after):
        high = max(int(after[0]) - 1, end)
    return _Window(low, high, np.array(tokens))


def _is_star(lines: Lines, token: int) -> bool:
    return bool(lines.graph.tokens[token] >= lines.encoded.star)


def _on_one_side(
    lines: Lines, window: _Window, inside: Sequence[Frames], cost: float
) -> tuple[AlignmentPath | None, float]:
    """Return the best path of a window whose word lies between two pauses.

    Also by how much its score is above that of the torn word; None where the torn word
    is better by more than the cost.
    """
    emissions = lines.emissions_TC[window.start : window.end]
    torn = _aligned(lines, window, emissions)
    letters = np.flatnonzero(np.arange(lines.encoded.star) != lines.blank)
    best, least = None, torn.score - cost
    for start, end in _sides(window, inside, lines.hop_samples):
        one_side = emissions.copy()
        one_side[: start - window.start, letters] = -np.inf
        one_side[end - window.start :, letters] = -np.inf
        try:
            path = _aligned(lines, window, one_side)
        except AlignmentInfeasible:  # too short for the word
            continue
        if path.score > least:
            best, least = path, path.score
    return best, least - torn.score


def _sides(
    window: _Window, inside: Sequence[Frames], hop_samples: int
) -> Iterator[Frames]:
    slack = frames_from_sec(_SLACK_SEC, hop_samples)
    begin = window.start
    for start, end in inside:
        middle = (start + end) // 2
        yield begin, min(start + slack, middle)
        begin = max(end - slack, middle)
    yield begin, window.end


def _aligned(lines: Lines, window: _Window, emissions: FloatArray) -> AlignmentPath:
    graph, tokens = lines.graph, window.tokens_W
    return forced_align(
        emissions, graph.tokens[tokens], lines.blank,
        entry_cost_T=lines.entry_cost_T[window.start : window.end],
        entry_tokens=graph.begins[tokens], tolls_L=graph.tolls[tokens],
    )  # fmt: skip


def _replace(path: AlignmentPath, window: _Window, part: AlignmentPath) -> None:
    """Write a window's path into that of the chapter, whose arrays are our own."""
    path.starts[window.tokens_W] = part.starts + window.start
    path.ends[window.tokens_W] = part.ends + window.start
    span = slice(window.start, window.end)
    path.frames[span] = part.frames
    path.tokens[span] = np.where(part.tokens >= 0, window.tokens_W[part.tokens], -1)
