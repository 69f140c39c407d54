"""What readers do with a text: add to it, leave out, read again, or say otherwise.

The line of a chapter's tokens becomes a graph. Between verses a star may take speech
that is not written; asides (headings, announcements) may be read or not; a verse may be
left out or read twice, at a cost. All of it is found by one Viterbi (``aligner.graph``)
and told as events.

Shapes: T frames, L tokens of the graph's line.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

from aligner.config import AlignConfig
from aligner.graph import Jumps, checked_jumps
from aligner.path import AlignmentPath, FloatArray, IntArray
from aligner.tokens import EncodedChapter

_INSERTED = -1


@dataclass(frozen=True)
class Passage:
    """Tokens that are read or left out together."""

    kind: str
    """opening, star, verse, or the kind of an aside."""
    start: int
    """First of its tokens in the graph's line."""
    end: int
    verse: int
    """The verse that it is, or stands before."""
    text: str = ""


@dataclass(frozen=True, eq=False)
class ReadingGraph:
    """A chapter's tokens with all that may be inserted, and the jumps between."""

    tokens: IntArray
    """Label ids (L,)."""
    origin: IntArray
    """Index of each token in the chapter's own line (L,), -1 where it was inserted."""
    verse_starts: npt.NDArray[np.bool_]
    """Which tokens begin a verse or an aside (L,)."""
    tolls: FloatArray
    """Cost (nats) of entering each token (L,)."""
    jumps: Jumps | None
    passages: tuple[Passage, ...]
    jump_of: tuple[tuple[str, int], ...]
    """What each jump does: skip, omit or repeat, and its (first) passage."""


@dataclass(frozen=True)
class _Part:
    """A passage before it has its place."""

    kind: str
    tokens: IntArray
    origin: IntArray
    verse: int
    text: str = ""


@dataclass(frozen=True)
class EncodedAside:
    """Text outside the verses: its tokens and the verse that it stands before."""

    before: int
    kind: str
    text: str
    tokens: IntArray


def reading_graph(
    encoded: EncodedChapter,
    config: AlignConfig,
    asides: Sequence[EncodedAside] = (),
) -> ReadingGraph:
    """Lay out a chapter's tokens with what may be read beside them.

    Args:
      encoded: the chapter's own line; an opening star stays where it is.
      config: which freedoms the reader has, and what they cost.
      asides: what stands outside the verses, in order.
    """
    parts = list(_parts(encoded, config, asides))
    edges = np.cumsum([0, *(len(part.tokens) for part in parts)])
    passages = tuple(
        Passage(part.kind, int(start), int(end), part.verse, part.text)
        for part, start, end in zip(parts, edges, edges[1:], strict=False)
    )
    tokens = np.concatenate([part.tokens for part in parts]).astype(np.int32)
    origin = np.concatenate([part.origin for part in parts]).astype(np.int32)
    tolls = np.zeros(len(tokens), np.float32)
    begins = np.zeros(len(tokens), bool)
    for passage in passages:
        if passage.kind == "star":
            tolls[passage.start] = config.star_toll
        elif passage.kind != "opening":
            begins[passage.start] = True
    ways = list(_ways(passages, config))
    columns = np.array([way[:3] for way in ways]).reshape(-1, 3)
    jumps = None
    if ways:
        sources, targets = columns[:, :2].astype(np.int32).T
        jumps = checked_jumps(sources, targets, columns[:, 2], len(tokens))
    meanings = tuple((way[3], way[4]) for way in ways)
    return ReadingGraph(tokens, origin, begins, tolls, jumps, passages, meanings)


def line_path(graph: ReadingGraph, path: AlignmentPath, length: int) -> AlignmentPath:
    """Return the path with starts and ends of the chapter's own tokens, (length,)."""
    own = graph.origin != _INSERTED
    starts = np.full(length, -1, np.int32)
    ends = starts.copy()
    starts[graph.origin[own]] = path.starts[own]
    ends[graph.origin[own]] = path.ends[own]
    return AlignmentPath(
        path.score, path.frames, starts, ends, path.tokens, computed_share=1.0
    )


def _parts(
    encoded: EncodedChapter,
    config: AlignConfig,
    asides: Sequence[EncodedAside],
) -> Iterable[_Part]:
    """Yield the passages in their order."""
    verse = encoded.token_verse
    opening = np.flatnonzero(verse < 0)
    if len(opening):
        yield _Part("opening", encoded.tokens[opening], opening, 0)
    one_star = np.array([encoded.star], np.int32)
    spoken = [k for k in range(len(encoded.verses)) if (verse == k).any()]
    for k in range(len(encoded.verses) + 1):
        last = k == len(encoded.verses)
        between = k in spoken[1:] if not last else config.star_at_end
        if between and (last or config.star_between_verses):
            yield _Part("star", one_star, np.array([_INSERTED]), k)
        for aside in asides:
            if aside.before == k and len(aside.tokens):
                inserted = np.full(len(aside.tokens), _INSERTED)
                yield _Part(aside.kind, aside.tokens, inserted, k, aside.text)
        if k in spoken:
            own = np.flatnonzero(verse == k)
            yield _Part("verse", encoded.tokens[own], own, k)


def _ways(
    passages: Sequence[Passage], config: AlignConfig
) -> Iterable[tuple[int, int, float, str, int]]:
    """Yield the jumps: source, target, cost, what it does, its first passage."""
    group: list[int] = []
    for number, passage in enumerate([*passages, None]):
        if passage is not None and passage.kind not in ("verse", "opening"):
            group.append(number)
            continue
        # Any neighbours of what stands between two verses may be left out together.
        edges = [passages[k].start for k in group]
        edges += [passages[group[-1]].end] if group else []
        for first, last in combinations(range(len(edges)), 2):
            yield edges[first], edges[last], 0.0, "skip", group[first]
        group = []
        if passage is None or passage.kind == "opening":
            continue
        start, end = passage.start, passage.end
        if config.omission_cost is not None:
            yield start, end, config.omission_cost, "omit", number
        if config.repeat_cost is not None:
            yield end, start, config.repeat_cost, "repeat", number
