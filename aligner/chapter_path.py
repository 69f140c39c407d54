"""The best path of a chapter through its emissions, and how the reading differs.

Shapes: T frames, C labels, L tokens of the chapter's own line.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from aligner.backends import align_with
from aligner.config import AlignConfig
from aligner.emissions import AcousticModel
from aligner.margins import verse_margins
from aligner.path import AlignmentPath, FloatArray
from aligner.pauses import Pause, verse_start_cost
from aligner.reading import (
    OMIT,
    OPENING,
    REPEAT,
    STAR,
    VERSE,
    EncodedAside,
    ReadingGraph,
    line_path,
    plain_graph,
    reading_graph,
)
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
    margins: npt.NDArray[np.float64]
    """Of each verse (nats), see ``aligner.margins``; NaN if they are not wanted."""
    events: tuple[FrameEvent, ...] = ()


def best_chapter_path(
    emissions_TC: FloatArray,
    encoded: EncodedChapter,
    pauses: Sequence[Pause],
    config: AlignConfig,
    model: AcousticModel,
    asides: Sequence[EncodedAside] = (),
) -> ChapterPath:
    """Align a chapter with all the freedom that its reader is given.

    Args:
      emissions_TC: of the model, without stars.
      encoded: the chapter.
      pauses: where the reader paused, for the soft cost on verse starts.
      config: freedoms and costs.
      model: names its blank and its hop.
      asides: text outside the verses that may have been read.

    Raises:
      AlignmentInfeasible: the text is far too long for the audio.
    """
    blank = model.blank
    cost_T = verse_start_cost(pauses, len(emissions_TC), config)
    own = plain_graph(encoded)
    starred = _with_star(emissions_TC, config.star_log_prob)
    if config.pause_cost > 0:
        path = align_with(
            config.backend, starred, own.tokens, blank,
            entry_cost_T=cost_T, entry_tokens=own.begins,
        )  # fmt: skip
    else:
        path = align_with(config.backend, starred, own.tokens, blank)
    level = None
    if config.free_reading:
        level = config.free_star_log_prob
        if level is None:
            level = star_level(emissions_TC, path, encoded, blank)
    graph = own
    if level is not None:
        graph = reading_graph(encoded, config, asides)
        starred = _with_star(emissions_TC, level)
        path = forced_align(
            starred, graph.tokens, blank, entry_cost_T=cost_T,
            entry_tokens=graph.begins, tolls_L=graph.tolls, jumps=graph.jumps,
        )  # fmt: skip
    margins = np.full(len(encoded.verses), np.nan)
    if config.confidence:
        margins = verse_margins(
            starred, graph.tokens, blank, path, graph.verse_first_token,
            entry_cost_T=cost_T, entry_tokens=graph.begins, tolls_L=graph.tolls,
            jumps=graph.jumps, hop_samples=model.hop_samples,
        )  # fmt: skip
    events = sorted(_events(graph, path), key=lambda event: event.start_frame)
    return ChapterPath(line_path(graph, path), margins, tuple(events))


def _with_star(emissions_TC: FloatArray, log_prob: float) -> FloatArray:
    star = np.full((len(emissions_TC), 1), log_prob, np.float32)
    return np.concatenate([emissions_TC, star], axis=1)


def _events(graph: ReadingGraph, path: AlignmentPath) -> Iterator[FrameEvent]:
    for passage in graph.passages:
        if passage.kind in (OPENING, VERSE):
            continue
        start = int(path.starts[passage.start])
        end = int(path.ends[passage.end - 1])
        if start < 0 or end < 0:
            continue
        if passage.kind != STAR:
            yield FrameEvent(EventKind.ASIDE, passage.verse, start, end, passage.text)
        elif end - start >= _LEAST_UNWRITTEN_FRAMES:
            yield FrameEvent(EventKind.UNWRITTEN, passage.verse, start, end, "")
    for frame, jump in path.jumps:
        deed, number = graph.jump_of[jump]
        verse = graph.passages[number]
        if deed == OMIT:
            yield FrameEvent(EventKind.OMITTED, verse.verse, frame, frame, "")
        elif deed == REPEAT:
            inside = (path.tokens >= verse.start) & (path.tokens < verse.end)
            earlier = np.flatnonzero(inside[:frame])
            span = int(earlier[0]), int(earlier[-1]) + 1
            yield FrameEvent(EventKind.REPEATED, verse.verse, *span, "")
