"""MMS's second round: train on what is kept, align all of it anew, keep the better.

The result is a corpus of its own beside the first, in ``<output>/round2``, which shares
the first one's store: nothing is fetched again, and what both rounds have in common is
there once. Languages that gain nothing keep their first round in it.
"""

import json
import math
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from models.train_asr import Progress
from pipelines.align_recording import read_alignment
from pipelines.alone import alone_in
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
from pipelines.config import CorpusConfig
from pipelines.context import RunContext, loaded_model
from pipelines.fetch_recording import fetch_recording
from pipelines.job import Job, prepare_job
from pipelines.second_model import (
    STAGE,
    VERSION,
    RealignConfig,
    RoundClips,
    round_clips,
    second_model,
)
from pipelines.start_weights import StartWeights, local_root, start_weights
from pipelines.store import local_copy
from pipelines.tables import read_columns
from pipelines.waveforms import forget_waveform, waveform_of
from schemas.alignment import ChapterAlignment
from schemas.errors import ArtifactError
from schemas.keys import digest_of
from schemas.source import Recording
from schemas.tables import ALIGNMENT_TABLE

FOLDER = "round2"
_SUFFIX = ".json"


@dataclass(frozen=True)
class Realigned:
    """Where the second round's corpus is, what was compared, and its rejects."""

    output: str
    languages: list[LanguageComparison]
    rejects: int


@dataclass(frozen=True)
class _Rounds:
    """Both rounds of a corpus: settings, and alignments by recording."""

    first: Job
    second: Job
    clips: RoundClips
    old: dict[str, str]
    new: dict[str, str]


def realign(
    config: CorpusConfig,
    options: RealignConfig,
    run: Callable[[Job], int],
    report: Callable[[Progress], None],
    *,
    workers: int = 0,
    start: StartWeights | None = None,
) -> Realigned:
    """Make the second round of a finished corpus; what is done is not done again.

    Args:
      config: of the first round.
      options: how to train.
      run: builds a corpus as ``run_job`` does, and returns the number of rejects.
      report: told how the training goes.
      workers: recordings side by side.
      start: the first weights; None takes those of the configured model.

    Raises:
      ConfigError: there is nothing to learn from, or the corpus is not on this machine.
      ArtifactError: the first round is not finished, or a file is damaged.
    """
    first = prepare_job(config, workers)
    root = local_root(config.corpus.output)
    with alone_in(root):
        clips = round_clips(root, options.selection)
        name = config.model.name
        start = start or start_weights(
            name, options.seed, from_scratch=options.from_scratch
        )
        path = second_model(root, clips, options, start, report)
        second = _second_job(first, f"bundled:{path}")
        digest = _comparison_digest(first, second, clips)
        if not first.context.store.has(STAGE, digest, _SUFFIX):
            run(second)
            rounds = _Rounds(
                first, second, clips, clips.alignments, _digests(second.context.output)
            )
            rows = [asdict(row) for row in _compare(rounds)]
            text = json.dumps(rows, sort_keys=True)
            first.context.store.write_bytes(text.encode(), STAGE, digest, _SUFFIX)
        languages = _read_comparison(first.context, digest)
        rejects = run(_mixed_job(first, second, languages))
    return Realigned(second.context.output, languages, rejects)


def _second_job(first: Job, model_name: str) -> Job:
    """Return the job that aligns everything with the new model."""
    model = loaded_model(model_name, first.context.device)
    context = replace(
        first.context,
        output=f"{first.context.output}/{FOLDER}",
        store_root=first.context.output,
        model_name=model_name,
        model_fingerprint=model.fingerprint,
        min_score=first.config.select["default"].min_score(model.score_threshold),
    )
    return replace(first, context=context, threshold=model.score_threshold)


def _mixed_job(first: Job, second: Job, languages: list[LanguageComparison]) -> Job:
    """Return the job in which every language has the round that it keeps."""
    newer = frozenset(row.language for row in languages if row.keep == 2)
    context = replace(
        first.context,
        output=second.context.output,
        store_root=first.context.output,
        second=second.context,
        second_languages=newer,
    )
    return replace(first, context=context)


def _comparison_digest(first: Job, second: Job, clips: RoundClips) -> str:
    return digest_of(
        *(STAGE, "compare", VERSION, second.context.model_fingerprint),
        *(sorted(clips.alignments.items()), sorted(clips.learned)),
        *(second.context.align_settings(), first.threshold, second.threshold),
    )


def _read_comparison(context: RunContext, digest: str) -> list[LanguageComparison]:
    uri = context.store.uri(STAGE, digest, _SUFFIX)
    try:
        rows = json.loads(context.store.read_bytes(STAGE, digest, _SUFFIX))
        return [LanguageComparison(**row) for row in rows]
    except (ValueError, TypeError) as error:
        raise ArtifactError(f"{uri}: damaged ({error}); delete it") from error


def _digests(root: str) -> dict[str, str]:
    rows = read_columns(root, ALIGNMENT_TABLE, ["recording_id", "digest"])
    return {row["recording_id"]: row["digest"] for row in rows}


def _compare(rounds: _Rounds) -> Iterator[LanguageComparison]:
    by_language: dict[str, list[Recording]] = {}
    for recording in rounds.first.recordings:
        if recording.recording_id in rounds.old and recording.timing is None:
            by_language.setdefault(recording.language, []).append(recording)
    for language, recordings in sorted(by_language.items()):
        yield _compare_language(language, recordings, rounds)


def _compare_language(
    language: str, recordings: list[Recording], rounds: _Rounds
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
    gain, error, is_better = keeps_new(old_heard, new_heard)
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
    recordings: list[Recording], places: list[tuple[str, int]], rounds: _Rounds
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
        with local_copy(audio.path) as path:
            waveform = waveform_of(path, audio.sha256, contexts[0].max_hours)
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
    name: str, rounds: _Rounds
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
