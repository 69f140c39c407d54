"""How well each score finds segments whose text is not what was read.

Chapters of languages and voices that the model was not trained on; a twentieth of the
verses gets a fault, one kind at a time, and each language is calibrated on what it then
is, faults included. One segment a verse. A score is judged by the area under its curve:
how often it is higher for a right verse than for a wrong one. Verses that the aligner
itself found unread (``omitted``) are in no segment and are counted apart.
"""

import random
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from rich.console import Console
from rich.progress import track

from aligner.config import AlignConfig, SegmentConfig
from aligner.emissions import compute_emissions
from aligner.scoring import Heard
from benchmarks.confidence import area_under_curve
from benchmarks.figures import Figure, Unit, print_figures
from benchmarks.listening import (
    Listened,
    chapters_by_language,
    judged_language,
    judged_recording,
)
from benchmarks.planted import SPOILS, Sources, add_noise, spoil_verses
from schemas.segment import Segment

_CHAPTERS, _QUICK_CHAPTERS = 10, 2
_MINUTES, _QUICK_MINUTES = 2.0, 0.8
_SEED = 4_310_000
_WRONG_SHARE = 0.05
_NOISE = "noise, 0 dB"
_BY_VERSE = SegmentConfig(mode="verse")
_SCORES = {
    "score": "score",
    "score_worst": "worst window",
    "confidence": "confidence",
    "cer": "cer",
    "extra_nats": "extra",
    "other_nats": "other",
    "unread_nats": "unread",
    "trust": "trust",
}
_AIMS = {"one word replaced": 0.95, "one word left out": 0.90}
_HIGH_IS_BAD = ("cer", "extra_nats", "other_nats", "unread_nats")
_NOTE = (
    "Area under the curve; 50 % is chance. extra, other, unread: what would be gained "
    "if something else was read. trust: all together. gone: verses that the aligner "
    "found unread."
)


def measure(*, quick: bool) -> list[Figure]:
    """Plant every kind of fault in every language."""
    chapters = _QUICK_CHAPTERS if quick else _CHAPTERS
    minutes = _QUICK_MINUTES if quick else _MINUTES
    speech = chapters_by_language(chapters, minutes, _SEED)
    figures: list[Figure] = []
    kinds = [*SPOILS, _NOISE]
    clean = {
        item.recording_id: judged_recording(item.heard(), _BY_VERSE)
        for items in speech.values()
        for item in track(items, "as they are", transient=True)
    }
    for kind in track(kinds, "planting", transient=True):
        verses: list[tuple[Segment, bool]] = []
        planted = 0
        for language, items in speech.items():
            foreign = next(other for other in speech if other != language)
            heard, wrong = [], {}
            for item in items:
                spoiled, marks = _planted(item, items, speech[foreign], kind)
                wrong[item.recording_id] = marks
                planted += len(marks)
                heard.append(
                    judged_recording(spoiled, _BY_VERSE)
                    if marks
                    else clean[item.recording_id]
                )
            verses += [
                (segment, segment.verses in wrong[segment.recording_id])
                for segment in judged_language(heard)
            ]
        figures += _figures(kind, verses, planted)
    return figures


def show(figures: Sequence[Figure], console: Console) -> None:
    """Print the table."""
    print_figures(console, "Wrong texts found", figures, _NOTE)


def _planted(
    item: Listened,
    language: Sequence[Listened],
    foreign: Sequence[Listened],
    kind: str,
) -> tuple[Heard, set[str]]:
    rng = random.Random(f"{kind}/{item.recording_id}")
    if kind == _NOISE:
        return _with_noise(item, rng)
    sources = Sources(
        words=item.words(),
        other_verses=[v for o in language if o is not item for v in o.verse_texts()],
        foreign_verses=[v for o in foreign for v in o.verse_texts()],
    )
    chapter, wrong = spoil_verses(
        item.chapter, SPOILS[kind], sources, rng, _WRONG_SHARE
    )
    return replace(item.heard(), chapter=chapter), wrong


def _with_noise(item: Listened, rng: random.Random) -> tuple[Heard, set[str]]:
    chosen = [v for v in item.truth.verses if rng.random() < _WRONG_SHARE]
    heard = item.heard()
    if chosen:
        intervals = [(verse.start_sec, verse.end_sec) for verse in chosen]
        noisy = add_noise(heard.waveform_N, intervals, 0.0, rng.randrange(1 << 30))
        emissions_TC = compute_emissions(noisy, heard.model, AlignConfig())
        heard = replace(heard, waveform_N=noisy, emissions_TC=emissions_TC)
    return heard, {verse.number for verse in chosen}


def _figures(
    kind: str, verses: Sequence[tuple[Segment, bool]], planted: int
) -> list[Figure]:
    wrong = np.array([mark for _, mark in verses])
    figures = [
        Figure(name=kind, case=case, value=value, unit=Unit.COUNT)
        for case, value in (
            ("planted", planted),
            ("gone", planted - int(wrong.sum())),
        )
    ]
    for column, case in _SCORES.items():
        values = np.array([getattr(segment, column) for segment, _ in verses])
        if column in _HIGH_IS_BAD:
            values = -values
        figures.append(
            Figure(
                name=kind,
                case=case,
                value=area_under_curve(values, wrong),
                unit=Unit.SHARE,
                at_least=_AIMS.get(kind) if column == "trust" else None,
            )
        )
    return figures
