"""From cut recordings to shards, by references of a few bytes.

Only names travel: a sample is its group, its key and the cut recording that has it. The
clips themselves are read where their shard is written.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pipelines.context import RunContext
from pipelines.cut_recording import CutRecording, clip_keys, clip_refs
from pipelines.shard_writer import write_shard
from pipelines.shards import ShardGroup, plan_shard, shard_count
from schemas.keys import stable_bucket
from schemas.segment import ClipRef

SplitPlan = Mapping[tuple[str, str], str]
# Plain tuples (labeled, language, split), because Beam groups by them.
Group = tuple[bool, str, str]
ShardName = tuple[Group, int]


@dataclass(frozen=True)
class SampleRef:
    """A sample on its way to a shard."""

    group: Group
    key: str
    cut: str


@dataclass(frozen=True)
class WrittenShard:
    """A shard that is there now: its files, and how many samples it has."""

    paths: tuple[str, str]
    samples: int


def split_of(cut: CutRecording, splits: SplitPlan) -> str:
    """Return the split of a recording; unlabeled ones have none."""
    return splits[cut.language, cut.unit] if cut.labeled else ""


def sample_refs(
    cut: CutRecording, splits: SplitPlan, context: RunContext
) -> list[SampleRef]:
    """Return the samples of one recording."""
    group = (cut.labeled, cut.language, split_of(cut, splits))
    keys = clip_keys(cut.digest, context)
    return [SampleRef(group, key, cut.digest) for key in keys]


def shard_of(
    ref: SampleRef, counts: Mapping[Group, int], samples_per_shard: int
) -> ShardName:
    """Return the shard of a sample, given how many samples each group has."""
    shards = shard_count(counts[ref.group], samples_per_shard)
    return ref.group, stable_bucket(ref.key, shards)


def write_named_shard(
    name: ShardName, refs: Iterable[SampleRef], context: RunContext
) -> WrittenShard:
    """Write one shard from the references of its samples, in any order."""
    group, number = ShardGroup(*name[0]), name[1]
    wanted: dict[str, set[str]] = {}
    for ref in refs:
        wanted.setdefault(ref.cut, set()).add(ref.key)
    clips: list[ClipRef] = []
    for cut, keys in sorted(wanted.items()):
        found = clip_refs(cut, group.split, context, labeled=group.labeled)
        clips.extend(clip for clip in found if clip.segment.key in keys)
    plan = plan_shard(group, number, clips)
    write_shard(plan, context.output)
    return WrittenShard(plan.paths, len(clips))
