"""Third step: what a recording says against the text of its segments, and of decoys.

The segments are those that will be cut: planning needs nothing but the alignment. Where
times were known no model has listened, and there is nothing to score.
"""

import json
import math
import random
from collections.abc import Sequence
from dataclasses import asdict, astuple, dataclass, replace
from typing import Any

from aligner.align import align_chapter
from aligner.decoys import (
    Listener,
    Stretch,
    decoy_rounds,
    one_word_wrong,
    other_text,
)
from aligner.evidence import Evidence
from aligner.segments import plan_segments
from aligner.spelling import Speller
from aligner.stretches import stretches_of
from pipelines.align_recording import (
    AlignedRecording,
    chapter_of,
    read_alignment,
)
from pipelines.context import RunContext
from pipelines.cut_recording import planned_segments
from pipelines.emission_store import FloatArray, drop_emissions, emissions_of
from pipelines.opinion import opinions_on
from pipelines.store import local_copy
from pipelines.waveforms import forget_waveform, waveform_of
from schemas.errors import AlignmentInfeasible, ArtifactError
from schemas.keys import digest_of
from schemas.segment import Segment
from schemas.units import rounded

STAGE = "score"
VERSION = 1
SUFFIX = ".json"
_FORMAT = "pericope-scores/1"
_DECIMALS = 5


@dataclass(frozen=True)
class SegmentScores:
    """What was found out about one segment with the recording's emissions."""

    score: float
    """As in the segments table."""
    own: Evidence
    one_word: tuple[Evidence, ...]
    """Against the same text with one wrong word."""


@dataclass(frozen=True)
class RecordingScores:
    """Those of all segments, by key, and what other texts score."""

    segments: dict[str, SegmentScores]
    other_text: tuple[float, ...]


def score_recording(aligned: AlignedRecording, context: RunContext) -> AlignedRecording:
    """Score a recording's segments, unless the store has the result already.

    Raises:
      InputError: the audio cannot be used (it was, when it was aligned).
    """
    if not aligned.digest:
        return aligned
    try:
        scores = _scores_in_store(aligned, context)
        opinions = opinions_on(aligned, context)
    except BaseException:
        forget_waveform()  # nobody will cut it
        raise
    drop_emissions(aligned.fetched, context)
    return replace(aligned, scores=scores, opinions=opinions)


def _scores_in_store(aligned: AlignedRecording, context: RunContext) -> str:
    if aligned.fetched.timing is not None:
        return ""
    digest = digest_of(STAGE, VERSION, aligned.digest, asdict(context.segment))
    if not context.store.has(STAGE, digest, SUFFIX):
        data = _dumped(_scored(aligned, context))
        context.store.write_bytes(data, STAGE, digest, SUFFIX)
    return digest


def read_scores(digest: str, context: RunContext) -> RecordingScores:
    """Return the scores of a recording.

    Raises:
      ArtifactError: the file is damaged.
    """
    uri = context.store.uri(STAGE, digest, SUFFIX)
    try:
        document = json.loads(context.store.read_bytes(STAGE, digest, SUFFIX))
        if document["format"] != _FORMAT:
            raise ValueError(f"format {document['format']!r}")
        rows = document["segments"].items()
        return RecordingScores(
            {key: _segment_scores(row) for key, row in rows},
            tuple(document["other_text"]),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise ArtifactError(f"{uri}: damaged ({error}); delete it") from error


def _scored(aligned: AlignedRecording, context: RunContext) -> RecordingScores:
    recording, model = aligned.fetched.recording, context.model()
    alignment = read_alignment(aligned.digest, context)
    segments = planned_segments(alignment, recording, context)
    emissions_TC = emissions_of(aligned.fetched, context)
    speller = Speller.of(model, recording.language)
    hop, frames = model.hop_samples, len(emissions_TC)
    stretches = [stretches_of(part, speller, hop, frames) for part in segments]
    listener = Listener(emissions_TC, model.blank, hop)
    return RecordingScores(
        _against_one_word(listener, segments, stretches),
        _other_texts(aligned, context, emissions_TC, decoy_rounds(len(segments))),
    )


def _against_one_word(
    listener: Listener,
    segments: Sequence[Segment],
    stretches: Sequence[Sequence[Stretch]],
) -> dict[str, SegmentScores]:
    pool = [word for parts in stretches for part in parts for word in part.words]
    rounds = decoy_rounds(len(segments))
    found = {}
    for segment, parts in zip(segments, stretches, strict=True):
        rng = random.Random(segment.key)
        decoys = tuple(
            listener.evidence(one_word_wrong(parts, pool, rng))
            for _ in range(rounds if parts else 0)
        )
        own = listener.evidence(parts)
        found[segment.key] = SegmentScores(segment.score, own, decoys)
    return found


def _other_texts(
    aligned: AlignedRecording,
    context: RunContext,
    emissions_TC: FloatArray,
    rounds: int,
) -> tuple[float, ...]:
    """Return the scores of the segments that other texts would have been cut to."""
    fetched = aligned.fetched
    with local_copy(fetched.audio.path) as path:
        waveform = waveform_of(path, fetched.audio.sha256, context.max_hours)
    chapter = chapter_of(fetched)
    config = replace(context.align, confidence=False)
    scores: list[float] = []
    for number in range(rounds):
        decoy = other_text(chapter, f"{fetched.recording.recording_id}/{number}")
        try:
            alignment = align_chapter(
                waveform, decoy, context.model(), config, emissions_TC=emissions_TC
            )
        except AlignmentInfeasible:  # the same letters, but more of them twice in a row
            continue
        segments = plan_segments(
            alignment, context.segment, book="", reader="", drama=False, licence=""
        )
        scores += (s.score for s in segments if not math.isnan(s.score))
    return tuple(scores)


def _dumped(scores: RecordingScores) -> bytes:
    document = {
        "format": _FORMAT,
        "segments": {
            key: {
                "score": _finite(row.score),
                "own": _row(row.own),
                "one_word": [_row(evidence) for evidence in row.one_word],
            }
            for key, row in scores.segments.items()
        },
        "other_text": [rounded(score, _DECIMALS) for score in scores.other_text],
    }
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()


def _row(evidence: Evidence) -> list[float | None]:
    return [_finite(float(value)) for value in astuple(evidence)]


def _finite(value: float) -> float | None:
    """Return a number for JSON: none where it is NaN, or where no path was found."""
    return rounded(value, _DECIMALS) if math.isfinite(value) else None


def _segment_scores(row: dict[str, Any]) -> SegmentScores:
    score = math.nan if row["score"] is None else float(row["score"])
    decoys = tuple(map(_evidence, row["one_word"]))
    return SegmentScores(score, _evidence(row["own"]), decoys)


def _evidence(row: list[float | None]) -> Evidence:
    *values, frames = row
    score, extra, other, unread, confidence = (
        math.nan if value is None else float(value) for value in values
    )
    return Evidence(score, extra, other, unread, confidence, int(frames or 0))
