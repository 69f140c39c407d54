"""What readers do with a text: add to it, leave out, read again, or say otherwise.

The line of a chapter's tokens becomes a graph. Between verses a star may take speech
that is not written; asides (headings, announcements) may be read or not; a verse may be
left out or read twice, at a cost. A number is a star or one of the forms in which it
may be read; a bracketed reference may be passed over. All of it is found by one Viterbi
(``aligner.graph``); ``aligner.chapter_path`` tells what was read.

Shapes: T frames, L tokens of the graph's line.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import numpy.typing as npt

from aligner.config import AlignConfig
from aligner.graph import Jumps, checked_jumps
from aligner.passages import (
    INSERTED,
    OMIT,
    OPENING,
    PASS_OVER,
    REPEAT,
    SKIP,
    STAR,
    VERSE,
    FormPlace,
    Line,
    Part,
    Passage,
    Piece,
    Way,
)
from aligner.path import AlignmentPath, FloatArray, IntArray
from aligner.tokens import EncodedChapter
from aligner.variants import NumberForms, Variants

# Toll (nats) of a wall: a token between two ways to say the same, which no best path
# reads, as it always can jump. So what was read is one of them.
_WALL = 1e9
_NOTHING = Variants()


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
    forms: tuple[FormPlace, ...]
    jump_of: tuple[tuple[str, int], ...]
    """What each jump does, and to which: SKIP, OMIT and REPEAT to a passage, PASS_OVER
    to one of ``Variants.references``; TURN (-1) leads to one of several ways."""


def reading_graph(
    encoded: EncodedChapter, config: AlignConfig, variants: Variants = _NOTHING
) -> ReadingGraph:
    """Lay out a chapter's tokens with what may be read beside them.

    Args:
      encoded: the chapter's own line; an opening star stays where it is, all others
        are of the column after its.
      config: which freedoms the reader has, and what they cost.
      variants: what may be said otherwise or left out, as far as it is wanted.
    """
    line = Line()
    for part in _parts(encoded, config, variants):
        line.lay_part(part)
    graph = _graph(line, encoded)
    others = graph.tokens == encoded.star
    others[: sum(star.at_start for star in encoded.stars)] = False
    graph.tokens[others] = encoded.star + 1
    graph.tolls[line.stars] = config.star_toll
    graph.begins[line.stars] = True
    graph.tolls[line.walls] = _WALL
    ways = [
        *line.turns,
        *_ways(graph.passages, config),
        *_over_references(graph, variants),
    ]
    if not ways:
        return graph
    sources, targets, costs, meanings = zip(*ways, strict=True)
    jumps = checked_jumps(
        np.array(sources), np.array(targets), costs, len(graph.tokens)
    )
    return replace(graph, jumps=jumps, jump_of=meanings)


def plain_graph(encoded: EncodedChapter) -> ReadingGraph:
    """Return the chapter's own line, in which nothing is free."""
    line = Line()
    line.lay_part(Part(OPENING, _own(encoded, np.arange(len(encoded.tokens))), 0))
    return _graph(line, encoded)


def _graph(line: Line, encoded: EncodedChapter) -> ReadingGraph:
    origin = np.array(line.origin, np.int32)
    place = _places(origin, len(encoded.tokens))
    first = encoded.verse_first_token
    verse_first_token = np.where(first >= 0, place[first], -1).astype(np.int32)
    begins = np.zeros(len(origin), bool)
    begins[verse_first_token[first >= 0]] = True
    begins[line.begins] = True
    return ReadingGraph(
        tokens=np.array(line.tokens, np.int32),
        origin=origin,
        begins=begins,
        verse_first_token=verse_first_token,
        tolls=np.zeros(len(origin), np.float32),
        jumps=None,
        passages=tuple(line.passages),
        forms=tuple(line.forms),
        jump_of=(),
    )


def _places(origin: IntArray, length: int) -> IntArray:
    """Return where each of the chapter's own tokens is in the graph's line."""
    place = np.empty(length, np.int32)
    own = np.flatnonzero(origin != INSERTED)
    place[origin[own]] = own
    return place


def line_path(
    graph: ReadingGraph, path: AlignmentPath, variants: Variants = _NOTHING
) -> AlignmentPath:
    """Return the path with starts and ends of the chapter's own tokens alone.

    A form that was read gives its interval to the number's star.
    """
    place = _places(graph.origin, int(graph.origin.max()) + 1)
    starts, ends = path.starts[place], path.ends[place]
    for form in graph.forms:
        if path.starts[form.start] >= 0:
            star = variants.numbers[form.number].first
            starts[star], ends[star] = path.starts[form.start], path.ends[form.end - 1]
    return replace(path, starts=starts, ends=ends)


def _parts(
    encoded: EncodedChapter, config: AlignConfig, variants: Variants
) -> Iterator[Part]:
    """Yield the passages in their order."""
    verse = encoded.token_verse
    opening = np.flatnonzero(verse < 0)
    if len(opening):
        yield Part(OPENING, _own(encoded, opening), 0)
    one_star = Piece((np.array([encoded.star], np.int32),))
    spoken = [k for k in range(len(encoded.verses)) if (verse == k).any()]
    for k in range(len(encoded.verses) + 1):
        last = k == len(encoded.verses)
        between = k in spoken[1:] if not last else config.star_at_end
        if between and (last or config.star_between_verses):
            yield Part(STAR, [one_star], k)
        for aside in variants.asides:
            if aside.before == k:
                pieces = [Piece(ways) for ways in aside.pieces]
                yield Part(aside.kind, pieces, k, aside.text)
        if k in spoken:
            own = np.flatnonzero(verse == k)
            numbers = [
                (index, number)
                for index, number in enumerate(variants.numbers)
                if number.verse == k
            ]
            yield Part(VERSE, _own(encoded, own, numbers), k)


def _own(
    encoded: EncodedChapter,
    own: npt.NDArray[np.integer],
    numbers: Iterable[tuple[int, NumberForms]] = (),
) -> list[Piece]:
    """Return some neighbouring tokens of the chapter in pieces."""
    pieces = []
    at, end = int(own[0]), int(own[-1]) + 1
    for index, number in numbers:
        if at < number.first:
            pieces.append(_piece(encoded, at, number.first))
        forms = tuple(form.tokens for form in number.forms)
        star = _piece(encoded, number.first, number.end)
        pieces.append(
            replace(
                star, ways=star.ways + forms, number=index, at_start=number.at_start
            )
        )
        at = number.end
    if at < end:
        pieces.append(_piece(encoded, at, end))
    return pieces


def _piece(encoded: EncodedChapter, start: int, end: int) -> Piece:
    return Piece((encoded.tokens[start:end],), np.arange(start, end))


def _ways(passages: Sequence[Passage], config: AlignConfig) -> Iterator[Way]:
    """Yield the jumps over and back to passages."""
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
        if config.omissions:
            yield start, end, config.omission_cost, (OMIT, number)
        if config.repeats:
            yield end, start, config.repeat_cost, (REPEAT, number)


def _over_references(graph: ReadingGraph, variants: Variants) -> Iterator[Way]:
    own = np.flatnonzero(graph.origin != INSERTED)
    place = _places(graph.origin, len(own))
    verse_end = {p.verse: p.end for p in graph.passages if p.kind == VERSE}
    for index, reference in enumerate(variants.references):
        target = verse_end[reference.verse]
        if reference.end < len(place):  # forms may stand before the next verse's start
            target = min(target, int(place[reference.end]))
        yield int(place[reference.first]), target, 0.0, (PASS_OVER, index)
