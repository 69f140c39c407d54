"""Chapters whose word times are already known: no model, the same result as aligning.

For synthetic speech (training the bundled model) and for anybody who has word times.
"""

import math

import numpy as np
import numpy.typing as npt

from aligner.normalise import Token, normalise_verse
from aligner.pauses import level_db
from aligner.romanise import romanise_word
from pipelines.synth.truth import (
    ChapterTruth,
    TruthExtra,
    TruthVerse,
    TruthWord,
)
from schemas.alignment import ChapterAlignment, StarSpan, VerseAlignment, WordSpan
from schemas.errors import TimingMalformed
from schemas.source import Chapter, Verse
from schemas.units import FRAME_SAMPLES, frames_from_samples, sec_from_samples

MODEL = "known-times"
SCORE = 0.0  # nothing was aligned, so nothing can be worse than the best path
CONFIDENCE = 1.0


def alignment_of_known_times(
    waveform_N: npt.NDArray[np.float32],
    chapter: Chapter,
    truth: ChapterTruth,
    recording_id: str,
) -> ChapterAlignment:
    """Return the alignment that the given times say.

    Words that the voice ran together ("of the") become one word; speech that the text
    does not have becomes stars outside of any verse.

    Args:
      waveform_N: the recording, mono at 16 kHz, float32.
      chapter: its text.
      truth: verses with the same text, with times.
      recording_id: for the result and for messages.

    Raises:
      TimingMalformed: verses differ from the text, or times lie outside the audio.
    """
    duration_sec = sec_from_samples(len(waveform_N))
    _check_same_text(chapter, truth, recording_id)
    ends = [word.end_sec for verse in truth.verses for word in verse.words]
    last_sec = max([*ends, *(extra.end_sec for extra in truth.extras)], default=0.0)
    # Encoders may drop the last samples, never a tenth of a second.
    if last_sec > duration_sec + 0.1:
        raise TimingMalformed(
            f"{recording_id}: a word ends at {last_sec:.2f} s, the audio at "
            f"{duration_sec:.2f} s; is it the same recording?"
        )
    frames = frames_from_samples(len(waveform_N))
    return ChapterAlignment(
        recording_id=recording_id,
        language=chapter.language,
        duration_sec=duration_sec,
        verses=tuple(
            _verse(verse, known, chapter.language, duration_sec)
            for verse, known in zip(chapter.verses, truth.verses, strict=True)
        ),
        stars=tuple(
            StarSpan(*_within(extra, duration_sec), "") for extra in truth.extras
        ),
        model=MODEL,
        frame_score=np.full(frames, SCORE, np.float32),
        level_db=level_db(waveform_N),
        hop_samples=FRAME_SAMPLES,
    )


def _check_same_text(chapter: Chapter, truth: ChapterTruth, recording_id: str) -> None:
    written = [verse.text for verse in chapter.verses]
    timed = [verse.text for verse in truth.verses]
    if len(written) != len(timed):
        raise TimingMalformed(
            f"{recording_id}: the word times are of another text: expected "
            f"{len(written)} verses as in the text file, got {len(timed)}"
        )
    for verse, text in zip(chapter.verses, timed, strict=True):
        if verse.text != text:
            raise TimingMalformed(
                f"{recording_id}: the word times are of another text: expected verse "
                f"{verse.number} to be {verse.text[:40]!r}, got {text[:40]!r}"
            )


def _within(timing: TruthWord | TruthExtra, duration_sec: float) -> tuple[float, float]:
    return min(timing.start_sec, duration_sec), min(timing.end_sec, duration_sec)


def _verse(
    verse: Verse, known: TruthVerse, language: str, duration_sec: float
) -> VerseAlignment:
    groups = _groups(normalise_verse(verse.text, language), known)
    words, romanised, stars = [], [], []
    for timing, tokens in groups:
        start, end = tokens[0].char_start, tokens[-1].char_end
        times = (math.nan, math.nan)
        if timing is not None:
            times = _within(timing, duration_sec)
        words.append(
            WordSpan(verse.text[start:end], *times, SCORE, start, end, CONFIDENCE)
        )
        if tokens[0].is_number:
            stars.append(StarSpan(*times, verse.text[start:end]))
        letters = (t for t in tokens if not t.is_number)
        romanised.append(
            "".join(romanise_word(t.normalised, language) for t in letters)
        )
    timed = [word for word in words if math.isfinite(word.start_sec)]
    return VerseAlignment(
        verse=verse.number,
        text=verse.text,
        romanised=" ".join(romanised),
        start_sec=timed[0].start_sec if timed else math.nan,
        end_sec=timed[-1].end_sec if timed else math.nan,
        score=SCORE if timed else math.nan,
        score_worst=SCORE if timed else math.nan,
        confidence=CONFIDENCE if timed else math.nan,
        words=tuple(words),
        stars=tuple(stars),
    )


def _groups(
    tokens: tuple[Token, ...], known: TruthVerse
) -> list[tuple[TruthWord | None, list[Token]]]:
    """Put tokens under the timed word that covers them."""
    groups: list[tuple[TruthWord | None, list[Token]]] = []
    for token in tokens:
        timing = next(
            (w for w in known.words if w.char_start <= token.char_start < w.char_end),
            None,
        )
        if groups and timing is not None and groups[-1][0] is timing:
            groups[-1][1].append(token)
        else:
            groups.append((timing, [token]))
    return groups
