"""A path through a chapter's graph, told as what the reader did.

Shapes: T frames, L tokens of the graph's line.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from aligner.passages import OMIT, OPENING, PASS_OVER, REPEAT, STAR, VERSE
from aligner.path import AlignmentPath, IntArray
from aligner.reading import ReadingGraph
from aligner.tokens import EncodedChapter, Star
from aligner.variants import Change, Variants
from schemas.alignment import EventKind

# A star that takes less is no speech: the longest pause's edges.
LEAST_UNWRITTEN_FRAMES = 15


@dataclass(frozen=True)
class FrameEvent:
    """A ``ReadingEvent`` in frames; ``verse`` is an index."""

    kind: EventKind
    verse: int
    start_frame: int
    end_frame: int
    text: str


@dataclass(frozen=True, eq=False)
class Reading:
    """How a chapter was read."""

    events: tuple[FrameEvent, ...]
    """In order of time."""
    stars: tuple[Star, ...]
    """The chapter's, each with all words that it stands for."""
    changes: tuple[tuple[int, Change], ...]
    """What was said otherwise: the verse's index, and the place in its text."""
    verse_first_token: IntArray
    """The first token of each verse that was read, in the graph's line."""
    is_free: bool
    """Whether anything but the plain line could be read."""


def last_readings(graph: ReadingGraph, path: AlignmentPath) -> AlignmentPath:
    """Return the path without the tokens that only an earlier reading has."""
    starts, ends = path.starts.copy(), path.ends.copy()
    for frame, jump in path.jumps:
        deed, number = graph.jump_of[jump]
        if deed == REPEAT:
            verse = graph.passages[number]
            span = slice(verse.start, verse.end)
            earlier = starts[span] < frame
            starts[span][earlier] = ends[span][earlier] = -1
    return replace(path, starts=starts, ends=ends)


def reading_of(
    graph: ReadingGraph,
    path: AlignmentPath,
    encoded: EncodedChapter,
    variants: Variants,
) -> Reading:
    """Return what was read.

    Args:
      graph: of the chapter.
      path: through it, as ``last_readings`` returns it.
      encoded: the chapter.
      variants: what the graph was made with.
    """
    read = [form for form in graph.forms if path.starts[form.start] >= 0]
    stars = list(encoded.stars)
    changes: list[tuple[int, Change]] = []
    first = _first_tokens(graph, path)
    events = [*_of_passages(graph, path), *_of_jumps(graph, path)]
    for form in read:
        number = variants.numbers[form.number]
        stars[number.star] = replace(
            stars[number.star], word_end=number.word_end, at_start=False
        )
        changes += (
            (number.verse, change) for change in number.forms[form.form].changes
        )
        if number.at_start:
            first[number.verse] = form.start
            events += _title(graph, path, number.verse)
    for frame, index in _passed_over(graph, path, variants):
        reference = variants.references[index]
        span = reference.char_start, reference.char_end
        changes.append((reference.verse, (*span, "")))
        events.append(
            FrameEvent(EventKind.UNREAD, reference.verse, frame, frame, reference.text)
        )
    return Reading(
        events=tuple(sorted(events, key=lambda event: event.start_frame)),
        stars=tuple(stars),
        changes=tuple(changes),
        verse_first_token=first,
        is_free=len(graph.passages) > 1,
    )


def _first_tokens(graph: ReadingGraph, path: AlignmentPath) -> IntArray:
    first = graph.verse_first_token.copy()
    for passage in graph.passages:
        read = np.flatnonzero(path.starts[passage.start : passage.end] >= 0)
        if passage.kind == VERSE and len(read):
            first[passage.verse] = passage.start + read[0]
    return first


def _of_passages(graph: ReadingGraph, path: AlignmentPath) -> Iterator[FrameEvent]:
    """Yield the asides that were read and the speech that is not written."""
    for passage in graph.passages:
        if passage.kind in (OPENING, VERSE):
            continue
        span = slice(passage.start, passage.end)
        read = path.starts[span] >= 0
        if not read.any():
            continue
        start = int(path.starts[span][read].min())
        end = int(path.ends[span][read].max())
        if passage.kind != STAR:
            yield FrameEvent(EventKind.ASIDE, passage.verse, start, end, passage.text)
        elif end - start >= LEAST_UNWRITTEN_FRAMES:
            yield FrameEvent(EventKind.UNWRITTEN, passage.verse, start, end, "")


def _title(
    graph: ReadingGraph, path: AlignmentPath, verse: int
) -> Iterator[FrameEvent]:
    """Yield what a number's star took at the chapter's start, before a form."""
    star = graph.verse_first_token[verse]
    start, end = int(path.starts[star]), int(path.ends[star])
    if start >= 0 and end - start >= LEAST_UNWRITTEN_FRAMES:
        yield FrameEvent(EventKind.UNWRITTEN, verse, start, end, "")


def _of_jumps(graph: ReadingGraph, path: AlignmentPath) -> Iterator[FrameEvent]:
    """Yield the verses that were left out or read again."""
    since: dict[int, int] = {}
    for frame, jump in path.jumps:
        deed, number = graph.jump_of[jump]
        if deed == OMIT:
            left_out = graph.passages[number].verse
            yield FrameEvent(EventKind.OMITTED, left_out, frame, frame, "")
        elif deed == REPEAT:
            verse = graph.passages[number]
            first = since.get(number, 0)
            heard = path.tokens[first:frame]
            inside = (heard >= verse.start) & (heard < verse.end)
            earlier = first + np.flatnonzero(inside)
            span = int(earlier[0]), int(earlier[-1]) + 1
            since[number] = frame
            yield FrameEvent(EventKind.REPEATED, verse.verse, *span, "")


def _passed_over(
    graph: ReadingGraph, path: AlignmentPath, variants: Variants
) -> list[tuple[int, int]]:
    """Return frame and number of the references that the last reading left out."""
    found: dict[int, int] = {}
    for frame, jump in path.jumps:
        deed, number = graph.jump_of[jump]
        if deed == PASS_OVER:
            found[number] = frame
        elif deed == REPEAT:
            verse = graph.passages[number].verse
            found = {
                index: at
                for index, at in found.items()
                if variants.references[index].verse != verse
            }
    return [(frame, index) for index, frame in found.items()]
