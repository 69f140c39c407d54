"""Lists of SHA-256 digests, by which `pericope verify` finds a single wrong bit.

``digests/<folder>.txt`` lists a folder of the corpus, ``store/<stage>/digests.txt``
what the store has of a stage. A line is ``<sha256> <bytes> <path>``; the last one is
that of all lines above it, so that a list is checked by itself. A folder's list is
removed before its files change and written after them.
"""

import hashlib
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

from pipelines.addresses import local_path_of
from pipelines.fetch_entries import ENTRY, STAGE
from pipelines.shard_writer import shard_digest
from pipelines.store import Store, filesystem_of, local_copy, write_atomic
from schemas.errors import ArtifactError

FOLDER = "digests"
OWN_NAME = "digests.txt"
DESCRIPTION = "corpus"
"""Lists corpus.json, which is in no folder."""
RUN_FOLDERS = (
    *("alignments", "segments", "ledger", "rejects", "calibration"),
    *("selections", "shards", DESCRIPTION),
)
"""What a run writes; other commands list what they write themselves."""
# Their results may change under the same name: a clip that could not be read is heard
# again. The labels that are made of them are listed.
_UNLISTED_STAGES = frozenset({"label"})
_UNFINISHED = re.compile(r".*/unfinished/.*|.*/\.tmp-[0-9a-f]{16}")
_LINE = re.compile(r"([0-9a-f]{64}) (\d+) (.+)")
_THREADS = 2


@dataclass(frozen=True)
class Digest:
    """What a file's bytes are."""

    sha256: str
    size_bytes: int


Listing: TypeAlias = Mapping[str, Digest]
"""Digests by path below the corpus, or below the store's stage."""


def is_unlisted(stage: str, path: str) -> bool:
    """Tell whether a file may change: entries of sources have a digest in them."""
    return stage == STAGE and path.endswith(ENTRY)


def digest_of_file(uri: str) -> Digest:
    """Read a file and return what it is.

    Raises:
      FileNotFoundError: there is none.
    """
    filesystem, path = filesystem_of(uri)
    size, found = 0, hashlib.sha256()
    with filesystem.open(path, "rb", block_size=1 << 22) as file:
        while block := file.read(1 << 20):
            found.update(block)
            size += len(block)
    return Digest(found.hexdigest(), size)


def files_below(uri: str) -> dict[str, int]:
    """Return the sizes of all files in a folder by their paths in it, in order.

    What is not finished and what processes are writing is left out.
    """
    local = local_path_of(uri)
    if local is not None:
        found = dict(_local_files(local))
        start = len(local.rstrip("/")) + 1
    else:
        filesystem, folder = filesystem_of(uri)
        start = len(folder.rstrip("/")) + 1
        there = filesystem.find(folder, detail=True)
        found = {path: int(about["size"]) for path, about in there.items()}
    return {
        path[start:]: size
        for path, size in sorted(found.items())
        if not _UNFINISHED.fullmatch(path[start - 1 :])
    }


def _local_files(folder: str) -> Iterator[tuple[str, int]]:
    """Yield paths and sizes; a store of a large corpus has a million files."""
    try:
        entries = list(os.scandir(folder))
    except FileNotFoundError:
        return  # there is no such folder
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield from _local_files(entry.path)
            continue
        with suppress(FileNotFoundError):  # one that got its name just now, or lost it
            yield entry.path, entry.stat().st_size


def list_uri(root: str, folder: str) -> str:
    """Return where the list of a folder is."""
    return f"{root}/{FOLDER}/{folder}.txt"


def write_list(uri: str, listing: Listing) -> None:
    """Write a list; the same digests give the same bytes."""
    lines = [
        f"{digest.sha256} {digest.size_bytes} {path}\n"
        for path, digest in sorted(listing.items())
    ]
    above = "".join(lines).encode()
    own = Digest(hashlib.sha256(above).hexdigest(), len(above))
    write_atomic(uri, above + f"{own.sha256} {own.size_bytes} {OWN_NAME}\n".encode())


def read_list(uri: str) -> dict[str, Digest] | None:
    """Read a list; None if there is none.

    Raises:
      ArtifactError: it is damaged.
    """
    try:
        with local_copy(uri) as path:
            data = path.read_bytes()
    except FileNotFoundError:
        return None
    head, newline, last = data.removesuffix(b"\n").rpartition(b"\n")
    above = head + newline
    own = Digest(hashlib.sha256(above).hexdigest(), len(above))
    expected = f"{own.sha256} {own.size_bytes} {OWN_NAME}\n"
    if f"{last.decode('latin-1')}\n" != expected or not data.endswith(b"\n"):
        raise ArtifactError(
            f"{uri}: expected a last line that fits the lines above it, got another; "
            "delete it and say `pericope run` again"
        )
    rows = (_LINE.fullmatch(line) for line in above.decode().splitlines())
    return {row[3]: Digest(row[1], int(row[2])) for row in rows if row}


