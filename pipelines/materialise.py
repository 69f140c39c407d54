"""Shards of a selection alone: its samples are copied, byte for byte.

They have the layout of the corpus's own shards, below ``selected/<name>``: a selection
that keeps everything gives the same tars. A shard names the samples that it was made
from and the shards that these came from; where they are the same, it stays as it is.
"""

import io
import json
import re
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipelines.selections import stored_selection
from pipelines.shard_writer import made_from, remove, remove_stale, write_index
from pipelines.shards import FOLDER, ShardGroup, shard_count
from pipelines.store import filesystem_of, local_copy, write_atomic, writing
from schemas.errors import ArtifactError, ConfigError
from schemas.keys import digest_of, stable_bucket
from schemas.selection import StoredSelection
from schemas.tables import INDEX_TABLE, IndexEntry

_VERSION = 1
_AT_ONCE = 64
_INDEX = re.compile(
    r"(?P<language>[^/]+)/(?P<split>[^/]+)/index-(?P<number>\d{6})\.parquet"
)


@dataclass(frozen=True)
class Materialised:
    """The shards of a selection, as they are now."""

    folder: str
    samples: int
    shards: int
    written: int
    """Those that were not there yet."""
    removed_files: int


@dataclass(frozen=True)
class _Source:
    """One shard of the corpus."""

    group: ShardGroup
    number: int
    digest: str
    """Of its plan."""
    entries: pa.Table
    """Its index."""


@dataclass(frozen=True)
class _Sample:
    """One sample and the plan of the shard that it comes from."""

    entry: IndexEntry
    source: str


@dataclass(frozen=True)
class _Plan:
    """One shard of the selection; samples by key."""

    group: ShardGroup
    number: int
    samples: tuple[_Sample, ...]

    @property
    def paths(self) -> tuple[str, str]:
        """The places of tar and index below the selection's folder."""
        return self.group.paths(self.number)

    @cached_property
    def digest(self) -> str:
        """Name of all that the shard's bytes depend on."""
        samples = [[s.source, *vars(s.entry).values()] for s in self.samples]
        return digest_of("selected", _VERSION, self.paths, samples)


def materialise(root: str, name: str, samples_per_shard: int) -> Materialised:
    """Write the shards of what a selection keeps; those of earlier versions go.

    Raises:
      ConfigError: there is no such selection, or it keeps nothing.
      ArtifactError: it is of other segments than the shards are, or a shard of the
        corpus is missing or damaged.
    """
    stored = stored_selection(root, name, ("key", "keep"))
    if not pc.any(stored.table["keep"]).as_py():
        raise ConfigError(f"selection {name!r}: it keeps nothing, so there is no shard")
    indexes = _indexes(root)
    _check_same_segments(root, name, stored, indexes)
    folder = f"{root}/selected/{name}"
    paths: list[str] = []
    samples = shards = written = 0
    for language, verdicts in _by_language(stored):
        kept = frozenset(verdicts.filter(verdicts["keep"])["key"].to_pylist())
        for plan in _plans(root, indexes[language], kept, samples_per_shard):
            written += _write(plan, root, folder)
            shards, samples = shards + 1, samples + len(plan.samples)
            paths += plan.paths
    removed = remove_stale(folder, paths)
    text = json.dumps(stored.summary, sort_keys=True, ensure_ascii=False, indent=2)
    write_atomic(f"{folder}/selection.json", f"{text}\n".encode())
    return Materialised(folder, samples, shards, written, removed)


_Indexes = dict[str, list[tuple[ShardGroup, int]]]
"""The labeled shards of the corpus, by language."""


def _indexes(root: str) -> _Indexes:
    filesystem, folder = filesystem_of(f"{root}/{FOLDER}/labeled")
    found: _Indexes = {}
    for path in sorted(filesystem.find(folder)):
        match = _INDEX.fullmatch(path.removeprefix(f"{folder}/"))
        if match is not None:
            group = ShardGroup(True, match["language"], match["split"])
            found.setdefault(group.language, []).append((group, int(match["number"])))
    return found


def _by_language(stored: StoredSelection) -> Iterator[tuple[str, pa.Table]]:
    start = 0
    for language, rows in stored.languages:
        yield language, stored.table.slice(start, rows)
        start += rows


