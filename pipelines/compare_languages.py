"""Both rounds of a corpus, language by language: kept seconds, shifts, and the better.

The measure itself is in ``compare_rounds``.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipelines.align_recording import read_alignment
from pipelines.compare_rounds import (
    WRONG_TEXTS,
    Heard,
    LanguageComparison,
    hear,
    keeps_new,
    kept_sec,
    shifted_words,
    spread_verses,
    verses_to_hear,
    wrong_texts,
)
from pipelines.fetch_recording import fetch_recording
from pipelines.job import Job
from pipelines.second_model import RoundClips
from pipelines.waveforms import forget_waveform, waveform_of_file
from schemas.alignment import ChapterAlignment
from schemas.source import Recording


@dataclass(frozen=True)
class Rounds:
    """Both rounds of a corpus: settings, and alignments by recording."""

    first: Job
    second: Job
    clips: RoundClips
    old: dict[str, str]
    new: dict[str, str]
    least_verses: int


def compare_languages(rounds: Rounds) -> Iterator[LanguageComparison]:
    """Yield what each language gains, in order of codes; known times are left out.

    Raises:
      InputError: a recording cannot be had any more.
      ArtifactError: an alignment is damaged.
    """
    by_language: dict[str, list[Recording]] = {}
    for recording in rounds.first.recordings:
        if recording.recording_id in rounds.old and recording.timing is None:
            by_language.setdefault(recording.language, []).append(recording)
    for language, recordings in sorted(by_language.items()):
        yield _compare_language(language, recordings, rounds)


def _compare_language(
    language: str, recordings: list[Recording], rounds: Rounds
) -> LanguageComparison:
    """Compare both rounds of one language, recording by recording."""
    learned = _learned_sec(rounds.clips, language)
    kept = {"old": [0.0, 0.0], "new": [0.0, 0.0]}
    shifted = words = 0
    places: list[tuple[str, int]] = []
    for recording in recordings:
        name = recording.recording_id
        old, new = _alignments(name, rounds)
        places += [(name, k) for k in verses_to_hear(old, learned.get(name, ()))]
        _add(kept["old"], kept_sec(old, rounds.first.threshold))
        if new is not None:
            _add(kept["new"], kept_sec(new, rounds.second.threshold))
            moved, among = shifted_words(old, new)
            shifted, words = shifted + moved, words + among
    old_heard, new_heard = _hear_both(recordings, spread_verses(places), rounds)
    gain, error, is_better = keeps_new(old_heard, new_heard, rounds.least_verses)
    return LanguageComparison(
        language=language,
        verses=len(old_heard.own_V),
        old_separation=_mean(old_heard.separations_V),
        new_separation=_mean(new_heard.separations_V),
        gain=gain,
        gain_error=error,
        old_kept_share=_share(kept["old"]),
        new_kept_share=_share(kept["new"]),
        shifted_share=shifted / words if words else math.nan,
        keep=2 if is_better else 1,
    )


def _hear_both(
    recordings: list[Recording], places: list[tuple[str, int]], rounds: Rounds
) -> tuple[Heard, Heard]:
    """Ask the model of each round about the same verses and wrong texts."""
    contexts = rounds.first.context, rounds.second.context
    own: tuple[list[float], list[float]] = ([], [])
    wrong: tuple[list[Any], list[Any]] = ([], [])
    for recording in recordings:
        chosen = [k for name, k in places if name == recording.recording_id]
        if not chosen:
            continue
        audio = fetch_recording(recording, contexts[0]).audio
        both = _alignments(recording.recording_id, rounds)
        waveform = waveform_of_file(audio, contexts[0].max_hours)
        for place in chosen:
            others = wrong_texts(both[0], place)
            for at, alignment in enumerate(both):
                model = contexts[at].model()
                loss, losses = (
                    (math.nan, np.full(WRONG_TEXTS, math.nan))
                    if alignment is None
                    else hear(waveform, alignment, place, others, model)
                )
                own[at].append(loss)
                wrong[at].append(losses)
        forget_waveform()
    old, new = (
        Heard(np.array(own[at]), np.array(wrong[at]).reshape(-1, WRONG_TEXTS))
        for at in (0, 1)
    )
    return old, new


def _alignments(
    name: str, rounds: Rounds
) -> tuple[ChapterAlignment, ChapterAlignment | None]:
    """Return both alignments of a recording; the newer round may have rejected it."""
    old = read_alignment(rounds.old[name], rounds.first.context)
    digest = rounds.new.get(name)
    return old, read_alignment(digest, rounds.second.context) if digest else None


def _learned_sec(
    clips: RoundClips, language: str
) -> dict[str, list[tuple[float, float]]]:
    found: dict[str, list[tuple[float, float]]] = {}
    for key in clips.learned:
        row = clips.rows[key]
        if row["language"] == language:
            interval = row["start_sec"], row["end_sec"]
            found.setdefault(row["recording_id"], []).append(interval)
    return found


def _add(sums: list[float], more: tuple[float, float]) -> None:
    for at, value in enumerate(more):
        sums[at] += value


def _share(sums: list[float]) -> float:
    return sums[0] / sums[1] if sums[1] else math.nan


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else math.nan
