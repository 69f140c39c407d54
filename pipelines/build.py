"""The whole pipeline, twice: on Beam, and on a plain list without it.

Both call the same functions and write the same bytes; the plain one is for reading, for
tests and for debugging.
"""

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.align_recording import STAGE as ALIGN
from pipelines.align_recording import AlignedRecording, align_recording
from pipelines.attempt import Failure, Step, attempt_all
from pipelines.beam import (
    StageCounts,
    counted_stages,
    hush,
    own_error,
    pipeline_options,
)
from pipelines.context import RunContext
from pipelines.corpus_tables import prune_tables, write_language, write_rejects
from pipelines.cut_recording import STAGE as CUT
from pipelines.cut_recording import CutRecording, cut_recording
from pipelines.detect_speech import STAGE as SPEECH
from pipelines.detect_speech import detect_speech
from pipelines.fetch_recording import STAGE as FETCH
from pipelines.fetch_recording import FetchedRecording, fetch_recording
from pipelines.harvest import UNREAD_ERRORS
from pipelines.measure import duration_or_none
from pipelines.score_recording import STAGE as SCORE
from pipelines.score_recording import score_recording
from pipelines.shard_stage import (
    SampleRef,
    ShardName,
    sample_refs,
    shard_of,
    write_named_shard,
)
from pipelines.shard_writer import remove_stale
from pipelines.split_plan import SplitPart, SplitPlan, plan_all_splits
from pipelines.unlabeled_config import UNREAD
from schemas.errors import InputError, PericopeError
from schemas.segment import Reject
from schemas.source import Recording

if TYPE_CHECKING:
    from apache_beam.options.pipeline_options import PipelineOptions


def recording_steps(context: RunContext) -> tuple[Step, Step, Step, Step, Step]:
    """Return the steps of one recording: fetch, align, score, detect speech, cut."""

    def step(stage: str, run: Callable, recording_of: Callable, **more: Any) -> Step:
        told = partial(_told, context=context)
        own = partial(_in_own_context, run=run, of=recording_of, context=context)
        return Step(stage, own, recording_of, told, **more)

    measured = partial(_measured, context=context)
    return (
        step(FETCH, fetch_recording, _itself),
        step(
            ALIGN,
            align_recording,
            _fetched,
            duration_of=measured,
            salvage=partial(_cut_unread, context=context),
        ),
        step(SCORE, score_recording, _aligned, duration_of=measured),
        step(SPEECH, detect_speech, _aligned, duration_of=measured),
        step(
            CUT, cut_recording, _aligned, duration_of=measured, facts_of=_facts_of_cut
        ),
    )


def build_on_beam(
    recordings: Sequence[Recording],
    manifest_rejects: Sequence[Reject],
    context: RunContext,
    beam_arguments: Sequence[str],
) -> StageCounts:
    """Run the pipeline on Beam; blocks until it is done.

    Args:
      recordings: rows of the manifest.
      manifest_rejects: rows that could not be read.
      context: settings and places.
      beam_arguments: options of Beam, with --runner.

    Returns:
      What Beam counted, as far as the runner tells.

    Raises:
      ConfigError: Beam has no such option.
      ArtifactError: a file of the corpus is damaged.
      ClusterFailed: another machine's engine gave up.
    """
    logging.disable(logging.WARNING)  # Beam's import complains of Google's libraries
    try:
        options = pipeline_options(beam_arguments)
    finally:
        logging.disable(logging.NOTSET)
    hush()
    try:
        return _build(recordings, manifest_rejects, context, options)
    except (RuntimeError, PericopeError) as error:
        own = own_error(error)
        if own is None:
            raise
        raise own from error


def _build(
    recordings: Sequence[Recording],
    manifest_rejects: Sequence[Reject],
    context: RunContext,
    options: "PipelineOptions",
) -> StageCounts:
    import apache_beam as beam

    from pipelines.stages import AttemptStep, PlanSplits, WriteShards, WriteTables

    fetch, align, score, detect, cut = recording_steps(context)
    with beam.Pipeline(options=options) as pipeline:
        rows = pipeline | "Recordings" >> beam.Create(recordings)
        fetched, not_fetched = rows | "FetchRecordings" >> AttemptStep(fetch, context)
        aligned, not_aligned = fetched | "AlignChapters" >> AttemptStep(align, context)
        scored, not_scored = aligned | "ScoreSegments" >> AttemptStep(score, context)
        heard, not_heard = scored | "DetectSpeech" >> AttemptStep(detect, context)
        cut_whole, not_cut = heard | "CutSegments" >> AttemptStep(cut, context)
        salvaged = not_aligned | "Unread" >> beam.FlatMap(_salvaged)
        cuts = (cut_whole, salvaged) | "AllCuts" >> beam.Flatten()
        unread = pipeline | "ManifestRejects" >> beam.Create(
            [Failure(reject) for reject in manifest_rejects]
        )
        failures = (
            unread,
            not_fetched,
            not_aligned,
            not_scored,
            not_heard,
            not_cut,
        ) | "AllFailures" >> beam.Flatten()
        splits = cuts | "PlanSplits" >> PlanSplits(context)
        _ = (cuts, splits) | "WriteShards" >> WriteShards(context)
        _ = (cuts, failures, splits) | "WriteTables" >> WriteTables(context)
    return counted_stages(pipeline.result)


