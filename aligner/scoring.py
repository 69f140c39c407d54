"""What a recording says against the text of its segments, beside its decoys."""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

from aligner.align import Waveform, align_chapter
from aligner.config import AlignConfig, SegmentConfig
from aligner.decoys import (
    Listener,
    Stretch,
    decoy_rounds,
    one_word_wrong,
    other_text,
)
from aligner.emissions import AcousticModel
from aligner.evidence import Evidence, without_separator
from aligner.measures import score_of_words
from aligner.path import FloatArray
from aligner.segments import planned_scores
from aligner.spelling import Speller
from aligner.stretches import stretches_of
from schemas.errors import AlignmentInfeasible
from schemas.segment import Segment
from schemas.source import Chapter


@dataclass(frozen=True)
class SegmentScores:
    """What was found out about one segment with the recording's emissions."""

    score: float
    """By the same model as its decoys; else as in the segments table."""
    own: Evidence
    one_word: tuple[Evidence, ...]
    """Against the same text with one wrong word."""


@dataclass(frozen=True)
class RecordingScores:
    """Those of all segments, by key, and what other texts score."""

    segments: dict[str, SegmentScores]
    other_text: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class Heard:
    """A recording, its text, and the model with what it heard."""

    recording_id: str
    waveform_N: Waveform
    chapter: Chapter
    model: AcousticModel
    emissions_TC: FloatArray


def score_segments(
    heard: Heard,
    segments: Sequence[Segment],
    align: AlignConfig,
    segment: SegmentConfig,
    *,
    by_another: bool = False,
) -> RecordingScores:
    """Hold the segments of a recording against texts that cannot be right.

    The same arguments give the same decoys and scores.

    Args:
      heard: the recording.
      segments: as ``plan_segments`` returned them for its own text.
      align: how it was aligned.
      segment: how it was cut.
      by_another: whether the segments' scores are another model's, such as one that
        has learnt this very text; they are then found anew, as decoys are.
    """
    rounds = decoy_rounds(len(segments))
    scores = [part.score for part in segments]
    if by_another:
        scores = _own_scores(heard, segments, align)
    return RecordingScores(
        _against_one_word(heard, segments, scores, rounds),
        _other_texts(heard, align, segment, rounds),
    )


def _against_one_word(
    heard: Heard, segments: Sequence[Segment], scores: Sequence[float], rounds: int
) -> dict[str, SegmentScores]:
    model = heard.model
    emissions_TC = without_separator(
        heard.emissions_TC, model.blank, model.word_separator
    )
    listener = Listener(emissions_TC, model.blank, model.hop_samples)
    speller = Speller.of(model, heard.chapter.language)
    spoken: list[list[Stretch]] = [
        stretches_of(part, speller, model.hop_samples, len(emissions_TC))
        for part in segments
    ]
    pool = [word for parts in spoken for part in parts for word in part.words]
    found = {}
    for segment, parts, score in zip(segments, spoken, scores, strict=True):
        rng = random.Random(segment.key)
        decoys = tuple(
            listener.evidence(one_word_wrong(parts, pool, rng))
            for _ in range(rounds if parts else 0)
        )
        own = listener.evidence(parts)
        found[segment.key] = SegmentScores(score, own, decoys)
    return found


def _own_scores(
    heard: Heard, segments: Sequence[Segment], align: AlignConfig
) -> list[float]:
    """Return what the words of segments score where this model aligns the chapter."""
    alignment = align_chapter(
        heard.waveform_N,
        heard.chapter,
        heard.model,
        replace(align, confidence=False),
        emissions_TC=heard.emissions_TC,
    )
    return [score_of_words(alignment, segment.words)[0] for segment in segments]


def _other_texts(
    heard: Heard, align: AlignConfig, segment: SegmentConfig, rounds: int
) -> tuple[float, ...]:
    """Return the scores of the segments that other texts would have been cut to."""
    config = replace(align, confidence=False)
    scores: list[float] = []
    for number in range(rounds):
        decoy = other_text(heard.chapter, f"{heard.recording_id}/{number}")
        try:
            alignment = align_chapter(
                heard.waveform_N,
                decoy,
                heard.model,
                config,
                emissions_TC=heard.emissions_TC,
                foreign=True,
            )
        except AlignmentInfeasible:  # the same letters, but more of them twice in a row
            continue
        found = planned_scores(alignment, segment)
        scores += (score for score in found if not math.isnan(score))
    return tuple(scores)
