"""Shards of a corpus: which sample goes where, and where it is found again.

A sample's shard depends on its key and on how many samples its language and split have,
never on the order in which they come.
"""

import math
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

import pyarrow.parquet as pq

from pipelines.store import filesystem_of
from schemas.errors import ArtifactError
from schemas.keys import digest_of, stable_bucket
from schemas.segment import ClipRef, Segment
from schemas.tables import INDEX_TABLE, sample_row

FOLDER = "shards"
# Part of every plan's name: a change in how shards are written makes all of them anew.
_VERSION = 1


@dataclass(frozen=True, order=True)
class ShardGroup:
    """The clips that share a row of shards."""

    labeled: bool
    language: str
    split: str

    @classmethod
    def of(cls, ref: ClipRef) -> "ShardGroup":
        """Return the group of a clip."""
        return cls(ref.labeled, ref.segment.language, ref.segment.split)

    @property
    def folder(self) -> str:
        """The group's folder in the corpus."""
        lane = "labeled" if self.labeled else "unlabeled"
        return f"{FOLDER}/{lane}/{self.language}/{self.split}"

    def paths(self, number: int) -> tuple[str, str]:
        """Return the places of a shard and of the index of its samples beside it."""
        return (
            f"{self.folder}/{self.language}-{self.split}-{number:06d}.tar",
            f"{self.folder}/index-{number:06d}.parquet",
        )


@dataclass(frozen=True)
class ShardPlan:
    """One shard: its place and its clips, by key."""

    group: ShardGroup
    number: int
    refs: tuple[ClipRef, ...]

    @property
    def path(self) -> str:
        """The tar's place in the corpus."""
        return self.paths[0]

    @property
    def paths(self) -> tuple[str, str]:
        """The places of tar and index."""
        return self.group.paths(self.number)

    @cached_property
    def digest(self) -> str:
        """Name of all that the shard's bytes depend on.

        A pack is named by what is in it, so its folder does not matter.
        """
        clips = [
            [
                sample_row(ref.segment),
                ref.pack.rsplit("/", 1)[-1],
                ref.offset,
                ref.offset + ref.length,
            ]
            for ref in self.refs
        ]
        return digest_of("shard", _VERSION, self.path, clips)


def shard_count(samples: int, samples_per_shard: int) -> int:
    """Return into how many shards a group of so many samples goes."""
    return max(1, math.ceil(samples / samples_per_shard))


def plan_shards(
    refs: Iterable[ClipRef], samples_per_shard: int
) -> tuple[ShardPlan, ...]:
    """Return the shards of a corpus, ordered by group and number.

    Clips go to shards by a hash of their keys: a shard holds about, not exactly,
    ``samples_per_shard``. A number whose shard would be empty is left out.

    Raises:
      ValueError: a key comes twice in a group.
    """
    groups: dict[ShardGroup, list[ClipRef]] = {}
    for ref in refs:
        groups.setdefault(ShardGroup.of(ref), []).append(ref)
    return tuple(
        plan
        for group, members in sorted(groups.items())
        for plan in plan_group(group, members, samples_per_shard)
    )


def plan_group(
    group: ShardGroup, refs: Collection[ClipRef], samples_per_shard: int
) -> Iterator[ShardPlan]:
    """Yield the shards of all clips of one group, by number."""
    count = shard_count(len(refs), samples_per_shard)
    buckets: dict[int, list[ClipRef]] = {}
    for ref in refs:
        buckets.setdefault(stable_bucket(ref.segment.key, count), []).append(ref)
    for number, members in sorted(buckets.items()):
        yield plan_shard(group, number, members)


def plan_shard(group: ShardGroup, number: int, refs: Iterable[ClipRef]) -> ShardPlan:
    """Return the plan of one shard from its clips in any order.

    Raises:
      ValueError: a key comes twice.
    """
    ordered = sorted(refs, key=lambda ref: ref.segment.key)
    keys = [ref.segment.key for ref in ordered]
    if len(set(keys)) < len(keys):
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"{group.folder}: {twice} comes more than once")
    return ShardPlan(group, number, tuple(ordered))


def find_sample(root: str, segment: Segment) -> bytes:
    """Return the members of a sample as a small tar, found by the shards' indexes.

    Raises:
      ArtifactError: no shard has the sample.
    """
    group = ShardGroup(not segment.source, segment.language, segment.split)
    filesystem, folder = filesystem_of(f"{root}/{group.folder}")
    for index in sorted(filesystem.glob(f"{folder}/index-*.parquet")):
        with filesystem.open(index, "rb") as file:
            for entry in INDEX_TABLE.records(pq.read_table(file), index):
                if entry.key == segment.key:
                    start, end = entry.offset, entry.offset + entry.length
                    shard, path = filesystem_of(f"{root}/{entry.shard}")
                    return shard.cat_file(path, start=start, end=end)
    raise ArtifactError(f"{root}: no shard has {segment.key}; run the corpus again")
