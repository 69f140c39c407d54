"""The tables of one language, put together from what the store has."""

from collections.abc import Iterable
from dataclasses import replace

from aligner.calibration import Calibration
from aligner.rates import with_rate_places
from aligner.scoring import RecordingScores
from pipelines.align_recording import read_alignment
from pipelines.attempt import Failure
from pipelines.calibration import (
    prune_calibrations,
    with_trust,
    write_calibration,
)
from pipelines.context import RunContext
from pipelines.crossval_columns import read_heard, with_cross_validation
from pipelines.cut_recording import CutRecording, clip_refs, dropped_stretches
from pipelines.judge import judge_language
from pipelines.ledger import (
    LANGUAGE_TOO_SMALL,
    Gap,
    build_ledger,
    find_gaps,
    rejected_ledger,
)
from pipelines.opinion import with_opinions
from pipelines.score_recording import read_scores
from pipelines.split_plan import SplitPlan
from pipelines.tables import prune_languages, write_rows
from schemas.alignment import ChapterAlignment
from schemas.alignment_row import AlignmentRow
from schemas.segment import LedgerEntry, Reject, Segment
from schemas.tables import (
    ALIGNMENT_TABLE,
    LEDGER_TABLE,
    REJECT_TABLE,
    SEGMENT_TABLE,
)

_CutInto = tuple[CutRecording, list[Segment], tuple[Gap, ...]]
"""A recording, its segments, and why its other seconds are in none."""


def write_language(
    language: str,
    cuts: Iterable[CutRecording],
    failures: Iterable[Failure],
    splits: SplitPlan,
    context: RunContext,
) -> str:
    """Write tables and calibration of a language; returns its code."""
    context = context.of_language(language)
    cuts = list(cuts)
    alignments: list[AlignmentRow] = []
    segments: list[Segment] = []
    cut_into: list[_CutInto] = []
    scores: list[RecordingScores] = []
    for cut in sorted(cuts, key=lambda cut: cut.recording_id):
        found = _segments(cut, splits, context)
        own = [s for s in found if not s.source or splits.has_unlabeled(language)]
        segments.extend(own)
        if cut.scores:
            scores.append(read_scores(cut.scores, context))
        alignment = None
        if cut.labeled:
            alignment = read_alignment(cut.alignment, context)
            alignments.extend(_rows(alignment, cut))
        cut_into.append((cut, own, _gaps(cut, found, alignment, context)))
    heard = read_heard(context.output, language)
    digests = {cut.recording_id: cut.alignment for cut in cuts}
    segments = with_cross_validation(segments, heard, digests)
    calibration = Calibration.of(scores)
    write_calibration(
        context.output,
        language,
        scores,
        calibration,
        context.model_fingerprint,
    )
    segments = with_trust(with_rate_places(segments), scores, calibration)
    write_rows(context.output, ALIGNMENT_TABLE, alignments, language)
    write_rows(context.output, SEGMENT_TABLE, segments, language)
    ledger = _ledger(language, cut_into, failures, context)
    write_rows(context.output, LEDGER_TABLE, ledger, language)
    return language


def prune_tables(languages: Iterable[str], context: RunContext) -> None:
    """Delete what earlier runs wrote of languages that are no longer there."""
    for kind in (ALIGNMENT_TABLE, SEGMENT_TABLE, LEDGER_TABLE):
        prune_languages(context.output, kind, set(languages))
    prune_calibrations(context.output, set(languages))


def write_rejects(rejects: Iterable[Reject], context: RunContext) -> int:
    """Write the table of rejects; returns how many there are."""
    return write_rows(context.output, REJECT_TABLE, rejects)


def _rows(alignment: ChapterAlignment, cut: CutRecording) -> list[AlignmentRow]:
    """Return a row for each verse.

    Events are told with the verse that they are at, and so are their stars; the star
    before verse 1 with verse 1, what follows the last verse with the last.
    """
    verses = alignment.verses
    place = {verse.verse: k for k, verse in reversed(list(enumerate(verses)))}
    place[""] = len(verses) - 1
    own = {event.interval: place[event.verse] for event in alignment.events}
    stars = [(own.get(star.interval, 0), star) for star in alignment.stars]
    return [
        AlignmentRow(
            recording_id=cut.recording_id,
            language=cut.language,
            book=cut.book,
            chapter=cut.chapter,
            verse=replace(
                verse, stars=(*(star for at, star in stars if at == k), *verse.stars)
            ),
            events=tuple(
                event for event in alignment.events if place[event.verse] == k
            ),
            model=alignment.model,
            adaptation=alignment.adaptation,
            digest=cut.alignment,
        )
        for k, verse in enumerate(verses)
    ]


def _ledger(
    language: str,
    cut_into: Iterable[_CutInto],
    failures: Iterable[Failure],
    context: RunContext,
) -> list[LedgerEntry]:
    """Account for every second of a language whose segments are written.

    They are judged as they stand in the table, so that the ledger says what the default
    selection will say.
    """
    verdicts = judge_language(context.output, language, context.criteria)
    ledger = [
        entry
        for cut, segments, gaps in cut_into
        for entry in build_ledger(
            cut.recording_id, language, cut.duration_sec, segments, verdicts, gaps
        )
    ]
    for failure in failures:
        if failure.duration_sec is not None:
            reject = failure.reject
            ledger.extend(
                rejected_ledger(
                    reject.key, language, failure.duration_sec, reject.reason
                )
            )
    return ledger


def _segments(
    cut: CutRecording, splits: SplitPlan, context: RunContext
) -> list[Segment]:
    """Return all segments of a recording, those with text with opinions on them."""
    refs = clip_refs(cut.digest, splits.split_of(cut), context)
    segments = [ref.segment for ref in refs]
    if not cut.opinions:
        return segments
    labeled = [segment for segment in segments if not segment.source]
    judged = {s.key: s for s in with_opinions(labeled, cut.opinions, context)}
    return [judged.get(segment.key, segment) for segment in segments]


def _gaps(
    cut: CutRecording,
    segments: list[Segment],
    alignment: ChapterAlignment | None,
    context: RunContext,
) -> tuple[Gap, ...]:
    """Return why seconds of a recording are in no segment, or in one not wanted."""
    if alignment is not None:
        return find_gaps(alignment, [s for s in segments if not s.source])
    unwanted = (Gap(s.start_sec, s.end_sec, LANGUAGE_TOO_SMALL) for s in segments)
    return (*dropped_stretches(cut.digest, context), *unwanted)
