"""Writing shards: tars of the same bytes every time, each with an index beside it.

The index of a shard names the plan it was made from: where the plan is the same,
nothing is written.
"""

import hashlib
import io
import json
import os
import re
import tarfile
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, BinaryIO, cast

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.addresses import local_path_of
from pipelines.plain_json import without_nan
from pipelines.ranges import Piece, read_pieces
from pipelines.shards import FOLDER, ShardPlan
from pipelines.store import (
    filesystem_of,
    local_copy,
    remove,
    write_atomic,
    writing,
)
from schemas.errors import ArtifactError
from schemas.segment import ClipRef
from schemas.tables import (
    INDEX_TABLE,
    SHARD_BYTES_KEY,
    SHARD_SHA256_KEY,
    VERSION_KEY,
    IndexEntry,
    sample_row,
)

_OUR_NAME = re.compile(r".+-\d{6}\.tar|index-\d{6}\.parquet")
_PLAN_KEY = b"pericope.plan"


def write_shard(plan: ShardPlan, root: str) -> bool:
    """Write a shard and its index below the corpus ``root``, unless they are there.

    The index goes last and is removed first, so that it never describes another tar.

    Returns:
      Whether anything was written.

    Raises:
      ArtifactError: a pack is shorter than it should be.
    """
    tar_uri, index_uri = (f"{root}/{path}" for path in plan.paths)
    if made_from(tar_uri, index_uri) == plan.digest:
        return False
    remove(index_uri)
    with writing(tar_uri) as plain_file:
        file = HashingWriter(plain_file)
        entries = []
        # PAX is plain USTAR, but for names of more than 100 characters.
        with tarfile.open(
            fileobj=cast(BinaryIO, file), mode="w", format=tarfile.PAX_FORMAT
        ) as tar:
            for ref, clip in _read_clips(plan.refs):
                offset = tar.offset
                _add_sample(tar, ref, clip)
                key, length = ref.segment.key, tar.offset - offset
                entries.append(IndexEntry(key, plan.path, offset, length))
    write_index(entries, plan.digest, file.size_bytes, file.sha256, index_uri)
    return True


class HashingWriter:
    """Writes to a file from its start and knows what it has written."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._sha256 = hashlib.sha256()
        self.size_bytes = 0

    def write(self, data: bytes) -> int:
        """Write and count."""
        self._sha256.update(data)
        self.size_bytes += len(data)
        return self._file.write(data)

    def tell(self) -> int:
        """Return how much was written."""
        return self.size_bytes

    @property
    def sha256(self) -> str:
        """The digest of all that was written."""
        return self._sha256.hexdigest()


def _add_sample(tar: tarfile.TarFile, ref: ClipRef, clip: bytes) -> None:
    key, text = ref.segment.key, ref.segment.text
    members = {"flac": clip, "json": sample_json(ref)}
    if ref.labeled or text:
        members["txt"] = text.encode()
    for suffix, data in sorted(members.items()):
        tar.addfile(member_of(f"{key}.{suffix}", data), io.BytesIO(data))


def member_of(name: str, data: bytes) -> tarfile.TarInfo:
    """Return the header of a member, the same for the same name and length."""
    member = tarfile.TarInfo(name)  # mtime, uid and gid are 0
    member.size, member.mode = len(data), 0o644
    return member


def _read_clips(refs: Sequence[ClipRef]) -> Iterator[tuple[ClipRef, bytes]]:
    pieces = [Piece(ref.pack, ref.offset, ref.length) for ref in refs]
    for ref, data in zip(refs, read_pieces(pieces), strict=True):
        if len(data) != ref.length:
            start, end = ref.offset, ref.offset + ref.length
            raise ArtifactError(
                f"{ref.pack}: expected bytes {start} to {end} for {ref.segment.key}, "
                f"got {len(data)} of {ref.length}; delete the pack and run again"
            )
        yield ref, data


def sample_json(ref: ClipRef) -> bytes:
    """Return a sample's ``.json``: its ``sample_row``, NaN as null."""
    return row_json(without_nan(sample_row(ref.segment)))


def row_json(row: dict[str, Any]) -> bytes:
    """Return a row without NaN as a sample's ``.json``."""
    text = json.dumps(row, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return text.encode()


def write_index(
    entries: Iterable[IndexEntry],
    plan_digest: str,
    size_bytes: int,
    sha256: str,
    uri: str,
) -> None:
    """Write the index of a shard's samples, with what the shard was made from.

    Args:
      entries: where its samples lie.
      plan_digest: of what it was made from.
      size_bytes: of the tar.
      sha256: of the tar's bytes.
      uri: of the index.
    """
    table = INDEX_TABLE.table(entries)
    notes = {
        _PLAN_KEY: plan_digest.encode(),
        SHARD_BYTES_KEY: str(size_bytes).encode(),
        SHARD_SHA256_KEY: sha256.encode(),
    }
    buffer = io.BytesIO()
    pq.write_table(
        table.replace_schema_metadata({**table.schema.metadata, **notes}),
        buffer,
        compression="zstd",
    )
    write_atomic(uri, buffer.getvalue())


def made_from(tar_uri: str, index_uri: str) -> str | None:
    """Return the digest of the plan that a shard was made from.

    None if it is not there, or if tar and index do not fit each other.
    """
    filesystem, tar_path = filesystem_of(tar_uri)
    try:
        with local_copy(index_uri) as path:
            notes = pq.read_schema(path).metadata or {}
        size = filesystem.info(tar_path)["size"]
    except (FileNotFoundError, pa.ArrowInvalid):  # a damaged index is no index
        return None
    wanted = {
        SHARD_BYTES_KEY: str(size).encode(),
        VERSION_KEY: INDEX_TABLE.schema.metadata[VERSION_KEY],
    }
    has_all = _PLAN_KEY in notes and SHARD_SHA256_KEY in notes
    if not has_all or not wanted.items() <= notes.items():
        return None
    return notes[_PLAN_KEY].decode()


def shard_digest(tar_uri: str) -> tuple[str, int] | None:
    """Return SHA-256 and length of a shard as it was written, by its index."""
    folder, _, name = tar_uri.rpartition("/")
    number = name.removesuffix(".tar").rpartition("-")[2]
    try:
        with local_copy(f"{folder}/index-{number}.parquet") as path:
            notes = pq.read_schema(path).metadata or {}
        return notes[SHARD_SHA256_KEY].decode(), int(notes[SHARD_BYTES_KEY])
    except (FileNotFoundError, pa.ArrowInvalid, KeyError):
        return None


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
