"""The Beam stages. They only wire: each calls one plain function of this package."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import apache_beam as beam
from apache_beam.metrics import Metrics
from apache_beam.pvalue import AsDict, AsSingleton, TaggedOutput

from pipelines.attempt import Failure, Step
from pipelines.context import RunContext, ready_process
from pipelines.corpus_tables import prune_tables, write_language, write_rejects
from pipelines.cut_recording import CutRecording
from pipelines.shard_stage import sample_refs, shard_of, write_named_shard
from pipelines.shard_writer import remove_stale
from pipelines.split_plan import SplitPart, plan_all_splits

FAILURES = "failures"


class _AttemptFn(beam.DoFn):
    """Run a step; failures go to their own output, and Beam counts."""

    def __init__(self, step: Step, context: RunContext) -> None:
        self.step = step
        self.context = context

    def setup(self) -> None:
        ready_process(self.context)

    def process(self, element: Any) -> Iterator[Any]:
        outcome = self.step.attempt(element, self._count)
        if isinstance(outcome, Failure):
            yield TaggedOutput(FAILURES, outcome)
        else:
            yield outcome

    def _count(self, name: str, number: int) -> None:
        Metrics.counter(self.step.stage, name).inc(number)


@dataclasses.dataclass
class AttemptStep(beam.PTransform):
    """Item → (result, failure), by a plain step."""

    step: Step
    context: RunContext

    def expand(self, items):
        """Wire the step with its two outputs."""
        attempt = beam.ParDo(_AttemptFn(self.step, self.context))
        attempt.with_resource_hints(**self.context.hints)
        outputs = items | "Attempt" >> attempt.with_outputs(FAILURES, main="results")
        return outputs["results"], outputs[FAILURES]


@dataclasses.dataclass
class PlanSplits(beam.PTransform):
    """CutRecording → one plan of splits for the whole corpus."""

    context: RunContext

    def expand(self, cuts):
        """Gather names and durations of units, a hundred bytes a recording."""
        minutes = self.context.unlabeled.min_language_minutes
        return (
            cuts
            | "Part" >> beam.Map(SplitPart.of)
            | "Gather" >> beam.combiners.ToList()
            | "Plan" >> beam.Map(lambda parts: plan_all_splits(parts, minutes))
        )


@dataclasses.dataclass
class WriteShards(beam.PTransform):
    """CutRecording → WrittenShard; shards of earlier runs are removed."""

    context: RunContext

    def expand(self, inputs):
        """Hash keys to shards, group, write each shard in one piece."""
        cuts, splits = inputs
        context, size = self.context, self.context.samples_per_shard
        samples = cuts | "Samples" >> beam.FlatMap(
            lambda cut, plan: sample_refs(cut, plan, context), AsSingleton(splits)
        )
        counts = (
            samples
            | "Group" >> beam.Map(lambda ref: ref.group)
            | "Count" >> beam.combiners.Count.PerElement()
        )
        shards = (
            samples
            | "Assign"
            >> beam.Map(
                lambda ref, counts: (shard_of(ref, counts, size), ref), AsDict(counts)
            )
            | "ByShard" >> beam.GroupByKey()
            | "Write"
            >> beam.MapTuple(lambda name, refs: write_named_shard(name, refs, context))
        )
        _ = (
            shards
            | "Paths" >> beam.FlatMap(lambda shard: shard.paths)
            | "AllPaths" >> beam.combiners.ToList()
            | "RemoveStale"
            >> beam.Map(lambda paths: remove_stale(context.output, paths))
        )
        return shards


@dataclasses.dataclass
class WriteTables(beam.PTransform):
    """CutRecording and Failure → alignments, segments, ledger and rejects."""

    context: RunContext

    def expand(self, inputs):
        """Gather the recordings of a language and write its tables in one place."""
        cuts, failures, splits = inputs
        context = self.context
        keyed_cuts = cuts | "CutLanguage" >> beam.Map(_by_language)
        keyed_failures = (
            failures
            | "WithSeconds" >> beam.Filter(lambda failure: failure.has_seconds)
            | "FailureLanguage" >> beam.Map(_by_language)
        )
        _ = (
            {"cuts": keyed_cuts, "failures": keyed_failures}
            | "ByLanguage" >> beam.CoGroupByKey()
            | "WriteLanguage"
            >> beam.Map(
                lambda row, plan: write_language(
                    row[0], row[1]["cuts"], row[1]["failures"], plan, context
                ),
                AsSingleton(splits),
            )
            | "AllLanguages" >> beam.combiners.ToList()
            | "Prune" >> beam.Map(lambda languages: prune_tables(languages, context))
        )
        return (
            failures
            | "Rejects" >> beam.Map(lambda failure: failure.reject)
            | "AllRejects" >> beam.combiners.ToList()
            | "WriteRejects" >> beam.Map(lambda rows: write_rejects(rows, context))
        )


def _by_language(item: CutRecording | Failure) -> tuple[str, CutRecording | Failure]:
    if isinstance(item, Failure):
        return item.reject.language, item
    return item.language, item
