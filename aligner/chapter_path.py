"""The best path of a chapter through its emissions, and how the reading differs.

Shapes: T frames, C labels, L tokens of the chapter's own line.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from aligner.backends import align_with
from aligner.config import AlignConfig
from aligner.emissions import AcousticModel
from aligner.foreign import is_foreign
from aligner.margins import verse_margins
from aligner.path import AlignmentPath, FloatArray
from aligner.pauses import Pause, verse_start_cost
from aligner.reading import line_path, plain_graph, reading_graph
from aligner.reading_events import FrameEvent, Reading, last_readings, reading_of
from aligner.star_cost import star_level
from aligner.tokens import EncodedChapter
from aligner.variants import Variants
from aligner.viterbi import forced_align
from aligner.word_pauses import Lines, mend_words
from schemas.alignment import EventKind

# The opening star costs less than others: a title is longer than what is slipped in
# between verses, and verse 1 must not begin in it. At the full cost one of 8 did.
_OPENING_SHARE = 0.75


@dataclass(frozen=True, eq=False)
class ChapterPath:
    """The path in terms of the chapter's own tokens (L,), and what was read.

    A number's star has the interval of its form where one was read.
    """

    path: AlignmentPath
    margins: npt.NDArray[np.float64]
    """Of each verse (nats), see ``aligner.margins``; NaN if they are not wanted."""
    reading: Reading


def best_chapter_path(
    emissions_TC: FloatArray,
    encoded: EncodedChapter,
    pauses: Sequence[Pause],
    config: AlignConfig,
    model: AcousticModel,
    variants: Variants,
    foreign: bool | None = None,
) -> ChapterPath:
    """Align a chapter with all the freedom that its reader is given.

    Args:
      emissions_TC: of the model, without stars.
      encoded: the chapter.
      pauses: where the reader paused, for the soft cost on verse starts.
      config: freedoms and costs.
      model: names its blank and its hop.
      variants: what may have been said otherwise or left out.
      foreign: whether it is known not to be the text that was read; None: found out.

    Raises:
      AlignmentInfeasible: the text is far too long for the audio.
    """
    blank = model.blank
    cost_T = verse_start_cost(pauses, len(emissions_TC), config)
    own = plain_graph(encoded)
    starred = _with_stars(emissions_TC, config.star_log_prob)
    if config.pause_cost > 0:
        path = align_with(
            config.backend, starred, own.tokens, blank,
            entry_cost_T=cost_T, entry_tokens=own.begins,
        )  # fmt: skip
    else:
        path = align_with(config.backend, starred, own.tokens, blank)
    if foreign is None:
        foreign = config.free_reading and is_foreign(
            emissions_TC, path, encoded, blank, model.hop_samples
        )
    level = None
    if config.free_reading and not foreign:
        level = config.free_star_log_prob
        if level is None:
            level = star_level(emissions_TC, path, encoded, blank)
    graph = own
    if level is not None:
        graph = reading_graph(encoded, config, variants)
        starred = _with_stars(emissions_TC, _OPENING_SHARE * level, level)
        path = forced_align(
            starred, graph.tokens, blank, entry_cost_T=cost_T,
            entry_tokens=graph.begins, tolls_L=graph.tolls, jumps=graph.jumps,
        )  # fmt: skip
        path = last_readings(graph, path)
    best = path
    if config.pause_cost > 0 and not foreign:  # no word of it was read anyway
        lines = Lines(starred, graph, encoded, blank, cost_T, model.hop_samples)
        path = mend_words(lines, best, pauses, config)
    reading = reading_of(graph, path, encoded, variants)
    if foreign:
        event = FrameEvent(EventKind.FOREIGN, 0, 0, len(emissions_TC), "")
        reading = replace(reading, events=(event, *reading.events))
    margins = np.full(len(encoded.verses), np.nan)
    if config.confidence:
        margins = verse_margins(
            starred, graph.tokens, blank, best, reading.verse_first_token,
            entry_cost_T=cost_T, entry_tokens=graph.begins, tolls_L=graph.tolls,
            jumps=graph.jumps, hop_samples=model.hop_samples,
        )  # fmt: skip
    return ChapterPath(line_path(graph, path, variants), margins, reading)


def _with_stars(emissions_TC: FloatArray, *log_probs: float) -> FloatArray:
    shape = (len(emissions_TC), len(log_probs))
    stars = np.broadcast_to(np.array(log_probs, np.float32), shape)
    return np.concatenate([emissions_TC, stars], axis=1)
