"""The store's files that no list has, and sources against the digests they had."""

import hashlib
import io
import json
import os
import re
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.digests import files_below
from pipelines.fetch_entries import BODY, ENTRY, STAGE, checked_row, local_entry_name
from pipelines.findings import Finding
from pipelines.store import Store, local_copy

_BODY = re.compile(r"store/fetch/../(?P<sha256>[0-9a-f]{64})\.bin")
_READABLE = (".bin", ".json", ".npy", ".npz", ".parquet")
_DAMAGE = (
    *(ValueError, KeyError, TypeError, EOFError, RuntimeError, OSError),
    *(zipfile.BadZipFile, zlib.error, pa.ArrowInvalid),
)


def check_unlisted(root: str, paths: Iterable[str]) -> Iterator[Finding]:
    """Yield those that cannot be read: a run that did not end has written them.

    Bytes of sources are named by their digest; of others the format tells something.
    """
    for path in paths:
        if not path.endswith(_READABLE):
            continue  # clips side by side: the index goes behind them, so all are there
        problem = _fault_of_unlisted(root, path)
        if problem:
            yield Finding.at(path, problem)


def _fault_of_unlisted(root: str, path: str) -> str:
    body = _BODY.fullmatch(path)
    try:
        with local_copy(f"{root}/{path}") as local:
            data = local.read_bytes()
        if body is None:
            _read(path, data)
    except _DAMAGE as error:
        return f"cannot be read ({error})"
    is_other = body is not None and hashlib.sha256(data).hexdigest() != body["sha256"]
    return "its bytes are not those of its name" if is_other else ""


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
    store: Store, told: Callable[[str, int, int], None]
) -> Iterator[Finding]:
    """Yield damaged entries, and local sources that have changed in silence.

    A source that was written again has another size or time: the next run sees to it.
    """
    names = [p for p in files_below(f"{store.root}/store/{STAGE}") if p.endswith(ENTRY)]
    for number, name in enumerate(names, start=1):
        told("sources", number, len(names))
        digest = name.rpartition("/")[2].removesuffix(ENTRY)
        try:
            row = checked_row(store.read_bytes(STAGE, digest, ENTRY))
            path, sha256, size = row["uri"], row["sha256"], row["size_bytes"]
        except (ValueError, KeyError, TypeError, AttributeError, OSError) as error:
            yield Finding.at(
                f"store/{STAGE}/{name}",
                f"is damaged, or of an earlier version ({error!r})",
            )
            continue
        if not os.path.isabs(path):
            body = store.size_bytes(STAGE, sha256, BODY)
            if body is not None and body != size:
                told_size = f"expected {size} bytes, got {body}"
                yield Finding.at(
                    f"store/{STAGE}/{sha256[:2]}/{sha256}{BODY}", told_size
                )
        elif local_entry_name(path) == digest:
            problem = _fault_of_source(path, sha256)
            if problem:
                yield Finding(path, problem, "put the original there again")


def _fault_of_source(path: str, sha256: str) -> str:
    try:
        with open(path, "rb") as file:
            got = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        return f"cannot be read ({error})"
    changed = "its bytes have changed while size and times have not"
    return "" if got == sha256 else changed
