"""The segments that a recording will be cut into: known from its alignment alone."""

from aligner.segments import plan_segments
from pipelines.context import RunContext
from schemas.alignment import ChapterAlignment
from schemas.segment import Segment
from schemas.source import Recording

VERSION = 5
"""Of which segments there are and what is cut: what is named by it is made anew with
another."""


def planned_segments(
    alignment: ChapterAlignment, recording: Recording, context: RunContext
) -> tuple[Segment, ...]:
    """Return the segments of a recording, not yet cut and without ``split``."""
    return plan_segments(
        alignment,
        context.segment,
        book=recording.book,
        reader=recording.reader,
        drama=recording.drama,
        licence=recording.licence,
    )