def build_plainly(
    recordings: Iterable[Recording],
    manifest_rejects: Iterable[Reject],
    context: RunContext,
) -> StageCounts:
    """Do the same in this thread, step by step."""
    steps = recording_steps(context)
    counts: StageCounts = {step.stage: Counter() for step in steps}
    cuts: list[CutRecording] = []
    failures = [Failure(reject) for reject in manifest_rejects]
    for recording in recordings:
        # One recording at a time through all steps, so that it is decoded once.
        items: list = [recording]
        for step in steps:
            count = partial(_add, counts[step.stage])
            items, failed = attempt_all(step, items, count)
            failures.extend(failed)
        cuts.extend(items)
    cuts.extend(cut for failure in failures for cut in _salvaged(failure))
    minutes = context.unlabeled.min_language_minutes
    splits = plan_all_splits(map(SplitPart.of, cuts), minutes)
    _write_shards(cuts, splits, context)
    timed = [failure for failure in failures if failure.has_seconds]
    languages = {cut.language for cut in cuts}
    languages |= {failure.reject.language for failure in timed}
    for language in sorted(languages):
        write_language(
            language,
            [cut for cut in cuts if cut.language == language],
            [failure for failure in timed if failure.reject.language == language],
            splits,
            context,
        )
    prune_tables(languages, context)
    write_rejects([failure.reject for failure in failures], context)
    return counts


def _write_shards(
    cuts: list[CutRecording], splits: SplitPlan, context: RunContext
) -> None:
    samples = [ref for cut in cuts for ref in sample_refs(cut, splits, context)]
    counts = Counter(ref.group for ref in samples)
    shards: dict[ShardName, list[SampleRef]] = {}
    for ref in samples:
        name = shard_of(ref, counts, context.samples_per_shard)
        shards.setdefault(name, []).append(ref)
    written = [
        write_named_shard(name, refs, context) for name, refs in sorted(shards.items())
    ]
    remove_stale(context.output, [path for shard in written for path in shard.paths])


def _in_own_context(item: Any, run: Callable, of: Callable, context: RunContext) -> Any:
    """Run a step with the settings of the recording's language."""
    return run(item, context=context.of_language(of(item).language))


def _cut_unread(
    fetched: FetchedRecording, error: InputError, context: RunContext
) -> CutRecording | None:
    """Cut a recording whose text could not be used, as if it had none."""
    wanted = UNREAD in context.unlabeled.harvest and isinstance(error, UNREAD_ERRORS)
    if not wanted:
        return None
    own = context.of_language(fetched.recording.language)
    unread = AlignedRecording(fetched, "", unread=True)
    try:
        return cut_recording(detect_speech(unread, own), own)
    except InputError:
        return None  # it is rejected for its text already, and of no other use


def _salvaged(failure: Failure) -> list[CutRecording]:
    return [] if failure.salvaged is None else [failure.salvaged]


def _add(counter: Counter[str], name: str, number: int) -> None:
    counter[name] += number


def _facts_of_cut(cut: CutRecording) -> dict[str, Any]:
    return {"audio_sec": cut.duration_sec, "result": cut.digest}


def _itself(recording: Recording) -> Recording:
    return recording


def _fetched(fetched: FetchedRecording) -> Recording:
    return fetched.recording


def _aligned(aligned) -> Recording:
    return aligned.fetched.recording


def _measured(item, context: RunContext) -> float | None:
    fetched = item if isinstance(item, FetchedRecording) else item.fetched
    return duration_or_none(fetched.audio, context)


def _told(item, message: str, context: RunContext) -> str:
    """Name sources by their address, those beside the manifest relative to it."""
    if not isinstance(item, Recording):
        fetched = item if isinstance(item, FetchedRecording) else item.fetched
        for file in (fetched.audio, fetched.text, fetched.timing):
            if file is not None and file.path != file.uri:
                message = message.replace(file.path, file.uri)
                message = message.replace(Path(file.path).name, file.uri)
    return message.replace(f"{context.manifest_folder}/", "")
