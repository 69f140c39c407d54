"""Shards, read to their last sample, against their indexes and their own rows."""

import io
import json
import tarfile
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import groupby

import pyarrow as pa
import pyarrow.parquet as pq
import soundfile

from pipelines.digests import files_below
from pipelines.findings import Finding
from pipelines.shards import FOLDER
from pipelines.store import filesystem_of, local_copy
from schemas.errors import ArtifactError
from schemas.tables import INDEX_TABLE, SHARD_BYTES_KEY, IndexEntry
from schemas.units import SAMPLE_RATE_HZ, samples_from_sec

_THREADS = 2


def check_shards(
    root: str,
    damaged: Collection[str],
    told: Callable[[str, int, int], None],
    *,
    quick: bool,
) -> tuple[list[Finding], dict[str, list[pa.Array]]]:
    """Look at all shards that are not known to be damaged.

    Returns:
      What is wrong, and the keys that the indexes have, by language.
    """
    names = [f"{FOLDER}/{path}" for path in files_below(f"{root}/{FOLDER}")]
    tars = [path for path in names if path.endswith(".tar")]
    found: list[Finding] = []
    keys: dict[str, list[pa.Array]] = {}
    pairs = [(tar, _index_of(tar)) for tar in tars]
    found += (
        Finding.at(tar, "has no index beside it")
        for tar, index in pairs
        if index not in names and index not in damaged
    )
    whole = [(tar, index) for tar, index in pairs if index in names]
    check = partial(_check_shard, root, damaged, quick=quick)
    with ThreadPoolExecutor(_THREADS) as pool:
        done = pool.map(lambda pair: check(*pair), whole)
        for number, ((tar, _), (own, entries)) in enumerate(
            zip(whole, done, strict=True), start=1
        ):
            found += own
            keys.setdefault(tar.split("/")[2], []).append(entries)
            told("samples", number, len(whole))
    return found, keys


def _index_of(tar: str) -> str:
    folder, _, name = tar.rpartition("/")
    number = name.removesuffix(".tar").rpartition("-")[2]
    return f"{folder}/index-{number}.parquet"


def _check_shard(
    root: str, damaged: Collection[str], tar: str, index: str, *, quick: bool
) -> tuple[list[Finding], pa.Array]:
    """Return what is wrong with a shard, and the keys of its index."""
    none = pa.array([], pa.string())
    if index in damaged:
        return [], none
    try:
        with local_copy(f"{root}/{index}") as path:
            table = pq.read_table(path)
            entries = list(INDEX_TABLE.records(table, index))
    except (pa.ArrowInvalid, OSError, ArtifactError) as error:
        return [Finding.at(index, f"cannot be read: {error}")], none
    keys = table["key"].combine_chunks()
    if tar in damaged:
        return [], keys
    return _check_tar(root, tar, table, entries, quick=quick), keys


def _check_tar(
    root: str, tar: str, table: pa.Table, entries: list[IndexEntry], *, quick: bool
) -> list[Finding]:
    filesystem, place = filesystem_of(f"{root}/{tar}")
    size, noted = filesystem.size(place), table.schema.metadata.get(SHARD_BYTES_KEY)
    if noted is None or int(noted) != size:
        return [Finding.at(tar, f"has {size} bytes, its index is of {noted}")]
    if quick:
        return []
    try:
        with local_copy(f"{root}/{tar}") as path, tarfile.open(path, "r:") as opened:
            return [Finding.at(tar, told) for told in _faults(opened, entries, tar)]
    except (tarfile.TarError, EOFError, OSError) as error:
        return [Finding.at(tar, f"is no whole tar: {error}")]


def _faults(
    tar: tarfile.TarFile, entries: list[IndexEntry], name: str
) -> Iterator[str]:
    """Yield what is wrong with the samples of a tar, in words."""
    samples = groupby(tar, key=lambda member: member.name.rpartition(".")[0])
    expected = iter(entries)
    for key, group in samples:
        members = list(group)
        entry = next(expected, None)
        last = members[-1]
        end = last.offset_data + -(-last.size // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE
        start = members[0].offset
        if entry != IndexEntry(key, name, start, end - start):
            yield f"{key} lies at {start} to {end}, where its index has {entry}"
            return
        files = {m.name.rpartition(".")[2]: _content(tar, m) for m in members}
        yield from (f"{key}: {told}" for told in _sample_faults(key, files))
    if (left := next(expected, None)) is not None:
        yield f"ends before {left.key}, which its index has"


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = tar.extractfile(member)
    return b"" if file is None else file.read()


def _sample_faults(key: str, files: dict[str, bytes]) -> Iterator[str]:
    try:
        row = json.loads(files["json"])
        expected = samples_from_sec(row["duration_sec"])
        if row["key"] != key:
            yield f"its row is that of {row['key']}"
        if files.get("txt", b"").decode() != row["text"]:
            yield "its text is not that of its row"
        samples, rate = soundfile.read(io.BytesIO(files["flac"]), dtype="int16")
    except (KeyError, ValueError, soundfile.LibsndfileError) as error:
        yield f"cannot be read ({error!r})"
        return
    if rate != SAMPLE_RATE_HZ or samples.shape != (expected,):
        yield (
            f"expected {expected} samples at {SAMPLE_RATE_HZ} Hz, got "
            f"{samples.shape} at {rate} Hz"
        )
