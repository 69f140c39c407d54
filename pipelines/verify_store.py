"""The store's files that no list has, and sources against the digests they had."""

import hashlib
import io
import json
import os
import re
import zipfile
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.digests import files_below
from pipelines.fetch import local_entry_name
from pipelines.findings import Finding
from pipelines.store import Store, local_copy

_BODY = re.compile(r"store/fetch/../(?P<sha256>[0-9a-f]{64})\.bin")
_READABLE = (".bin", ".json", ".npy", ".npz", ".parquet")
_DAMAGE = (
    *(ValueError, KeyError, TypeError, EOFError, RuntimeError),
    *(zipfile.BadZipFile, zlib.error, pa.ArrowInvalid),
)


def check_unlisted(root: str, paths: Iterable[str]) -> Iterator[Finding]:
    """Yield those that cannot be read: a run that did not end has written them.

    Bytes of sources are named by their digest; of others the format tells something.
    """
    for path in paths:
        if not path.endswith(_READABLE):
            continue  # clips side by side: the index goes behind them, so all are there
        with local_copy(f"{root}/{path}") as local:
            data = local.read_bytes()
        body = _BODY.fullmatch(path)
        if body:
            if hashlib.sha256(data).hexdigest() != body["sha256"]:
                yield Finding.at(path, "its bytes are not those of its name")
            continue
        try:
            _read(path, data)
        except _DAMAGE as error:
            yield Finding.at(path, f"cannot be read ({error})")


def _read(path: str, data: bytes) -> None:
    if path.endswith(".json"):
        json.loads(data)
    elif path.endswith(".npy"):
        np.lib.format.read_array(io.BytesIO(data), allow_pickle=False)
    elif path.endswith(".npz"):
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            for name in arrays.files:
                arrays[name]
    elif path.endswith(".parquet"):
        pq.read_table(io.BytesIO(data))


def check_fetched(
    store: Store, damaged: Collection[str], told: Callable[[str, int, int], None]
) -> Iterator[Finding]:
    """Yield local sources whose bytes have changed though nothing says so.

    One that was written again has another size or time; the next run looks at it.
    """
    folder = f"{store.root}/store/fetch"
    names = [path for path in files_below(folder) if path.endswith(".json")]
    for number, name in enumerate(names, start=1):
        told("sources", number, len(names))
        if f"store/fetch/{name}" in damaged:
            continue
        digest = name.rpartition("/")[2].removesuffix(".json")
        try:
            entry = json.loads(store.read_bytes("fetch", digest, ".json"))
            path, sha256 = str(entry["uri"]), str(entry["sha256"])
        except (ValueError, KeyError, TypeError):
            continue  # found as a file that cannot be read
        if not os.path.isabs(path) or local_entry_name(path) != digest:
            continue
        with open(path, "rb") as file:
            got = hashlib.file_digest(file, "sha256").hexdigest()
        if got != sha256:
            yield Finding(
                path,
                "its bytes have changed while size and times have not",
                "put the original there again",
            )
