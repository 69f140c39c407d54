"""WebDataset shards: which clip goes where, and tars of the same bytes every time.

A clip's shard depends on its key and on how many clips its language and split have,
never on the order in which they come. A shard is written beside an index of its samples
that names the plan it was made from: where the plan is the same, nothing is written.
"""

import io
import json
import math
import os
import re
import tarfile
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.addresses import local_path_of
from pipelines.store import filesystem_of, local_copy, write_atomic, writing
from schemas.errors import ArtifactError
from schemas.keys import digest_of, stable_bucket
from schemas.segment import ClipRef, Segment
from schemas.tables import INDEX_TABLE, VERSION_KEY, IndexEntry, sample_row

FOLDER = "shards"
# Part of every plan's name: a change in how shards are written makes all of them anew.
_VERSION = 1
_OUR_NAME = re.compile(r".+-\d{6}\.tar|index-\d{6}\.parquet")
_PLAN_KEY, _BYTES_KEY = b"pericope.plan", b"pericope.bytes"


@dataclass(frozen=True, order=True)
class ShardGroup:
    """The clips that share a row of shards. Unlabeled ones have no split."""

    labeled: bool
    language: str
    split: str

    @classmethod
    def of(cls, ref: ClipRef) -> "ShardGroup":
        """Return the group of a clip."""
        split = ref.segment.split if ref.labeled else ""
        return cls(ref.labeled, ref.segment.language, split)

    @property
    def folder(self) -> str:
        """The group's folder in the corpus."""
        if self.labeled:
            return f"{FOLDER}/labeled/{self.language}/{self.split}"
        return f"{FOLDER}/unlabeled/{self.language}"


@dataclass(frozen=True)
class ShardPlan:
    """One shard: its place and its clips, by key."""

    group: ShardGroup
    number: int
    refs: tuple[ClipRef, ...]

    @property
    def path(self) -> str:
        """The tar's place in the corpus."""
        group = self.group
        parts = [group.language, *([group.split] if group.labeled else [])]
        return f"{group.folder}/{'-'.join(parts)}-{self.number:06d}.tar"

    @property
    def index_path(self) -> str:
        """The place of the index of its samples, beside the tar."""
        return f"{self.group.folder}/index-{self.number:06d}.parquet"

    @property
    def paths(self) -> tuple[str, str]:
        """The places of both files."""
        return self.path, self.index_path

    @cached_property
    def digest(self) -> str:
        """Name of all that the shard's bytes depend on.

        A pack is named by what is in it, so its folder does not matter.
        """
        clips = [
            [sample_row(ref.segment), ref.pack.rsplit("/", 1)[-1], *_range_of(ref)]
            for ref in self.refs
        ]
        return digest_of("shard", _VERSION, self.path, clips)


def _range_of(ref: ClipRef) -> tuple[int, int]:
    return ref.offset, ref.offset + ref.length


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


def write_shard(plan: ShardPlan, root: str) -> bool:
    """Write a shard and its index below the corpus ``root``, unless they are there.

    The index goes last and is removed first, so that it never describes another tar.

    Returns:
      Whether anything was written.

    Raises:
      ArtifactError: a pack is shorter than it should be.
    """
    tar_uri, index_uri = f"{root}/{plan.path}", f"{root}/{plan.index_path}"
    if _is_written(plan, tar_uri, index_uri):
        return False
    _remove(index_uri)
    with writing(tar_uri) as file:
        entries = []
        # PAX is plain USTAR, but for names of more than 100 characters.
        with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
            for ref in plan.refs:
                offset = tar.offset
                _add_sample(tar, ref)
                key, length = ref.segment.key, tar.offset - offset
                entries.append(IndexEntry(key, plan.path, offset, length))
        size = file.tell()
    _write_index(plan, entries, size, index_uri)
    return True


def _add_sample(tar: tarfile.TarFile, ref: ClipRef) -> None:
    key, text = ref.segment.key, ref.segment.text
    members = {"flac": _read_clip(ref), "json": sample_json(ref)}
    if ref.labeled or text:
        members["txt"] = text.encode()
    for suffix, data in sorted(members.items()):
        member = tarfile.TarInfo(f"{key}.{suffix}")  # mtime, uid and gid are 0
        member.size, member.mode = len(data), 0o644
        tar.addfile(member, io.BytesIO(data))


