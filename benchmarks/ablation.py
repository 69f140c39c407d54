"""What each part of the aligner and of the filters is worth.

First the edges: readers say titles and headings that are not written, leave verses out
and read some twice; one part at a time is turned off, or on. Then the filters: a
twentieth of the verses has some fault, and each score rejects the tenth of the right
verses that it likes least; what counts is how many of the wrong ones then pass.
"""

import random
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from rich.console import Console
from rich.progress import track

from aligner.align import align_chapter
from aligner.audio import decode_audio
from aligner.config import AlignConfig, SegmentConfig
from benchmarks.adaptation import follow, human_readings
from benchmarks.figures import Figure, Unit, print_figures
from benchmarks.listening import (
    chapters_by_language,
    judged_language,
    judged_recording,
)
from benchmarks.planted import SPOILS, Sources, spoil_verses
from benchmarks.speech import Speech, speech_of, with_options
from models.catalog import load_acoustic_model
from pipelines.adapt_guard import TrainableModel, trainable
from pipelines.calibrate import chapter_of
from pipelines.synth.compare import edge_errors, median_error_sec, pooled, share_within
from pipelines.synth.presets import unheard_jobs
from schemas.segment import Segment

_MINUTES, _QUICK_MINUTES = 2.0, 1.0
_CHAPTERS, _QUICK_CHAPTERS = 10, 2
_SEED = 2_870_000
_READING = {"headings": 1, "omitted": 1, "repeated": 1}
_NO_STARS = {
    "star_at_start": False, "star_between_verses": False, "star_at_end": False,
}  # fmt: skip
_AS_WRITTEN = {"omissions": False, "repeats": False}
CHANGES: dict[str, dict] = {
    "all": {},
    "no stars": _NO_STARS,
    "star at start only": {
        "star_between_verses": False, "star_at_end": False, **_AS_WRITTEN,
    },
    "no omissions, repeats": _AS_WRITTEN,
    "no pause cost": {"pause_cost": 0.0},
}  # fmt: skip
_ADAPTED = "adapted to the reader"
_WRONG_SHARE, _RIGHT_KEPT = 0.05, 0.9
# A verse of another text is told as left out: it is in no segment.
_KINDS = [kind for kind in SPOILS if not kind.startswith("another")]
_FILTERS = {
    "score": 1, "score_worst": 1, "confidence": 1, "cer": -1, "edge_cer": -1,
    "trust": 1,
}  # fmt: skip
_NOTE = (
    "Synthetic: chapters in 8 unheard languages with a title and a heading that are "
    "not written, a verse left out and one read twice. Other columns: people."
)


def measure(*, quick: bool) -> list[Figure]:
    """Measure edges and filters."""
    model = trainable(load_acoustic_model("bundled"))
    assert model is not None
    minutes = _QUICK_MINUTES if quick else _MINUTES
    jobs = unheard_jobs(minutes, _SEED, title=True)
    speech = speech_of(with_options(jobs, **_READING))
    chapters = _QUICK_CHAPTERS if quick else _CHAPTERS
    return [
        *_synthetic_figures(speech, model),
        *_human_figures(model),
        *_filter_figures(chapters, minutes),
    ]


def show(figures: Sequence[Figure], console: Console) -> None:
    """Print the tables."""
    edges = [figure for figure in figures if figure.case != "filters"]
    filters = [figure for figure in figures if figure.case == "filters"]
    print_figures(console, "What each part is worth: edges", edges, _NOTE)
    note = f"With thresholds that keep {_RIGHT_KEPT:.0%} of the right verses."
    print_figures(console, "Wrong verses that pass", filters, note)


def _synthetic_figures(speech: Speech, model: TrainableModel) -> list[Figure]:
    recordings = []
    for job, truth in zip(speech.jobs, speech.truths, strict=True):
        waveform = decode_audio(speech.audio(job))
        adapted = follow(model, waveform, chapter_of(truth)).model
        recordings.append((waveform, adapted))
    figures = []
    for name, changes in track([*CHANGES.items(), (_ADAPTED, {})], transient=True):
        config = replace(AlignConfig(), **changes)
        errors = []
        for (waveform, adapted), truth in zip(recordings, speech.truths, strict=True):
            of = adapted if name == _ADAPTED else model
            found = align_chapter(waveform, chapter_of(truth), of, config)
            errors.append(edge_errors(found, truth))
        together = pooled(errors)
        figures += [
            Figure(name=name, case=case, value=value, unit=unit)
            for case, value, unit in (
                ("word start, median", 1000 * median_error_sec(together.word_start),
                 Unit.MSEC),
                ("within 50 ms", share_within(together.word_start, 0.05), Unit.SHARE),
                ("verse start within 0.2 s", share_within(together.verse_start, 0.2),
                 Unit.SHARE),
            )
        ]  # fmt: skip
    return figures


def _human_figures(model: TrainableModel) -> list[Figure]:
    figures = []
    for reading in human_readings():
        adapted = follow(model, reading.waveform_N, reading.chapter).model
        for name, changes in [*CHANGES.items(), (_ADAPTED, {})]:
            config = replace(AlignConfig(), **changes)
            of = adapted if name == _ADAPTED else model
            found = align_chapter(reading.waveform_N, reading.chapter, of, config)
            errors = np.array([v.start_sec for v in found.verses]) - reading.starts_sec
            figures.append(
                Figure(
                    name=name,
                    case=f"{reading.name}, lines within 0.15 s",
                    value=share_within(errors, 0.15),
                    unit=Unit.SHARE,
                )
            )
    return figures


def _filter_figures(chapters: int, minutes: float) -> list[Figure]:
    verses: list[tuple[Segment, bool]] = []
    for items in chapters_by_language(chapters, minutes, _SEED + 500_000).values():
        judged, wrong = [], set()
        for item in track(items, "filters", transient=True):
            rng = random.Random(f"filters/{item.recording_id}")
            heard = item.heard()
            for kind in _KINDS:
                sources = Sources(item.words(), (), ())
                share = _WRONG_SHARE / len(_KINDS)
                chapter, marks = spoil_verses(
                    heard.chapter, SPOILS[kind], sources, rng, share
                )
                heard = replace(heard, chapter=chapter)
                wrong |= {(item.recording_id, mark) for mark in marks}
            judged.append(judged_recording(heard, SegmentConfig(mode="verse")))
        verses += [
            (segment, (segment.recording_id, segment.verses) in wrong)
            for segment in judged_language(judged)
        ]
    is_wrong = np.array([mark for _, mark in verses])
    figures = [
        Figure(name="wrong verses", case="filters", value=int(is_wrong.sum()),
               unit=Unit.COUNT),
        Figure(name="no filter", case="filters", value=1.0, unit=Unit.SHARE),
    ]  # fmt: skip
    for column, sign in _FILTERS.items():
        values = sign * np.array([getattr(segment, column) for segment, _ in verses])
        limit = np.nanquantile(values[~is_wrong], 1 - _RIGHT_KEPT)
        passed = float((values[is_wrong] >= limit).mean())
        figures.append(
            Figure(name=column, case="filters", value=passed, unit=Unit.SHARE)
        )
    return figures
