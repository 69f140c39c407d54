"""The best path of a chapter through its emissions, and how the reading differs.

Shapes: T frames, C labels, L tokens of the chapter's own line.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from aligner.backends import align_with
from aligner.config import AlignConfig
from aligner.path import AlignmentPath, FloatArray
from aligner.pauses import Pause, verse_start_cost
from aligner.reading import EncodedAside, ReadingGraph, line_path, reading_graph
from aligner.star_cost import star_level
from aligner.tokens import EncodedChapter
from aligner.viterbi import forced_align
from schemas.alignment import EventKind

# A star between verses that takes less is no speech: the longest pause's edges.
_LEAST_UNWRITTEN_FRAMES = 15


@dataclass(frozen=True)
class FrameEvent:
    """A ``ReadingEvent`` in frames; ``verse`` is an index."""

    kind: EventKind
    verse: int
    start_frame: int
    end_frame: int
    text: str


@dataclass(frozen=True, eq=False)
class ChapterPath:
    """The path in terms of the chapter's own tokens (L,), and the events."""

    path: AlignmentPath
    events: tuple[FrameEvent, ...]


def best_chapter_path(
    emissions_TC: FloatArray,
    encoded: EncodedChapter,
    pauses: Sequence[Pause],
    config: AlignConfig,
    blank: int,
    asides: Sequence[EncodedAside] = (),
) -> ChapterPath:
    """Align a chapter with all the freedom that its reader is given.

    Args:
      emissions_TC: of the model, without stars.
      encoded: the chapter.
      pauses: where the reader paused, for the soft cost on verse starts.
      config: freedoms and costs.
      blank: the model's blank.
      asides: text outside the verses that may have been read.

    Raises:
      AlignmentInfeasible: the text is far too long for the audio.
    """
    opening = np.full((len(emissions_TC), 1), config.star_log_prob, np.float32)
    starred = np.concatenate([emissions_TC, opening], axis=1)
    begins = np.zeros(len(encoded.tokens), bool)
    begins[encoded.verse_first_token[encoded.verse_first_token >= 0]] = True
    cost_T = verse_start_cost(pauses, len(emissions_TC), config)
    costly = config.pause_cost > 0
    line = align_with(
        config.backend,
        starred,
        encoded.tokens,
        blank,
        entry_cost_T=cost_T if costly else None,
        entry_tokens=begins if costly else None,
    )
    if not config.free_reading:
        return ChapterPath(line, ())
    level = config.free_star_log_prob
    if level is None:
        level = star_level(emissions_TC, line, encoded, blank)
    if level is None:
        return ChapterPath(line, ())
    graph = reading_graph(encoded, config, asides)
    path = forced_align(
        np.concatenate([emissions_TC, np.full_like(opening, level)], axis=1),
        graph.tokens,
        blank,
        entry_cost_T=cost_T,
        entry_tokens=graph.verse_starts,
        tolls_L=graph.tolls,
        jumps=graph.jumps,
    )
    events = sorted(_events(graph, path), key=lambda event: event.start_frame)
    return ChapterPath(line_path(graph, path, len(encoded.tokens)), tuple(events))


def _events(graph: ReadingGraph, path: AlignmentPath) -> Iterator[FrameEvent]:
    for passage in graph.passages:
        if passage.kind in ("opening", "verse"):
            continue
        start = int(path.starts[passage.start])
        end = int(path.ends[passage.end - 1])
        if start < 0 or end < 0:
            continue
        if passage.kind != "star":
            yield FrameEvent(EventKind.ASIDE, passage.verse, start, end, passage.text)
        elif end - start >= _LEAST_UNWRITTEN_FRAMES:
            yield FrameEvent(EventKind.UNWRITTEN, passage.verse, start, end, "")
    for frame, jump in path.jumps:
        deed, number = graph.jump_of[jump]
        verse = graph.passages[number]
        if deed == "omit":
            yield FrameEvent(EventKind.OMITTED, verse.verse, frame, frame, "")
        elif deed == "repeat":
            inside = (path.tokens >= verse.start) & (path.tokens < verse.end)
            earlier = np.flatnonzero(inside[:frame])
            span = int(earlier[0]), int(earlier[-1]) + 1
            yield FrameEvent(EventKind.REPEATED, verse.verse, *span, "")