def _read_clip(ref: ClipRef) -> bytes:
    filesystem, path = filesystem_of(ref.pack)
    start, end = _range_of(ref)
    data = filesystem.cat_file(path, start=start, end=end)
    if len(data) != ref.length:
        raise ArtifactError(
            f"{ref.pack}: expected bytes {start} to {end} for {ref.segment.key}, got "
            f"{len(data)} of {ref.length}; delete the pack and run again"
        )
    return data


def sample_json(ref: ClipRef) -> bytes:
    """Return a sample's ``.json``: its ``sample_row``, NaN as null."""
    row = _without_nan(sample_row(ref.segment))
    text = json.dumps(row, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return text.encode()


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_nan(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_without_nan(item) for item in value]
    return None if isinstance(value, float) and math.isnan(value) else value


def _write_index(
    plan: ShardPlan, entries: Sequence[IndexEntry], size: int, uri: str
) -> None:
    table = INDEX_TABLE.table(entries)
    made_from = {_PLAN_KEY: plan.digest.encode(), _BYTES_KEY: str(size).encode()}
    buffer = io.BytesIO()
    pq.write_table(
        table.replace_schema_metadata({**table.schema.metadata, **made_from}),
        buffer,
        compression="zstd",
    )
    write_atomic(uri, buffer.getvalue())


def _is_written(plan: ShardPlan, tar_uri: str, index_uri: str) -> bool:
    filesystem, tar_path = filesystem_of(tar_uri)
    try:
        with local_copy(index_uri) as path:
            made_from = pq.read_schema(path).metadata or {}
        size = filesystem.info(tar_path)["size"]
    except (FileNotFoundError, pa.ArrowInvalid):  # a damaged index is no index
        return False
    wanted = {
        _PLAN_KEY: plan.digest.encode(),
        _BYTES_KEY: str(size).encode(),
        VERSION_KEY: INDEX_TABLE.schema.metadata[VERSION_KEY],
    }
    return wanted.items() <= made_from.items()


def remove_stale(root: str, paths: Iterable[str]) -> int:
    """Delete shards and indexes of earlier plans; return how many files.

    Args:
      root: the corpus.
      paths: the ``paths`` of every plan that belongs to it now.
    """
    filesystem, folder = filesystem_of(f"{root}/{FOLDER}")
    outside = folder.removesuffix(FOLDER)
    kept = {outside + path for path in paths}
    stale = [
        path
        for path in filesystem.find(folder)
        if _OUR_NAME.fullmatch(path.rsplit("/", 1)[-1]) and path not in kept
    ]
    for path in stale:
        filesystem.rm_file(path)
    if local_path_of(root) is not None:
        _remove_empty_folders(folder)
    return len(stale)


def _remove_empty_folders(folder: str) -> None:
    for inner, _, _ in os.walk(folder, topdown=False):
        if not os.listdir(inner):
            os.rmdir(inner)


def _remove(uri: str) -> None:
    filesystem, path = filesystem_of(uri)
    with suppress(FileNotFoundError):
        filesystem.rm_file(path)


def find_sample(root: str, segment: Segment) -> bytes:
    """Return the members of a sample as a small tar, found by the shards' indexes.

    Raises:
      ArtifactError: no shard has the sample.
    """
    group = ShardGroup(bool(segment.text), segment.language, segment.split)
    filesystem, folder = filesystem_of(f"{root}/{group.folder}")
    for index in sorted(filesystem.glob(f"{folder}/index-*.parquet")):
        with filesystem.open(index, "rb") as file:
            for entry in INDEX_TABLE.records(pq.read_table(file), index):
                if entry.key == segment.key:
                    start, end = entry.offset, entry.offset + entry.length
                    shard, path = filesystem_of(f"{root}/{entry.shard}")
                    return shard.cat_file(path, start=start, end=end)
    raise ArtifactError(f"{root}: no shard has {segment.key}; run the corpus again")