def _read_source(root: str, group: ShardGroup, number: int) -> _Source:
    tar_uri, index_uri = (f"{root}/{path}" for path in group.paths(number))
    digest = made_from(tar_uri, index_uri)
    if digest is None:
        raise ArtifactError(
            f"{tar_uri}: the shard is missing, or is not the one that "
            f"{index_uri.rsplit('/', 1)[-1]} describes; say `pericope run` again"
        )
    with local_copy(index_uri) as path:
        return _Source(group, number, digest, pq.read_table(path, partitioning=None))


def _check_same_segments(
    root: str, name: str, stored: StoredSelection, indexes: _Indexes
) -> None:
    """Refuse a selection that was made before the shards changed."""
    verdicts = dict(_by_language(stored))
    for language in sorted({*verdicts, *indexes}):
        sources = (_read_source(root, *place) for place in indexes.get(language, []))
        parts = [source.entries["key"] for source in sources]
        there = pa.chunked_array(parts, pa.string()).sort()
        judged = pa.chunked_array([], pa.string())
        if language in verdicts:
            judged = verdicts[language]["key"]
        if there.equals(judged):
            continue
        samples, keys = set(there.to_pylist()), set(judged.to_pylist())
        without = sorted(samples - keys)[:1] or sorted(keys - samples)[:1]
        raise ArtifactError(
            f"selection {name!r}: it is of other segments than the shards: in "
            f"{language} {len(samples - keys)} samples have no verdict and "
            f"{len(keys - samples)} verdicts no sample (first: {without[0]}); the "
            "corpus has changed since: make it anew with `pericope select`"
        )


def _plans(
    root: str,
    places: Iterable[tuple[ShardGroup, int]],
    kept: frozenset[str],
    samples_per_shard: int,
) -> Iterator[_Plan]:
    """Yield the shards of one language."""
    groups: dict[ShardGroup, list[_Sample]] = {}
    for place in places:
        source = _read_source(root, *place)
        uri = f"{root}/{source.group.paths(source.number)[1]}"
        for entry in INDEX_TABLE.records(source.entries, uri):
            if entry.key in kept:
                sample = _Sample(entry, source.digest)
                groups.setdefault(source.group, []).append(sample)
    for group, samples in sorted(groups.items()):
        count = shard_count(len(samples), samples_per_shard)
        buckets: dict[int, list[_Sample]] = {}
        for sample in sorted(samples, key=lambda sample: sample.entry.key):
            bucket = stable_bucket(sample.entry.key, count)
            buckets.setdefault(bucket, []).append(sample)
        for number, members in sorted(buckets.items()):
            yield _Plan(group, number, tuple(members))


def _write(plan: _Plan, root: str, folder: str) -> bool:
    """Write a shard and its index, unless they are there; tell whether it did."""
    path = plan.paths[0]
    tar_uri, index_uri = (f"{folder}/{path}" for path in plan.paths)
    if made_from(tar_uri, index_uri) == plan.digest:
        return False
    remove(index_uri)  # it never describes another tar
    entries = []
    with writing(tar_uri) as file:
        for key, data in _read_samples(plan, root):
            entries.append(IndexEntry(key, path, file.tell(), len(data)))
            file.write(data)
        # A tar ends with two empty blocks, and with a whole record.
        file.write(bytes(2 * tarfile.BLOCKSIZE))
        file.write(bytes(-file.tell() % tarfile.RECORDSIZE))
        size = file.tell()
    write_index(entries, plan.digest, size, index_uri)
    return True


def _read_samples(plan: _Plan, root: str) -> Iterator[tuple[str, bytes]]:
    filesystem, folder = filesystem_of(root)
    entries = [sample.entry for sample in plan.samples]
    for start in range(0, len(entries), _AT_ONCE):
        some = entries[start : start + _AT_ONCE]
        found = filesystem.cat_ranges(
            [f"{folder}/{entry.shard}" for entry in some],
            [entry.offset for entry in some],
            [entry.offset + entry.length for entry in some],
            on_error="raise",
        )
        for entry, data in zip(some, found, strict=True):
            _check_sample(entry, data, root)
            yield entry.key, data


def _check_sample(entry: IndexEntry, data: bytes, root: str) -> None:
    """Refuse bytes that are not those of the sample."""
    try:
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            first = tar.next()
    except tarfile.TarError:
        first = None
    begins = first is not None and first.name.startswith(f"{entry.key}.")
    if not begins or len(data) != entry.length:
        raise ArtifactError(
            f"{root}/{entry.shard}: expected {entry.key} in {entry.length} bytes from "
            f"{entry.offset}, got {first.name if first else 'no member of a tar'} in "
            f"{len(data)}; delete the shard and say `pericope run` again"
        )
