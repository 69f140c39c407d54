"""``pericope verify``: is every file of a corpus what was written, and do they agree?

Bytes first: each file is held against its digest, so that one wrong bit is found
anywhere. What is whole is then read: shards, tables, ledger, selections and counts must
fit each other, which a digest does not tell.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from pipelines.addresses import scheme_of
from pipelines.alone import alone_in
from pipelines.digests import (
    DESCRIPTION,
    FOLDER,
    OWN_NAME,
    RUN_FOLDERS,
    Digest,
    digest_of_file,
    files_below,
    is_unlisted,
    list_uri,
    listed_stages,
    read_list,
    stage_list_uri,
)
from pipelines.findings import MISSING, Finding
from pipelines.object_stores import failures_of
from pipelines.store import Store, filesystem_of
from pipelines.verify_shards import check_shards
from pipelines.verify_store import check_fetched, check_unlisted
from pipelines.verify_tables import check_tables
from schemas.errors import ArtifactError

Progress = Callable[[str, int, int], None]
"""Told what is looked at, how much of it is done, and of how much."""
_THREADS = 2
_OTHER_FOLDERS = ("labels", "crossval", "selected")


def verify_corpus(root: str, told: Progress, *, quick: bool = False) -> list[Finding]:
    """Return what is wrong with a corpus, by path; nothing if all is as it should be.

    Args:
      root: the corpus.
      told: hears of the progress.
      quick: look at sizes and structure only; audio and digests are not read.

    Raises:
      ArtifactError: there is no corpus.
      ConfigError: a run is at work on it.
    """
    store = Store(root)
    filesystem, place = filesystem_of(f"{store.root}/{DESCRIPTION}.json")
    if not filesystem.exists(place):
        raise ArtifactError(
            f"{store.root}: expected a finished corpus, found no {DESCRIPTION}.json; "
            "say `pericope run` first, or `pericope status` to see how far it is"
        )
    with alone_in(store.root):
        found = [*_check_folders(store.root, told, quick=quick)]
        found += _check_store(store, told, quick=quick)
        damaged = {finding.path for finding in found}
        shards, keys = check_shards(store.root, damaged, told, quick=quick)
        found += shards
        found += check_tables(store, keys, damaged, quick=quick)
    return sorted(set(found))


def _check_folders(root: str, told: Progress, *, quick: bool) -> Iterator[Finding]:
    for folder in (*RUN_FOLDERS, *_OTHER_FOLDERS):
        names = _names_of(root, folder)
        path = f"{FOLDER}/{folder}.txt"
        try:
            listing = read_list(list_uri(root, folder))
        except ArtifactError:
            yield Finding.at(path, "its last line does not fit the lines above it")
            continue
        if listing is None:
            if names or folder in RUN_FOLDERS:
                yield Finding.at(path, f"{MISSING}: a command did not end")
            continue
        fault = None if quick else partial(_fault, root)
        yield from _compare(names, listing, fault, partial(told, folder))


def _names_of(root: str, folder: str) -> dict[str, int]:
    """Return the files of a folder with their sizes, by their paths in the corpus."""
    if folder == DESCRIPTION:
        filesystem, path = filesystem_of(f"{root}/{DESCRIPTION}.json")
        return {f"{DESCRIPTION}.json": int(filesystem.size(path))}
    found = files_below(f"{root}/{folder}")
    return {f"{folder}/{path}": size for path, size in found.items()}


def _check_store(store: Store, told: Progress, *, quick: bool) -> Iterator[Finding]:
    for stage in listed_stages(store):
        place = f"store/{stage}"
        names = {
            f"{place}/{path}": size
            for path, size in files_below(f"{store.root}/{place}").items()
            if path != OWN_NAME
        }
        try:
            listing = read_list(stage_list_uri(store, stage)) or {}
        except ArtifactError:
            problem = "its last line does not fit the lines above it"
            yield Finding.at(f"{place}/{OWN_NAME}", problem)
            continue
        listed = {f"{place}/{path}": own for path, own in listing.items()}
        known = {path: size for path, size in names.items() if path in listed}
        fault = None if quick else partial(_fault, store.root)
        tell = partial(told, place)
        # What is gone from the store was deleted to be made again, or not to be kept.
        there = {path: own for path, own in listed.items() if path in names}
        yield from _compare(known, there, fault, tell)
        unlisted = [p for p in names if p not in listed and not is_unlisted(stage, p)]
        if not quick:
            yield from check_unlisted(store.root, unlisted)
        if stage == "fetch" and not quick:
            yield from check_fetched(store, told)


def _fault(root: str, path: str, expected: Digest) -> str:
    """Return what is wrong with the bytes of a file, "" if nothing is."""
    try:
        got = digest_of_file(f"{root}/{path}")
    except failures_of(scheme_of(root)) as error:  # a disk may have lost what it got
        return f"cannot be read ({error})"
    return "" if got == expected else "its bytes are not those that were written"


def _compare(
    sizes: dict[str, int],
    listing: dict[str, Digest],
    fault: Callable[[str, Digest], str] | None,
    told: Callable[[int, int], None],
) -> Iterator[Finding]:
    """Hold files against their list; without ``fault`` by their sizes alone."""
    for path in sorted(listing.keys() - sizes.keys()):
        yield Finding.at(path, MISSING)
    for path in sorted(sizes.keys() - listing.keys()):
        yield Finding.at(path, "is in no list of digests")
    both = sorted(sizes.keys() & listing.keys())
    for path in both:
        expected, size = listing[path].size_bytes, sizes[path]
        if expected != size:
            yield Finding.at(path, f"expected {expected} bytes, got {size}")
    if fault is None:
        return
    same = [path for path in both if sizes[path] == listing[path].size_bytes]
    total, done = sum(sizes[path] for path in same), 0
    with ThreadPoolExecutor(_THREADS) as pool:
        problems = pool.map(fault, same, (listing[path] for path in same))
        for path, problem in zip(same, problems, strict=True):
            done += sizes[path]
            told(done, total)
            if problem:
                yield Finding.at(path, problem)
