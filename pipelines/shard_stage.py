"""From cut recordings to shards, by references of a few bytes.

Only names travel: a sample is its group, its key and the cut recording that has it. The
clips themselves are read where their shard is written.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pipelines.context import RunContext
from pipelines.cut_recording import CutRecording, clip_lanes, clip_refs
from pipelines.shard_writer import write_shard
from pipelines.shards import ShardGroup, plan_shard, shard_count
from pipelines.split_plan import SplitPlan
from schemas.keys import stable_bucket
from schemas.segment import ClipRef

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


def sample_refs(
    cut: CutRecording, splits: SplitPlan, context: RunContext
) -> list[SampleRef]:
    """Return the samples of one recording; none without text of a small language."""
    split, has_unlabeled = splits.split_of(cut), splits.has_unlabeled(cut.language)
    return [
        SampleRef((is_labeled, cut.language, split), key, cut.digest)
        for key, is_labeled in clip_lanes(cut.digest, context)
        if is_labeled or has_unlabeled
    ]


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
        found = clip_refs(cut, group.split, context)
        clips.extend(clip for clip in found if clip.segment.key in keys)
    plan = plan_shard(group, number, clips)
    write_shard(plan, context.output)
    return WrittenShard(plan.paths, len(clips))
