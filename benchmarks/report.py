"""How large the report of ten thousand segments is, and how soon a browser shows it.

Texts are invented, qualities drawn at random, sound is cut from the example recordings.
Only segments that the report shows have sound in the shards: the others would take two
gigabytes and nobody would hear them.
"""

import json
import random
import re
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rich.console import Console

from aligner.audio import decode_audio
from benchmarks.browser import MISSING, browser
from benchmarks.figures import Figure, Unit, print_figures
from pipelines.clips import cut_clips
from pipelines.report.make import ReportOptions, make_report
from pipelines.selections import select_by_score, write_selection
from pipelines.shards import plan_shards, write_shard
from pipelines.synth.lexicon import invent_words, load_lexicon
from pipelines.tables import read_segments, write_rows
from schemas.alignment import WordSpan
from schemas.keys import SegmentKey
from schemas.segment import ClipRef, Fate, LedgerEntry, Reject, Segment
from schemas.tables import LEDGER_TABLE, REJECT_TABLE, SEGMENT_TABLE
from schemas.units import SAMPLE_RATE_HZ

_LANGUAGES = ("swh", "arb", "hin", "kat", "rus", "ell", "amh", "tam")
_SEGMENTS, _QUICK_SEGMENTS = 10_000, 1_000
_CLIP_SEC = 12.0
_PER_RECORDING = 25
_THRESHOLD = -0.35
_VISITS = 7
_SEED = 770_001
_EXAMPLES = Path("examples/demo/audio")
_OPENED = """
    const done = arguments[0];
    const look = () => {
      const [page] = performance.getEntriesByType("navigation");
      const paint = performance.getEntriesByName("first-contentful-paint")[0];
      if (!page.loadEventEnd || !paint) setTimeout(look, 5);
      else done(Math.max(page.loadEventEnd, paint.startTime));
    };
    look();
"""
_NOTE = (
    "Opened as a file in headless Chromium: from the start of the navigation until the "
    "load event is over and something is painted; seven visits, the first one with an "
    "empty profile."
)


def measure(*, quick: bool) -> list[Figure]:
    """Make a corpus, report on it, and open the pages."""
    if MISSING:
        Console(stderr=True).print(f"report: left out: {MISSING}")
        return []
    count = _QUICK_SEGMENTS if quick else _SEGMENTS
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary, "corpus")
        write_corpus(root, count)
        started_sec = time.perf_counter()
        report = make_report(str(root), ReportOptions())
        made_sec = time.perf_counter() - started_sec
        folder = root / "report"
        pages = [folder / "index.html", *(folder / "language").iterdir()]
        largest = max(pages, key=lambda page: page.stat().st_size)
        opened = {}
        with browser(Path(temporary, "profile")) as chrome:
            for page in (pages[0], largest):
                opened[page] = [_visit(chrome, page) for _ in range(_VISITS)]
    case = f"{count:,} segments"
    return [
        Figure(name="report made in", case=case, value=made_sec, unit=Unit.SEC),
        Figure(
            name="folder",
            case=case,
            value=report.total_bytes / 2**20,
            unit=Unit.MIB,
            at_most=30e6 / 2**20,
        ),
        *_opening("index", opened[pages[0]], case),
        *_opening("largest language", opened[largest], case),
    ]


def _opening(name: str, seconds: list[float], case: str) -> list[Figure]:
    return [
        Figure(
            name=f"{name} opens, {kind}",
            case=case,
            value=value,
            unit=Unit.SEC,
            at_most=2.0,
        )
        for kind, value in (
            ("first visit", seconds[0]),
            ("median", statistics.median(seconds)),
        )
    ]


def show(figures: Sequence[Figure], console: Console) -> None:
    """Print the table."""
    print_figures(console, "Report in Chromium", figures, _NOTE)


def _visit(chrome, page: Path) -> float:
    chrome.get("about:blank")
    chrome.get(page.as_uri())
    return chrome.execute_async_script(_OPENED) / 1000


