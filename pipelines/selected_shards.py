"""Shards of samples that are copied out of the corpus's own shards.

A shard names the samples that it was made from and the shards that these came from;
where they are the same, it stays as it is.
"""

import io
import json
import re
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import pyarrow as pa
import pyarrow.parquet as pq

from models.data.labels import REJECTED
from pipelines.ranges import Piece, read_pieces
from pipelines.shard_writer import (
    HashingWriter,
    made_from,
    member_of,
    row_json,
    write_index,
)
from pipelines.shards import FOLDER, ShardGroup, shard_count
from pipelines.store import filesystem_of, local_copy, remove, writing
from schemas.errors import ArtifactError
from schemas.keys import digest_of, stable_bucket
from schemas.tables import INDEX_TABLE, IndexEntry

_VERSION = 1
_INDEX = re.compile(
    r"(?P<language>[^/]+)/(?P<split>[^/]+)/index-(?P<number>\d{6})\.parquet"
)

Place = tuple[ShardGroup, int]
"""A shard of the corpus: its group and its number."""


@dataclass(frozen=True)
class SourceShard:
    """One shard of the corpus."""

    group: ShardGroup
    number: int
    digest: str
    """Of its plan."""
    entries: pa.Table
    """Its index."""

    def records(self, root: str) -> Iterator[IndexEntry]:
        """Yield where its samples lie."""
        uri = f"{root}/{self.group.paths(self.number)[1]}"
        return INDEX_TABLE.records(self.entries, uri)


@dataclass(frozen=True)
class SelectedSample:
    """One sample and the plan of the shard that it comes from."""

    entry: IndexEntry
    source: str
    text: str | None = None
    """What the copy's text is to be; None: as it was."""


@dataclass(frozen=True)
class SelectedShard:
    """One shard of the selection; samples by key."""

    group: ShardGroup
    number: int
    samples: tuple[SelectedSample, ...]

    @property
    def paths(self) -> tuple[str, str]:
        """The places of tar and index below the selection's folder."""
        return self.group.paths(self.number)

    @cached_property
    def digest(self) -> str:
        """Name of all that the shard's bytes depend on."""
        samples = [
            [s.source, *vars(s.entry).values(), *([] if s.text is None else [s.text])]
            for s in self.samples
        ]
        return digest_of("selected", _VERSION, self.paths, samples)


def shard_places(root: str, *, labeled: bool) -> dict[str, list[Place]]:
    """Return the shards of one lane of a corpus, by language."""
    lane = "labeled" if labeled else "unlabeled"
    filesystem, folder = filesystem_of(f"{root}/{FOLDER}/{lane}")
    found: dict[str, list[Place]] = {}
    for path in sorted(filesystem.find(folder)):
        match = _INDEX.fullmatch(path.removeprefix(f"{folder}/"))
        if match is not None:
            group = ShardGroup(labeled, match["language"], match["split"])
            found.setdefault(group.language, []).append((group, int(match["number"])))
    return found


def read_source(root: str, group: ShardGroup, number: int) -> SourceShard:
    """Return a shard of the corpus.

    Raises:
      ArtifactError: it is missing or damaged.
    """
    tar_uri, index_uri = (f"{root}/{path}" for path in group.paths(number))
    digest = made_from(tar_uri, index_uri)
    if digest is None:
        raise ArtifactError(
            f"{tar_uri}: the shard is missing, or is not the one that "
            f"{index_uri.rsplit('/', 1)[-1]} describes; say `pericope run` again"
        )
    with local_copy(index_uri) as path:
        return SourceShard(
            group, number, digest, pq.read_table(path, partitioning=None)
        )


def plan_selected(
    samples: Mapping[ShardGroup, Iterable[SelectedSample]], samples_per_shard: int
) -> Iterator[SelectedShard]:
    """Yield the shards that some samples go to, by their groups there."""
    for group, members in sorted(samples.items()):
        ordered = sorted(members, key=lambda sample: sample.entry.key)
        count = shard_count(len(ordered), samples_per_shard)
        buckets: dict[int, list[SelectedSample]] = {}
        for sample in ordered:
            bucket = stable_bucket(sample.entry.key, count)
            buckets.setdefault(bucket, []).append(sample)
        for number, some in sorted(buckets.items()):
            yield SelectedShard(group, number, tuple(some))


def write_selected(plan: SelectedShard, root: str, folder: str) -> bool:
    """Write a shard and its index, unless they are there; tell whether it did."""
    path = plan.paths[0]
    tar_uri, index_uri = (f"{folder}/{path}" for path in plan.paths)
    if made_from(tar_uri, index_uri) == plan.digest:
        return False
    remove(index_uri)  # it never describes another tar
    entries = []
    with writing(tar_uri) as plain_file:
        file = HashingWriter(plain_file)
        for sample, read in _read_samples(plan, root):
            key = sample.entry.key
            data = read if sample.text is None else _with_label(read, key, sample.text)
            entries.append(IndexEntry(key, path, file.tell(), len(data)))
            file.write(data)
        # A tar ends with two empty blocks, and with a whole record.
        file.write(bytes(2 * tarfile.BLOCKSIZE))
        file.write(bytes(-file.tell() % tarfile.RECORDSIZE))
    write_index(entries, plan.digest, file.size_bytes, file.sha256, index_uri)
    return True


def _with_label(data: bytes, key: str, text: str) -> bytes:
    """Return a sample with a label for its text, and a row that says so.

    A clip whose own text was rejected loses that, its words and its romanised letters.
    """
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        read = {member.name: tar.extractfile(member) for member in tar}
        members = {name: file.read() for name, file in read.items() if file}
    members[f"{key}.txt"] = text.encode()
    row = json.loads(members[f"{key}.json"])
    row |= {"text": text, "romanised": "", "words": []}
    row["source"] = row["source"] or REJECTED
    members[f"{key}.json"] = row_json(row)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, content in sorted(members.items()):
            tar.addfile(member_of(name, content), io.BytesIO(content))
        length = tar.offset
    return buffer.getvalue()[:length]


def _read_samples(
    plan: SelectedShard, root: str
) -> Iterator[tuple[SelectedSample, bytes]]:
    entries = [sample.entry for sample in plan.samples]
    pieces = [Piece(f"{root}/{e.shard}", e.offset, e.length) for e in entries]
    for sample, data in zip(plan.samples, read_pieces(pieces), strict=True):
        _check_sample(sample.entry, data, root)
        yield sample, data


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
