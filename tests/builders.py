"""Small invented chapters, exactly timed, for tests of everything behind alignment."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from schemas.alignment import ChapterAlignment, StarSpan, VerseAlignment, WordSpan
from schemas.segment import Segment
from schemas.units import FRAME_SAMPLES, SAMPLE_RATE_HZ

SPEECH_DB, QUIET_DB = -20.0, -60.0
SCORE = -0.0625  # a power of two, so that means of it are exact
NAN = float("nan")


@dataclass(frozen=True)
class Spoken:
    """One word of a made-up reading: a pause, then the word."""

    word: str
    pause_sec: float = 0.1
    length_sec: float = 0.3
    is_number: bool = False


def spoken(text: str, pause_sec: float = 0.1, length_sec: float = 0.3) -> list[Spoken]:
    """Read a text word by word, evenly."""
    return [Spoken(word, pause_sec, length_sec) for word in text.split()]


def make_chapter(
    verses: Sequence[Sequence[Spoken]],
    *,
    recording_id: str = "rec-001",
    language: str = "swh",
    lead_sec: float = 0.5,
    tail_sec: float = 0.5,
    title_sec: float = 0.0,
) -> ChapterAlignment:
    """Time a reading; words are loud, everything between them is quiet.

    Numbers become stars. ``title_sec`` puts a star outside any verse at the start that,
    as stars do, reaches up to the first word.
    """
    now_sec, aligned = lead_sec + title_sec, []
    stars: tuple[StarSpan, ...] = ()
    if title_sec:
        stars = (StarSpan(0.0, now_sec + verses[0][0].pause_sec, ""),)
    for number, words in enumerate(verses, 1):
        verse, now_sec = _read_verse(str(number), words, now_sec)
        aligned.append(verse)
    return with_frames(
        ChapterAlignment(
            recording_id=recording_id,
            language=language,
            duration_sec=round(now_sec + tail_sec, 6),
            verses=tuple(aligned),
            stars=stars,
            model="planted",
            frame_score=np.zeros(0, np.float32),
            level_db=np.zeros(0, np.float32),
            hop_samples=FRAME_SAMPLES,
        ),
        loud=((0.0, title_sec),) if title_sec else (),
    )


def _read_verse(
    number: str, words: Sequence[Spoken], now_sec: float
) -> tuple[VerseAlignment, float]:
    text, spans, stars, romanised = "", [], [], []
    for item in words:
        start_sec = round(now_sec + item.pause_sec, 6)
        now_sec = round(start_sec + item.length_sec, 6)
        text = f"{text} {item.word}" if text else item.word
        place = (len(text) - len(item.word), len(text))
        score = NAN if item.is_number else SCORE
        spans.append(WordSpan(item.word, start_sec, now_sec, score, *place))
        romanised.append("" if item.is_number else item.word.lower())
        if item.is_number:
            stars.append(StarSpan(start_sec, now_sec, item.word))
    verse = VerseAlignment(
        verse=number,
        text=text,
        romanised=" ".join(romanised),
        start_sec=spans[0].start_sec if spans else NAN,
        end_sec=spans[-1].end_sec if spans else NAN,
        score=SCORE if spans else NAN,
        score_worst=SCORE if spans else NAN,
        words=tuple(spans),
        stars=tuple(stars),
    )
    return verse, now_sec


def with_frames(
    alignment: ChapterAlignment, loud: Sequence[tuple[float, float]] = ()
) -> ChapterAlignment:
    """Return the alignment with levels and frame scores that fit its words."""
    samples = round(alignment.duration_sec * SAMPLE_RATE_HZ)
    frames = math.ceil(samples / alignment.hop_samples)
    step_sec = alignment.hop_samples / 2 / SAMPLE_RATE_HZ
    middle = (np.arange(2 * frames) + 0.5) * step_sec
    level_db = np.full(2 * frames, QUIET_DB, np.float32)
    score = np.full(frames, SCORE, np.float32)
    frame_middle = (np.arange(frames) + 0.5) * 2 * step_sec
    words = [(w.start_sec, w.end_sec) for v in alignment.verses for w in v.words]
    stars = [s for v in alignment.verses for s in v.stars] + list(alignment.stars)
    for start_sec, end_sec in [*words, *loud]:
        level_db[(start_sec <= middle) & (middle < end_sec)] = SPEECH_DB
    for star in stars:
        inside = (star.start_sec <= frame_middle) & (frame_middle < star.end_sec)
        score[inside] = np.nan
    fields = {**vars(alignment), "frame_score": score, "level_db": level_db}
    return ChapterAlignment(**fields)


def make_segment(
    start_sec: float = 1.0, end_sec: float = 4.0, **changes: object
) -> Segment:
    """Return a plausible segment; name a field to change it."""
    recording_id = str(changes.get("recording_id", "rec-001"))
    key = f"{recording_id}_{round(start_sec * 1000):07d}_{round(end_sec * 1000):07d}"
    fields: dict[str, object] = {
        "key": key,
        "recording_id": recording_id,
        "language": "swh",
        "split": "train",
        "book": "MRK",
        "verses": "1",
        "text": "Mvua ndogo.",
        "romanised": "mvua ndogo",
        "words": (
            WordSpan("Mvua", start_sec + 0.1, start_sec + 0.5, -0.05, 0, 4, 0.75),
            WordSpan("ndogo", start_sec + 0.6, end_sec - 0.1, -0.07, 5, 10, 0.5),
        ),
        "start_sec": start_sec,
        "end_sec": end_sec,
        "duration_sec": round(end_sec - start_sec, 3),
        "score": -0.06,
        "score_worst": -0.2,
        "confidence": 0.5,
        "margin": 12.5,
        "chars_per_sec": 3.0,
        "level_db": -23.5,
        "edge_start_db": -40.0,
        "edge_end_db": -38.5,
        "cer": 0.125,
        "edge_cer": 0.25,
        "extra_nats": 1.5,
        "other_nats": 6.25,
        "unread_nats": -2.5,
        "null_quantile": 0.995,
        "trust": 0.75,
        "cv_cer": 0.0625,
        "cv_recording_cer": 0.03125,
        "chars_per_sec_z": 0.5,
        "snr_db": 31.25,
        "clipped_share": 0.0,
        "silence_share": 0.125,
        "music": 0.25,
        "repeated_share": 0.0,
        "script": "Latn",
        "script_share": 1.0,
        "speech_share": 0.9375,
        "lid_language": "swh",
        "lid_score": 0.96875,
        "reader": "A",
        "licence": "CC0-1.0",
        "model_licence": "Apache-2.0",
    }
    return Segment(**{**fields, **changes})  # type: ignore[arg-type]
