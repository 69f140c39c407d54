"""What readers do with a text, found by the graph and by the plain line with a star.

Chapters of languages and voices that the bundled model was not trained on, and that the
costs of the graph were not chosen on. In each case one thing befalls some verses; the
edges of all other verses are measured. The plain line has a star before verse 1 only.
"""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from rich.console import Console

from benchmarks.accuracy import Aligned, align_all
from benchmarks.figures import Figure, Unit, print_figures
from benchmarks.speech import speech_of, with_options
from models.catalog import load_acoustic_model
from pipelines.calibrate import chapter_of
from pipelines.synth.lexicon import invent_sentence, load_lexicon
from pipelines.synth.presets import unheard_jobs
from pipelines.synth.truth import ChapterTruth
from schemas.alignment import EventKind, ReadingEvent
from schemas.source import Aside, AsideKind, Chapter

_MINUTES, _QUICK_MINUTES = 1.5, 0.5
_SEED = 891_013  # not that of any choice
_REFERENCE = "(Mark 3:16)"
GRAPH, LINE = "graph", "★ at start"
# All that the graph may do and the plain line may not.
LINE_ONLY: dict[str, Any] = {
    "star_between_verses": False,
    "star_at_end": False,
    "omissions": False,
    "repeats": False,
    "asides": False,
    "number_forms": False,
    "unread_references": False,
}
TITLE, ASIDES, OTHER_TEXT = "title", "asides", "foreign"
CASES: dict[str, dict[str, Any]] = {
    TITLE: {},
    "digits": {"digits": 3},
    "omitted": {"omitted": 2},
    "repeated": {"repeated": 2},
    "heading": {"headings": 2},
    ASIDES: {"headings": 2},
    OTHER_TEXT: {"foreign_text": True},
}
# What an extra of the truth is as an event, where it is not written.
_KIND_OF_EXTRA = {
    "title": EventKind.UNWRITTEN,
    "heading": EventKind.UNWRITTEN,
    "repeat": EventKind.REPEATED,
}
_NOTE = (
    "All chapters have a spoken title that is not written; the first column has "
    "nothing else. Under 'asides' the text has the headings that are read, and as many "
    "headings and references that are not. An event is found where one of its kind is "
    "told of the same verse, at a time when it was heard. Edges: mean error of starts "
    "and ends of verses that were read once, numbers left out; 'over clean' "
    "compares with the first column. Of the foreign text no verse was read. Scores: "
    "medians of verses."
)


def measure(*, quick: bool) -> list[Figure]:
    """Speak the chapters in every case, align them twice and compare."""
    model = load_acoustic_model("bundled")
    jobs = unheard_jobs(_QUICK_MINUTES if quick else _MINUTES, _SEED, title=True)
    figures = []
    clean: dict[str, float] = {}
    for case, options in CASES.items():
        speech = speech_of(with_options(jobs, **options))
        for aligner, changes in ((GRAPH, {}), (LINE, LINE_ONLY)):
            text = with_asides if case == ASIDES else chapter_of
            aligned = align_all(speech, model, f"{case}, {aligner}", text, **changes)
            if case != OTHER_TEXT:
                mean_sec = edge_error_sec(aligned)
                clean.setdefault(aligner, mean_sec)
                figures += edge_figures(case, aligner, mean_sec, clean[aligner])
            if aligner == GRAPH:
                figures += event_figures(case, aligned)
            figures.append(
                Figure(name=f"score, {aligner}", case=case,
                       value=median_score(aligned), unit=Unit.NATS)
            )  # fmt: skip
    return figures


def show(figures: Sequence[Figure], console: Console) -> None:
    """Print the table."""
    print_figures(console, "What readers do with a text", figures, _NOTE)


def edge_error_sec(aligned: Aligned) -> float:
    """Return the mean absolute error of starts and ends of verses read once."""
    errors = aligned.errors
    return float(
        np.nanmean(np.abs(np.concatenate([errors.verse_start, errors.verse_end])))
    )


def edge_figures(
    case: str, aligner: str, mean_sec: float, clean_sec: float
) -> list[Figure]:
    """Return the mean error, and how much larger it is than a clean chapter's."""
    aim = 1.1 if aligner == GRAPH and case != TITLE else None
    return [
        Figure(name=f"edges, {aligner}", case=case,
               value=mean_sec * 1000, unit=Unit.MSEC),
        Figure(name=f"edges over clean, {aligner}", case=case,
               value=mean_sec / clean_sec, unit=Unit.RATIO, at_most=aim),
    ]  # fmt: skip