def _whole_list(uri: str) -> dict[str, Digest] | None:
    """Return a list, None if there is none or a damaged one."""
    try:
        return read_list(uri)
    except ArtifactError:
        return None


def list_folder(root: str, folder: str) -> None:
    """Write the list of one folder of a corpus; the digests of tars are known."""
    if folder == DESCRIPTION:
        filesystem, path = filesystem_of(f"{root}/{DESCRIPTION}.json")
        names = [f"{DESCRIPTION}.json"] if filesystem.exists(path) else []
    else:
        names = [f"{folder}/{path}" for path in files_below(f"{root}/{folder}")]
    listing = _digests(names, partial(_digest_in_corpus, root))
    write_list(list_uri(root, folder), listing)


@contextmanager
def run_listed(root: str, store: Store) -> Iterator[None]:
    """Write the lists of a run that the block makes, like ``listed_anew``.

    Of the store only what is new is read.
    """
    forget_missing(store)
    with listed_anew(root, *RUN_FOLDERS):
        yield
        for stage in listed_stages(store):
            _list_stage(store, stage)


@contextmanager
def listed_anew(root: str, *folders: str) -> Iterator[None]:
    """Delete the lists of folders that the block changes, and write them at its end.

    After an error they are as they were: what is damaged is not listed as it is.
    """
    uris = [list_uri(root, folder) for folder in folders]
    before = {uri: _whole_list(uri) for uri in uris}
    for uri in uris:
        filesystem, path = filesystem_of(uri)
        if filesystem.exists(path):
            filesystem.rm_file(path)
    try:
        yield
    except BaseException:
        for uri, listing in before.items():
            if listing is not None:
                write_list(uri, listing)
        raise
    for folder in folders:
        list_folder(root, folder)


def listed_stages(store: Store) -> list[str]:
    """Return the stages that the store has and whose results are listed."""
    filesystem, folder = filesystem_of(f"{store.root}/store")
    if not filesystem.isdir(folder):
        return []
    names = {
        path.rstrip("/").rsplit("/", 1)[-1] for path in filesystem.ls(folder, False)
    }
    return sorted(names - _UNLISTED_STAGES)


def stage_list_uri(store: Store, stage: str) -> str:
    """Return where the list of a stage is."""
    return f"{store.root}/store/{stage}/{OWN_NAME}"


def forget_missing(store: Store) -> None:
    """Take out of the store's lists what was deleted.

    Called before a run: what it then makes again is read again, whatever was listed. A
    damaged list is deleted, and all of it read again.
    """
    for stage in listed_stages(store):
        uri = stage_list_uri(store, stage)
        there = files_below(f"{store.root}/store/{stage}")
        if OWN_NAME not in there:
            continue
        listing = _whole_list(uri)
        if listing is None:
            filesystem, path = filesystem_of(uri)
            filesystem.rm_file(path)
            continue
        kept = {path: own for path, own in listing.items() if path in there}
        if len(kept) < len(listing):
            write_list(uri, kept)


def _list_stage(store: Store, stage: str) -> None:
    """Add what is new to the list of a stage; results never change."""
    uri = stage_list_uri(store, stage)
    folder = f"{store.root}/store/{stage}"
    names = [
        path
        for path in files_below(folder)
        if path != OWN_NAME and not is_unlisted(stage, path)
    ]
    listing = read_list(uri) or {}
    known = {path: listing[path] for path in names if path in listing}
    new = _digests(
        [path for path in names if path not in known],
        lambda path: digest_of_file(f"{folder}/{path}"),
    )
    if new or len(known) < len(listing):
        write_list(uri, {**known, **new})


def _digests(names: Sequence[str], read: Callable[[str], Digest]) -> dict[str, Digest]:
    with ThreadPoolExecutor(_THREADS) as pool:
        return dict(zip(names, pool.map(read, names), strict=True))


def _digest_in_corpus(root: str, path: str) -> Digest:
    if path.endswith(".tar"):
        known = shard_digest(f"{root}/{path}")
        if known is not None:
            return Digest(*known)
    return digest_of_file(f"{root}/{path}")
