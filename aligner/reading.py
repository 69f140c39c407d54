"""What readers do with a text: add to it, leave out, read again, or say otherwise.

The line of a chapter's tokens becomes a graph. Between verses a star may take speech
that is not written; asides (headings, announcements) may be read or not; a verse may be
left out or read twice, at a cost. All of it is found by one Viterbi (``aligner.graph``)
and told as events.

Shapes: T frames, L tokens of the graph's line.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, pairwise

import numpy as np
import numpy.typing as npt

from aligner.config import AlignConfig
from aligner.graph import Jumps, checked_jumps
from aligner.path import AlignmentPath, FloatArray, IntArray
from aligner.tokens import EncodedChapter

# Kinds of passages; others are those of asides.
OPENING, STAR, VERSE = "opening", "star", "verse"
# What a jump does.
SKIP, OMIT, REPEAT = "skip", "omit", "repeat"
_INSERTED = -1


@dataclass(frozen=True)
class Passage:
    """Tokens that are read or left out together."""

    kind: str
    """OPENING, STAR, VERSE, or the kind of an aside."""
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
    begins: npt.NDArray[np.bool_]
    """Which tokens begin a verse or an aside (L,)."""
    verse_first_token: IntArray
    """The first token of each verse, -1 for one without tokens."""
    tolls: FloatArray
    """Cost (nats) of entering each token (L,)."""
    jumps: Jumps | None
    passages: tuple[Passage, ...]
    jump_of: tuple[tuple[str, int], ...]
    """What each jump does (SKIP, OMIT, REPEAT) and to which passage."""


@dataclass(frozen=True)
class _Part:
    """A passage before it has its place."""

    kind: str
    tokens: IntArray
    origin: npt.NDArray[np.integer]
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
    encoded: EncodedChapter, config: AlignConfig, asides: Sequence[EncodedAside] = ()
) -> ReadingGraph:
    """Lay out a chapter's tokens with what may be read beside them.

    Args:
      encoded: the chapter's own line; an opening star stays where it is.
      config: which freedoms the reader has, and what they cost.
      asides: what stands outside the verses, in order.
    """
    graph = _laid_out(encoded, list(_parts(encoded, config, asides)))
    for passage in graph.passages:
        if passage.kind == STAR:
            graph.tolls[passage.start] = config.star_toll
    ways = list(_ways(graph.passages, config))
    if not ways:
        return graph
    sources, targets, costs, meanings = zip(*ways, strict=True)
    jumps = checked_jumps(
        np.array(sources), np.array(targets), costs, len(graph.tokens)
    )
    return replace(graph, jumps=jumps, jump_of=meanings)


def plain_graph(encoded: EncodedChapter) -> ReadingGraph:
    """Return the chapter's own line, in which nothing is free."""
    everything = np.arange(len(encoded.tokens))
    return _laid_out(encoded, [_Part(OPENING, encoded.tokens, everything, 0)])


def _laid_out(encoded: EncodedChapter, parts: Sequence[_Part]) -> ReadingGraph:
    edges = np.cumsum([0, *(len(part.tokens) for part in parts)]).tolist()
    passages = tuple(
        Passage(part.kind, start, end, part.verse, part.text)
        for part, (start, end) in zip(parts, pairwise(edges), strict=True)
    )
    origin = np.concatenate([part.origin for part in parts])
    # Where each of the chapter's own tokens is now.
    place = np.empty(len(encoded.tokens), np.int32)
    own = np.flatnonzero(origin != _INSERTED)
    place[origin[own]] = own
    first = encoded.verse_first_token
    verse_first_token = np.where(first >= 0, place[first], -1).astype(np.int32)
    begins = np.zeros(len(origin), bool)
    begins[verse_first_token[first >= 0]] = True
    begins[[p.start for p in passages if p.kind not in (OPENING, STAR, VERSE)]] = True
    return ReadingGraph(
        tokens=np.concatenate([part.tokens for part in parts]).astype(np.int32),
        origin=origin.astype(np.int32),
        begins=begins,
        verse_first_token=verse_first_token,
        tolls=np.zeros(len(origin), np.float32),
        jumps=None,
        passages=passages,
        jump_of=(),
    )


def line_path(graph: ReadingGraph, path: AlignmentPath) -> AlignmentPath:
    """Return the path with starts and ends of the chapter's own tokens alone."""
    own = np.flatnonzero(graph.origin != _INSERTED)
    in_order = own[np.argsort(graph.origin[own])]
    return replace(path, starts=path.starts[in_order], ends=path.ends[in_order])


def _parts(
    encoded: EncodedChapter,
    config: AlignConfig,
    asides: Sequence[EncodedAside],
) -> Iterable[_Part]:
    """Yield the passages in their order."""
    verse = encoded.token_verse
    opening = np.flatnonzero(verse < 0)
    if len(opening):
        yield _Part(OPENING, encoded.tokens[opening], opening, 0)
    one_star = np.array([encoded.star], np.int32)
    spoken = [k for k in range(len(encoded.verses)) if (verse == k).any()]
    for k in range(len(encoded.verses) + 1):
        last = k == len(encoded.verses)
        between = k in spoken[1:] if not last else config.star_at_end
        if between and (last or config.star_between_verses):
            yield _Part(STAR, one_star, np.array([_INSERTED]), k)
        for aside in asides:
            if aside.before == k and len(aside.tokens):
                inserted = np.full(len(aside.tokens), _INSERTED)
                yield _Part(aside.kind, aside.tokens, inserted, k, aside.text)
        if k in spoken:
            own = np.flatnonzero(verse == k)
            yield _Part(VERSE, encoded.tokens[own], own, k)


def _ways(
    passages: Sequence[Passage], config: AlignConfig
) -> Iterable[tuple[int, int, float, tuple[str, int]]]:
    """Yield the jumps: source, target, cost, and what it does to which passage."""
    group: list[int] = []
    for number, passage in enumerate([*passages, None]):
        if passage is not None and passage.kind not in (VERSE, OPENING):
            group.append(number)
            continue
        # Any neighbours of what stands between two verses may be left out together.
        edges = [passages[k].start for k in group]
        edges += [passages[group[-1]].end] if group else []
        for first, last in combinations(range(len(edges)), 2):
            yield edges[first], edges[last], 0.0, (SKIP, group[first])
        group = []
        if passage is None or passage.kind == OPENING:
            continue
        start, end = passage.start, passage.end
        if config.omission_cost is not None:
            yield start, end, config.omission_cost, (OMIT, number)
        if config.repeat_cost is not None:
            yield end, start, config.repeat_cost, (REPEAT, number)
