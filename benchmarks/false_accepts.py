"""What passes that should not, where a share of false accepts is wanted.

Each language is calibrated on its chapters, a twentieth of whose verses has one word
replaced. Then every chapter is aligned with the texts of twelve others: whatever is cut
from those is wrong. Of it a hundredth should have a ``null_quantile`` above 0.99.
Likewise ``trust``, of verses with one wrong word.
"""

import random
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from rich.console import Console
from rich.progress import track

from aligner.calibration import Calibration
from aligner.config import SegmentConfig
from benchmarks.figures import Figure, Unit, print_figures
from benchmarks.listening import (
    JudgedRecording,
    Listened,
    chapters_by_language,
    judged_recording,
    segments_of,
)
from benchmarks.planted import SPOILS, Sources, spoil_verses
from pipelines.calibration import with_trust
from schemas.segment import Segment

_CHAPTERS, _QUICK_CHAPTERS = 32, 3
_OTHER_TEXTS = 12
_MINUTES, _QUICK_MINUTES = 2.0, 0.8
_SEED = 9_640_000
_WRONG_SHARE = 0.05
_MANY_WRONG = 0.3  # only to have enough of them: calibrated is on the usual share
_WANTED = 0.01
_LEAST, _MOST = 0.003, 0.02
_ONE_WORD = ("one word replaced", "one word left out", "one word too many")
_NOTE = (
    "Right segments kept: of those with the text that was read. One wrong word: "
    "verses with a word replaced, left out or too many, a third each."
)


def measure(*, quick: bool) -> list[Figure]:
    """Calibrate every language and try it with wrong texts."""
    chapters = _QUICK_CHAPTERS if quick else _CHAPTERS
    minutes = _QUICK_MINUTES if quick else _MINUTES
    speech = chapters_by_language(chapters, minutes, _SEED)
    figures = []
    for language, items in track(speech.items(), "languages", transient=True):
        figures += _of_language(language, items, has_aim=not quick)
    return figures


def show(figures: Sequence[Figure], console: Console) -> None:
    """Print the table."""
    print_figures(console, "Wrong texts accepted", figures, _NOTE)


def _of_language(
    language: str, items: Sequence[Listened], *, has_aim: bool
) -> list[Figure]:
    packed, marked = _judged(items, _ONE_WORD[:1], _WRONG_SHARE, SegmentConfig())
    calibration = Calibration.of([recording.scores for recording in packed])
    if calibration is None:
        return []
    right = [
        segment
        for segment in _trusted(packed, calibration)
        if not marked[segment.recording_id] & set(segment.verses.split(","))
    ]
    wrong = [
        calibration.null_quantile(segment.score)
        for number, one in enumerate(items)
        for other in _others(items, number)
        for segment in segments_of(
            replace(one.heard(), chapter=other.chapter), SegmentConfig()
        )
    ]
    config = SegmentConfig(mode="verse")
    usual, _ = _judged(items, _ONE_WORD, _WRONG_SHARE, config)
    by_verse = Calibration.of([recording.scores for recording in usual])
    assert by_verse is not None  # there are more verses than segments
    spoiled, marks = _judged(items, _ONE_WORD, _MANY_WRONG, config)
    one_word = [
        segment.trust
        for segment in _trusted(spoiled, by_verse)
        if segment.verses in marks[segment.recording_id]
    ]
    kept = [segment.null_quantile for segment in right]
    trusted = [segment.trust for segment in right]
    rows = [
        ("decoys of another text", len(calibration.decoy_scores), Unit.COUNT),
        ("wrong segments", len(wrong), Unit.COUNT),
        ("wrong, null_quantile > 0.99", _above(wrong, 1 - _WANTED), Unit.SHARE),
        ("right kept, null_quantile > 0.99", _above(kept, 1 - _WANTED), Unit.SHARE),
        ("verses with one wrong word", len(one_word), Unit.COUNT),
        ("one wrong word, trust > 0.99", _above(one_word, 0.99), Unit.SHARE),
        ("one wrong word, trust > 0.9", _above(one_word, 0.9), Unit.SHARE),
        ("right kept, trust > 0.9", _above(trusted, 0.9), Unit.SHARE),
    ]
    figures = []
    for name, value, unit in rows:
        figure = Figure(name=name, case=language, value=value, unit=unit)
        if has_aim and name.startswith("wrong, null"):
            figure = replace(figure, at_least=_LEAST, at_most=_MOST)
        figures.append(figure)
    return figures


def _judged(
    items: Sequence[Listened],
    kinds: Sequence[str],
    share: float,
    config: SegmentConfig,
) -> tuple[list[JudgedRecording], dict[str, set[str]]]:
    """Return the chapters judged with some wrong verses, and which those are."""
    judged, marks = [], {}
    for number, item in enumerate(items):
        kind = kinds[number % len(kinds)]
        rng = random.Random(f"{kind}/{item.recording_id}")
        sources = Sources(item.words(), (), ())
        chapter, wrong = spoil_verses(item.chapter, SPOILS[kind], sources, rng, share)
        judged.append(judged_recording(replace(item.heard(), chapter=chapter), config))
        marks[item.recording_id] = wrong
    return judged, marks


def _trusted(
    recordings: Sequence[JudgedRecording], calibration: Calibration
) -> list[Segment]:
    segments = [s for recording in recordings for s in recording.segments]
    return with_trust(segments, [r.scores for r in recordings], calibration)


def _others(items: Sequence[Listened], number: int) -> list[Listened]:
    """Return the chapters that follow, around the end."""
    after = [*items[number + 1 :], *items[:number]]
    return after[:_OTHER_TEXTS]


def _above(values: Sequence[float], limit: float) -> float:
    known = np.array(values)
    return float((known[~np.isnan(known)] > limit).mean())
