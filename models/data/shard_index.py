"""Where samples lie in shards, read from the indexes beside them."""

import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from models.data.files import local_copy, size_bytes
from models.data.shards import damaged_shard
from schemas.errors import ArtifactError
from schemas.tables import INDEX, SHARD_BYTES_KEY, check_schema

_SHARD = re.compile(r".+-(?P<number>\d{6})\.tar")
_TIMES = r"_(?P<start>[0-9]+)_(?P<end>[0-9]+)$"
_AT_ONCE = 16  # an index is small: over a network the time goes into waiting


class Index(NamedTuple):
    """The samples of some shards, in their order there."""

    key: pa.ChunkedArray
    shard: npt.NDArray[np.uint32]
    """Which of the shards."""
    offset: npt.NDArray[np.int64]
    length: npt.NDArray[np.uint32]

    def at(self, rows: npt.NDArray[np.integer] | npt.NDArray[np.bool_]) -> "Index":
        """Return some of the samples: their numbers, or a truth for each."""
        picked = pa.array(rows)
        choose = pc.filter if pa.types.is_boolean(picked.type) else pc.take
        return Index(
            choose(self.key, picked),
            self.shard[rows],
            self.offset[rows],
            self.length[rows],
        )


def read_index(tars: Sequence[str]) -> Index:
    """Read the indexes of shards.

    Raises:
      ArtifactError: an index is missing, damaged or of another version, its shard is
        not as long as it says, or a key is in two shards.
    """
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        tables = list(pool.map(_read_one, tars))
    counts = [table.num_rows for table in tables]
    whole = pa.concat_tables(tables)
    index = Index(
        whole["key"],
        np.repeat(np.arange(len(tars), dtype=np.uint32), counts),
        whole["offset"].to_numpy(),
        whole["length"].to_numpy().astype(np.uint32),
    )
    _check_once(index, tars)
    return index


def _check_once(index: Index, tars: Sequence[str]) -> None:
    if pc.count_distinct(index.key).as_py() == len(index.key):
        return
    counted = pc.value_counts(index.key)
    twice = counted.filter(pc.greater(counted.field("counts"), 1))[0]["values"]
    rows = np.flatnonzero(pc.equal(index.key, twice).to_numpy())
    first, other = (tars[index.shard[row]] for row in rows[:2])
    raise ArtifactError(
        f"{twice}: in {first} and again in {other}; say `pericope run` again, which "
        "removes what earlier runs left"
    )


def durations_msec(index: Index, tars: Sequence[str]) -> npt.NDArray[np.uint32]:
    """Return how long clips are, which their keys say.

    Raises:
      ArtifactError: a key is not that of a segment.
    """
    times = pc.extract_regex(index.key, _TIMES)
    start, end = (
        pc.struct_field(times, name).cast(pa.int64()) for name in ("start", "end")
    )
    lasts = pc.subtract(end, start)
    is_good = pc.fill_null(pc.greater(lasts, 0), False).to_numpy()
    if not is_good.all():
        row = int(is_good.argmin())
        raise ArtifactError(
            f"{tars[index.shard[row]]}: expected keys <recording_id>_<start msec>_<end "
            f"msec>, got {index.key[row].as_py()!r}; write the shards with `pericope "
            "run`"
        )
    return lasts.to_numpy().astype(np.uint32)


def _read_one(tar: str) -> pa.Table:
    folder, _, name = tar.rpartition("/")
    match = _SHARD.fullmatch(name)
    if match is None:
        raise ArtifactError(
            f"{tar}: expected a name like swh-train-000000.tar; write the shards with "
            "`pericope run`"
        )
    index = f"index-{match['number']}.parquet"
    path = f"{folder}/{index}"
    try:
        with local_copy(path) as copy, pq.ParquetFile(copy) as file:
            check_schema(file.schema_arrow, INDEX, path)
            notes = file.metadata.metadata or {}
            table = file.read(["key", "offset", "length"])
    except FileNotFoundError as error:
        raise damaged_shard(tar, f"no {index} beside it") from error
    except (pa.ArrowInvalid, OSError) as error:
        raise damaged_shard(path, error) from error
    expected, got = int(notes.get(SHARD_BYTES_KEY, -1)), size_bytes(tar)
    if expected != got:
        raise damaged_shard(tar, f"{got} bytes, not the {expected} that {index} says")
    return table.replace_schema_metadata(None)