def write_corpus(root: Path, count: int) -> None:
    """Write what a run of so many segments leaves, as far as the report reads it."""
    rng = np.random.default_rng(_SEED)
    words = random.Random(_SEED)
    judged: list[Segment] = []
    for language in _LANGUAGES:
        size = count // len(_LANGUAGES)
        segments = [_segment(language, n, rng, words) for n in range(size)]
        judged += segments
        write_rows(str(root), SEGMENT_TABLE, segments, language)
        ledger = [_entry(segment) for segment in segments]
        write_rows(str(root), LEDGER_TABLE, ledger, language)
    rejects = [
        Reject("fetch", f"{code}-ACT-{n:03d}", "source_missing", "no such file", code)
        for code in _LANGUAGES
        for n in range(30)
    ]
    write_rows(str(root), REJECT_TABLE, rejects)
    verdicts = zip(judged, select_by_score(judged, _THRESHOLD), strict=True)
    rules = {"score": {"min": _THRESHOLD}}
    write_selection(str(root), "default", verdicts, rules)
    model = {"name": "random", "fingerprint": "0" * 64}
    document = {"name": "generated", "pericope": "0.1.0", "model": model}
    (root / "corpus.json").write_text(json.dumps(document))
    _write_shards(root)


def _segment(
    language: str, number: int, rng: np.random.Generator, words: random.Random
) -> Segment:
    recording = f"{language}-MRK-{number // _PER_RECORDING:03d}"
    start_sec = (number % _PER_RECORDING) * (_CLIP_SEC + 0.5)
    end_sec = start_sec + _CLIP_SEC
    chosen = invent_words(load_lexicon(language), int(rng.integers(18, 32)), words)
    borders = np.linspace(start_sec + 0.1, end_sec - 0.1, len(chosen) + 1).round(3)
    spans, at = [], 0
    for word, start, end in zip(chosen, borders[:-1], borders[1:], strict=True):
        score, sure = -rng.exponential(0.2), rng.beta(6, 1)
        place = (at, at + len(word))
        spans.append(WordSpan(word, float(start), float(end), score, *place, sure))
        at += len(word) + 1
    text = " ".join(chosen)
    return Segment(
        key=str(SegmentKey.of(recording, start_sec, end_sec)),
        recording_id=recording,
        language=language,
        split="train",
        book="MRK",
        verses=str(number % 40 + 1),
        text=text,
        romanised=" ".join("a" for _ in chosen),
        words=tuple(spans),
        start_sec=start_sec,
        end_sec=end_sec,
        duration_sec=_CLIP_SEC,
        score=-rng.lognormal(-2, 0.7),
        score_worst=-rng.lognormal(-1, 0.6),
        confidence=min(span.confidence for span in spans),
        margin=rng.normal(30, 8),
        chars_per_sec=len(text) / _CLIP_SEC,
        cer=rng.beta(1, 12),
        edge_cer=rng.beta(1, 12),
        null_quantile=rng.beta(12, 1),
        trust=rng.beta(12, 1),
        cv_cer=rng.beta(1, 12),
        cv_recording_cer=rng.beta(1, 12),
        snr_db=rng.normal(35, 8),
        clipped_share=rng.exponential(0.001),
        silence_share=rng.beta(3, 12),
        music=rng.beta(2, 8),
        repeated_share=rng.beta(1, 20),
        script_share=1 - rng.exponential(0.01),
    )


def _entry(segment: Segment) -> LedgerEntry:
    is_kept = segment.score >= _THRESHOLD
    fate = Fate.LABELED if is_kept else Fate.DROPPED
    reason = "" if is_kept else "score_below_threshold"
    interval = segment.start_sec, segment.end_sec
    return LedgerEntry(segment.recording_id, segment.language, *interval, fate, reason)


def _write_shards(root: Path) -> None:
    """Give sound to what a report without any shows."""
    make_report(str(root), ReportOptions())
    pages = (root / "report" / "language").iterdir()
    text = "".join(page.read_text(encoding="utf-8") for page in pages)
    shown = set(re.findall(r"<code>(\w+-MRK-\d+_\d+_\d+)</code>", text))
    segments = [own for own in read_segments(str(root)) if own.key in shown]
    waveform = np.concatenate(
        [decode_audio(path) for path in sorted(_EXAMPLES.iterdir())]
    )
    step = (len(waveform) - int(_CLIP_SEC * SAMPLE_RATE_HZ)) // len(segments)
    starts = [number * step / SAMPLE_RATE_HZ for number in range(len(segments))]
    places = [Segment(key=own.key, recording_id="", language="", split="",
                      start_sec=start, end_sec=start + _CLIP_SEC,
                      duration_sec=_CLIP_SEC)
              for own, start in zip(segments, starts, strict=True)]  # fmt: skip
    pack = root / "clips.pack"
    with pack.open("wb") as file:
        ranges = cut_clips(waveform, places, file)
    refs = [
        ClipRef(own, str(pack), *place)
        for own, place in zip(segments, ranges, strict=True)
    ]
    for plan in plan_shards(refs, 1000):
        write_shard(plan, str(root))
