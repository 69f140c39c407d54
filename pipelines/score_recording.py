"""Third step: what a recording says against the text of its segments, and of decoys.

The segments are those that will be cut: planning needs nothing but the alignment. Where
times were known no model has listened, and there is nothing to score.
"""

import json
import math
from dataclasses import asdict, astuple, replace
from typing import Any

from aligner.evidence import Evidence
from aligner.scoring import Heard, RecordingScores, SegmentScores, score_segments
from pipelines.align_recording import (
    AlignedRecording,
    chapter_of,
    read_alignment,
)
from pipelines.context import RunContext
from pipelines.cut_recording import VERSION as CUT_VERSION
from pipelines.emission_store import drop_emissions, emissions_of
from pipelines.events import worked
from pipelines.opinion import opinions_on
from pipelines.planned_segments import planned_segments
from pipelines.waveforms import forget_waveform, waveform_of_file
from schemas.errors import ArtifactError
from schemas.keys import digest_of
from schemas.units import rounded

STAGE = "score"
VERSION = 1
SUFFIX = ".json"
_FORMAT = "pericope-scores/1"
_DECIMALS = 5


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


def scores_digest(aligned: AlignedRecording, context: RunContext) -> str:
    """Name the scores by all that they depend on; "" where no model has listened."""
    if aligned.fetched.timing is not None:
        return ""
    plan = [CUT_VERSION, asdict(context.segment)]
    return digest_of(STAGE, VERSION, aligned.digest, plan)


def _scores_in_store(aligned: AlignedRecording, context: RunContext) -> str:
    digest = scores_digest(aligned, context)
    if digest and not context.store.has(STAGE, digest, SUFFIX):
        worked()
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
    fetched = aligned.fetched
    recording = fetched.recording
    alignment = read_alignment(aligned.digest, context)
    segments = planned_segments(alignment, recording, context)
    waveform = waveform_of_file(fetched.audio, context.max_hours)
    heard = Heard(
        recording.recording_id,
        waveform,
        chapter_of(fetched),
        context.model(),
        emissions_of(fetched, context),
    )
    # One that has learnt the reader has learnt the text, too, be it right or wrong.
    by_another = alignment.model != heard.model.fingerprint
    return score_segments(
        heard, segments, context.align, context.segment, by_another=by_another
    )


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
