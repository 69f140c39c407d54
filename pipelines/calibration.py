"""The calibration of each language: filled into its segments, and kept to be looked at.

``calibration/<language>.json`` has the thresholds and the distributions behind them.
"""

import json
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from aligner.calibration import Calibration
from aligner.scoring import RecordingScores, SegmentScores
from pipelines.store import filesystem_of, remove, write_atomic
from schemas.segment import Segment
from schemas.units import rounded

FOLDER = "calibration"
FORMAT = "pericope-calibration/1"
_FALSE_ACCEPTS = (0.001, 0.01, 0.05, 0.1)
_BINS = 60
_DECIMALS = 4


def with_trust(
    segments: Sequence[Segment],
    recordings: Sequence[RecordingScores],
    calibration: Calibration | None,
) -> list[Segment]:
    """Return the segments of a language with what their decoys say of them."""
    scores = {k: row for found in recordings for k, row in found.segments.items()}
    return [
        segment if segment.key not in scores
        else _judged(segment, scores[segment.key], calibration)
        for segment in segments
    ]  # fmt: skip


def _judged(
    segment: Segment, scores: SegmentScores, calibration: Calibration | None
) -> Segment:
    own = scores.own
    segment = replace(
        segment, extra_nats=own.extra, other_nats=own.other, unread_nats=own.unread
    )
    if calibration is None:
        return segment
    return replace(
        segment,
        null_quantile=calibration.null_quantile(scores.score),
        trust=calibration.trust(own),
    )


def write_calibration(
    root: str,
    language: str,
    recordings: Sequence[RecordingScores],
    calibration: Calibration | None,
    model: str,
) -> None:
    """Write what was found for a language; nothing is kept of one without scores."""
    path = f"{root}/{FOLDER}/{language}.json"
    if calibration is None:
        remove(path)
        return
    rows = [row for scores in recordings for row in scores.segments.values()]
    own = np.array([row.score for row in rows])
    own = own[~np.isnan(own)]
    edges = np.linspace(min(own.min(), calibration.decoy_scores[0]), 0.0, _BINS + 1)
    document = {
        "format": FORMAT,
        "language": language,
        "model_fingerprint": model,
        "segments": len(own),
        "decoys_of_other_text": len(calibration.decoy_scores),
        "decoys_with_one_wrong_word": len(calibration.decoy_doubts),
        "score_thresholds": {
            str(share): rounded(calibration.score_threshold(share), _DECIMALS)
            for share in _FALSE_ACCEPTS
        },
        "evidence_medians": _listed(calibration.medians),
        "evidence_scatters": _listed(calibration.scatters),
        "segment_scores_histogram": _histogram(own, edges),
        "decoy_scores_histogram": _histogram(calibration.decoy_scores, edges),
    }
    text = json.dumps(document, indent=2, sort_keys=True)
    write_atomic(path, f"{text}\n".encode())


def prune_calibrations(root: str, languages: set[str]) -> None:
    """Delete those of languages that are no longer in the corpus."""
    filesystem, folder = filesystem_of(f"{root}/{FOLDER}")
    for path in filesystem.find(folder):
        if path.rsplit("/", 1)[-1].removesuffix(".json") not in languages:
            filesystem.rm_file(path)


def _histogram(
    values: npt.NDArray[np.float64], edges: npt.NDArray[np.float64]
) -> dict[str, list[float]]:
    counts, _ = np.histogram(values, edges)
    return {"edges": _listed(edges), "counts": counts.tolist()}


def _listed(values: npt.NDArray[np.float64]) -> list[float]:
    return [rounded(float(value), _DECIMALS) for value in values]