def event_figures(case: str, aligned: Aligned) -> list[Figure]:
    """Return precision and recall of the events, and how many there are."""
    true: Counter[EventKind] = Counter()
    told: Counter[EventKind] = Counter()
    both: Counter[EventKind] = Counter()
    for found, truth in aligned.pairs:
        expected = events_of_asides(truth) if case == ASIDES else true_events(truth)
        true.update(event.kind for event in expected)
        told.update(event.kind for event in found.events)
        both.update(matched(found.events, expected))
    figures = []
    for kind in sorted(true | told):
        figures += [
            Figure(name=f"{kind}, events", case=case, value=true[kind],
                   unit=Unit.COUNT),
            Figure(name=f"{kind}, told", case=case, value=told[kind],
                   unit=Unit.COUNT),
        ]  # fmt: skip
        if told[kind] and true[kind]:
            figures.append(
                Figure(name=f"{kind}, precision", case=case,
                       value=both[kind] / told[kind], unit=Unit.SHARE)
            )  # fmt: skip
        if true[kind]:
            figures.append(
                Figure(name=f"{kind}, recall", case=case,
                       value=both[kind] / true[kind], unit=Unit.SHARE)
            )  # fmt: skip
    return figures


def true_events(truth: ChapterTruth) -> list[ReadingEvent]:
    """Return what befell a chapter; of the text of another only that it is one."""
    if any(extra.kind == "foreign" for extra in truth.extras):
        first = truth.verses[0].number
        return [ReadingEvent(EventKind.FOREIGN, first, 0.0, truth.duration_sec)]
    events = [
        ReadingEvent(EventKind.OMITTED, verse.number, 0.0, 0.0)
        for verse in truth.verses
        if verse.read == "never"
    ]
    read = [verse for verse in truth.verses if verse.read != "never"]
    for extra in truth.extras:
        if extra.kind in _KIND_OF_EXTRA:
            after = next(v for v in read if v.start_sec >= extra.end_sec)
            events.append(
                ReadingEvent(_KIND_OF_EXTRA[extra.kind], after.number, extra.start_sec,
                             extra.end_sec)
            )  # fmt: skip
    return events


def with_asides(truth: ChapterTruth) -> Chapter:
    """Return a chapter's text with its headings, and as much that was not read.

    Of four other verses two stand under a heading that was not read, and two end with a
    reference in brackets that was not.
    """
    chapter, headed, (below, referring) = (
        chapter_of(truth),
        _headed(truth),
        _free(truth),
    )
    rng = random.Random(truth.recording_id)
    words = load_lexicon(truth.language)
    written = {place: text for place, text, _ in headed}
    written |= {place: invent_sentence(words, 5, rng) for place in below}
    verses = tuple(
        replace(verse, text=f"{verse.text} {_REFERENCE}") if k in referring else verse
        for k, verse in enumerate(chapter.verses)
    )
    asides = tuple(
        Aside(place, AsideKind.HEADING, text) for place, text in sorted(written.items())
    )
    return replace(chapter, verses=verses, asides=asides)


def events_of_asides(truth: ChapterTruth) -> list[ReadingEvent]:
    """Return what is to be told of a chapter whose text is ``with_asides``."""
    headings = {when: truth.verses[place].number for place, _, when in _headed(truth)}
    events = [
        replace(event, kind=EventKind.ASIDE) if event.interval in headings else event
        for event in true_events(truth)
    ]
    return events + [
        ReadingEvent(EventKind.UNREAD, truth.verses[place].number, 0.0, 0.0)
        for place in _free(truth)[1]
    ]


def _headed(truth: ChapterTruth) -> list[tuple[int, str, tuple[float, float]]]:
    """Return which verses stand under a spoken heading, its text and its interval."""
    return [
        (
            next(k for k, v in enumerate(truth.verses) if v.start_sec >= extra.end_sec),
            extra.text,
            (extra.start_sec, extra.end_sec),
        )
        for extra in truth.extras
        if extra.kind == "heading"
    ]


def _free(truth: ChapterTruth) -> tuple[list[int], list[int]]:
    """Choose two verses for headings that are not read, and two for references."""
    headed = {place for place, _, _ in _headed(truth)}
    places = [k for k in range(1, len(truth.verses)) if k not in headed]
    chosen = random.Random(f"{truth.recording_id} places").sample(places, 4)
    return chosen[:2], chosen[2:]


def matched(
    told: Sequence[ReadingEvent], expected: Sequence[ReadingEvent]
) -> list[EventKind]:
    """Return the kinds of the events that were found, each counted once."""
    left = list(expected)
    kinds = []
    for event in told:
        for other in left:
            if _is_same(event, other):
                left.remove(other)
                kinds.append(event.kind)
                break
    return kinds


def median_score(aligned: Aligned) -> float:
    """Return the median score of all verses that have one."""
    scores = [verse.score for found, _ in aligned.pairs for verse in found.verses]
    return float(np.nanmedian(scores))


def _is_same(told: ReadingEvent, true: ReadingEvent) -> bool:
    if (told.kind, told.verse) != (true.kind, true.verse):
        return False
    if true.kind in (EventKind.OMITTED, EventKind.UNREAD):  # take no time
        return True
    return told.start_sec < true.end_sec and true.start_sec < told.end_sec
