"""A corpus put together by hand: two languages, hostile text, and sound to hear."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from pipelines.clips import encode_flac
from pipelines.criteria import Criteria, Rule
from pipelines.select import select_segments
from pipelines.shard_writer import write_shard
from pipelines.shards import plan_shards
from pipelines.tables import write_rows
from schemas.alignment import EventKind, ReadingEvent, VerseAlignment, WordSpan
from schemas.alignment_row import AlignmentRow
from schemas.segment import ClipRef, Fate, LedgerEntry, Reject, Segment
from schemas.tables import (
    ALIGNMENT_TABLE,
    LEDGER_TABLE,
    REJECT_TABLE,
    SEGMENT_TABLE,
)
from schemas.units import SAMPLE_RATE_HZ
from tests.builders import NAN, make_segment

HOSTILE = "</script><img src=x onerror=\"document.title='taken'\"> & 'so' on"
NUMBER = 30
"""Segments with text of each language."""
THRESHOLD = -0.2
CRITERIA = Criteria((Rule(f"score >= {THRESHOLD}"),))
TEXTS = {"swh": "Mvua ndogo inanyesha.", "arb": "نزل مطر خفيف."}
CLIP_SEC = 2.0


def tone(seconds: float = CLIP_SEC) -> np.ndarray:
    """Return sound that swells three times a second."""
    time = np.arange(int(seconds * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    swell = 0.5 - 0.5 * np.cos(2 * np.pi * 3 * time)
    return (0.5 * swell * np.sin(2 * np.pi * 220 * time)).astype(np.float32)


def labeled_segment(language: str, number: int) -> Segment:
    """Return the n-th segment; higher numbers have higher scores."""
    start_sec = number * 3.0
    text = TEXTS[language]
    if number == 3:
        text = HOSTILE
    words, at = [], 0
    parts = text.split(" ")
    for k, part in enumerate(parts):
        times = [start_sec + CLIP_SEC * place / len(parts) for place in (k, k + 1)]
        words.append(WordSpan(part, *times, -0.1, at, at + len(part), 0.9))
        at += len(part) + 1
    return make_segment(
        start_sec,
        start_sec + CLIP_SEC,
        recording_id=f"{language}-mrk-001",
        language=language,
        text=text,
        romanised=" ".join("a" for _ in parts),
        words=tuple(words),
        score=-0.3 + number / 100,
        trust=NAN,
        null_quantile=number / 40 if number % 5 else NAN,
        cer=0.5 - number / 100,
        snr_db=20.0 + number,
    )


def unlabeled_segment(language: str, number: int) -> Segment:
    """Return a segment without text, behind those that have one."""
    plain = make_segment(
        500 + number * 3.0,
        500 + number * 3.0 + CLIP_SEC,
        recording_id=f"{language}-luk-001",
        language=language,
    )
    names = "score score_worst confidence margin chars_per_sec chars_per_sec_z cer "
    names += "edge_cer null_quantile trust cv_cer cv_recording_cer repeated_share "
    names += "script_share"
    gone = dict.fromkeys(names.split(), NAN)
    gone |= {"text": "", "words": (), "romanised": "", "verses": ""}
    return replace(plain, source="recording", **gone)


def build_corpus(
    root: Path,
    *,
    labeled: bool = True,
    unlabeled: bool = True,
    sound: bool = True,
    selection: bool = True,
) -> Path:
    """Write what a finished run leaves, as far as the report reads it."""
    for language in TEXTS:
        segments = []
        if labeled:
            segments += [labeled_segment(language, n) for n in range(NUMBER)]
        if unlabeled:
            segments += [unlabeled_segment(language, n) for n in range(4)]
        write_rows(str(root), SEGMENT_TABLE, segments, language)
        write_rows(str(root), LEDGER_TABLE, _ledger(language, segments), language)
        events = [_aligned(language)] if labeled else []
        write_rows(str(root), ALIGNMENT_TABLE, events, language)
        if sound:
            _write_shards(root, segments)
    rejects = [
        Reject("fetch", f"swh-act-{n:03d}", "source_missing", f"{HOSTILE} {n}", "swh")
        for n in range(25)
    ]
    rejects.append(Reject("manifest", "row 7", "language_unknown", "row 7: 'zzq'"))
    write_rows(str(root), REJECT_TABLE, rejects)
    if selection:
        select_segments(str(root), "default", CRITERIA)
    describe(root)
    return root


def describe(root: Path) -> None:
    """Write the part of corpus.json that the report reads."""
    model = {"name": "planted", "fingerprint": "0123456789abcdef"}
    document = {"name": "built <b>", "pericope": "0.1.0", "model": model}
    root.mkdir(parents=True, exist_ok=True)
    (root / "corpus.json").write_text(json.dumps(document))


def _ledger(language: str, segments: list[Segment]) -> list[LedgerEntry]:
    return [
        LedgerEntry(
            segment.recording_id,
            language,
            segment.start_sec,
            segment.end_sec,
            _fate(segment),
            "score_below_threshold" if _fate(segment) is Fate.DROPPED else "",
        )
        for segment in segments
    ]


def _fate(segment: Segment) -> Fate:
    if not segment.text:
        return Fate.UNLABELED
    return Fate.LABELED if segment.score >= THRESHOLD else Fate.DROPPED


def _aligned(language: str) -> AlignmentRow:
    events = tuple(
        ReadingEvent(EventKind.UNWRITTEN, str(n), n * 10.0, n * 10.0 + 1.5, HOSTILE)
        for n in range(3)
    )
    verse = VerseAlignment(
        verse="1",
        text="Mvua.",
        romanised="mvua",
        start_sec=0.0,
        end_sec=1.0,
        score=-0.1,
        score_worst=-0.2,
        words=(),
        stars=(),
    )
    return AlignmentRow(
        recording_id=f"{language}-mrk-001",
        language=language,
        book="MRK",
        chapter=1,
        verse=verse,
        events=(*events, ReadingEvent(EventKind.OMITTED, "9", 90.0, 90.0)),
        model="planted",
        digest="0" * 64,
    )


def _write_shards(root: Path, segments: list[Segment]) -> None:
    flac = encode_flac(tone())
    pack = root.parent / "pack.flac"
    pack.write_bytes(flac)
    refs = [
        ClipRef(segment, str(pack), 0, len(flac), labeled=bool(segment.text))
        for segment in segments
    ]
    for plan in plan_shards(refs, 20):
        write_shard(plan, str(root))
