"""Tables against each other: keys, the ledger's seconds, selections, counts."""

import json
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import partial

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.align_recording import STAGE as ALIGN
from pipelines.alignment_file import SUFFIX, load_alignment
from pipelines.digests import files_below
from pipelines.findings import Finding
from pipelines.selections import stored_selection
from pipelines.store import Store, local_copy
from pipelines.summary import summarise
from pipelines.tables import languages_of, read_columns, table_dataset
from schemas.errors import ArtifactError, ConfigError
from schemas.tables import ALIGNMENT_TABLE, LEDGER_TABLE, SEGMENT_TABLE

_TABLES = ("alignments/", "segments/", "ledger/", "rejects/")
_DESCRIPTION = "corpus.json"
_COLUMNS = ["recording", "start_sec", "end_sec"]


def check_tables(
    store: Store,
    keys: Mapping[str, Sequence[pa.Array]],
    damaged: Collection[str],
    *,
    quick: bool,
) -> list[Finding]:
    """Hold tables against shards, the store and each other, where all can be read.

    Args:
      store: of the corpus.
      keys: what the indexes of the shards have, by language.
      damaged: files that were found out already.
      quick: leave out what asks for every alignment of the store.
    """
    root = store.root
    if any(path.startswith(_TABLES) for path in damaged):
        return []  # they would be found out again by all that is held against them
    checks = [
        ("ledger", partial(_check_ledger, store, damaged, quick=quick)),
        (_DESCRIPTION, partial(_check_counts, root)),
        ("selections", partial(_check_selections, root, damaged)),
    ]
    if not any(path.startswith("shards/") for path in damaged):
        checks.insert(0, ("shards", partial(_check_keys, root, keys)))
    found: list[Finding] = []
    for name, check in checks:
        if name in damaged:
            continue
        try:
            found += check()
        except (ArtifactError, ConfigError, pa.ArrowInvalid, OSError) as error:
            found.append(Finding.at(name, str(error)))
    return found


def _check_keys(root: str, keys: Mapping[str, Sequence[pa.Array]]) -> Iterator[Finding]:
    """Every segment of the table is one sample of the shards, and the other way."""
    languages = languages_of(root, SEGMENT_TABLE)
    for language in sorted({*languages, *keys}):
        there = _sorted(pa.chunked_array([*keys.get(language, [])], pa.string()))
        rows = pa.chunked_array([], pa.string())
        if language in languages:
            rows = _segments(root, language, ["key"])["key"]
        wanted = _sorted(rows)
        if there.equals(wanted):
            continue
        for one, other, told in (
            (wanted, there, "is in the table and in no shard"),
            (there, wanted, "is in a shard and not in the table"),
        ):
            lost = one.filter(pc.invert(pc.is_in(one, value_set=other)))
            if len(lost):
                yield Finding.at(
                    f"shards/*/{language}", f"{len(lost)} samples: {lost[0]} {told}"
                )


def _segments(root: str, language: str, columns: list[str]) -> pa.Table:
    return table_dataset(root, SEGMENT_TABLE, language).to_table(columns)


def _sorted(keys: pa.ChunkedArray) -> pa.Array:
    whole = keys.combine_chunks()
    return whole.take(pc.sort_indices(whole))


def _check_ledger(
    store: Store, damaged: Collection[str], *, quick: bool
) -> Iterator[Finding]:
    """The entries of a recording follow each other from 0 to its end."""
    root = store.root
    ends = _ledger_ends(root)
    for name, told in ends.faults:
        yield Finding.at("ledger", f"{name}: {told}")
    for language in languages_of(root, SEGMENT_TABLE):
        table = _segments(root, language, ["recording_id", "end_sec"])
        lasts = table.group_by("recording_id").aggregate([("end_sec", "max")])
        for row in lasts.to_pylist():
            end_sec = ends.by_recording.get(row["recording_id"], -1.0)
            if row["end_sec_max"] > end_sec + 1e-6:
                told = (
                    f"a segment ends at {row['end_sec_max']}, the ledger at {end_sec}"
                )
                yield Finding.at("ledger", f"{row['recording_id']}: {told}")
    if not quick:
        yield from _check_durations(store, damaged, ends.by_recording)


def _check_durations(
    store: Store, damaged: Collection[str], ends: Mapping[str, float]
) -> Iterator[Finding]:
    """The ledger ends where the alignment, as long as the sound, does."""
    rows = read_columns(store.root, ALIGNMENT_TABLE, ["recording_id", "digest"])
    for name, digest in sorted({(r["recording_id"], r["digest"]) for r in rows}):
        uri = store.uri(ALIGN, digest, SUFFIX)
        is_damaged = uri.removeprefix(f"{store.root}/") in damaged
        if is_damaged or not store.has(ALIGN, digest, SUFFIX):
            continue  # what is not there is made again if it is needed
        data = store.read_bytes(ALIGN, digest, SUFFIX)
        duration_sec = load_alignment(data, uri).duration_sec
        if ends.get(name) != duration_sec:
            told = f"{name}: ends at {ends.get(name)}, the recording at {duration_sec}"
            yield Finding.at("ledger", told)


class _Ends:
    """Where the ledger ends for each recording, and where it does not tile one."""

    def __init__(self) -> None:
        self.by_recording: dict[str, float] = {}
        self.faults: list[tuple[str, str]] = []


def _ledger_ends(root: str) -> _Ends:
    found = _Ends()
    for batch in table_dataset(root, LEDGER_TABLE).to_batches(columns=_COLUMNS):
        if not len(batch):
            continue
        names = batch["recording"].to_numpy(zero_copy_only=False)
        starts, ends = (batch[name].to_numpy() for name in _COLUMNS[1:])
        _add(found, names, starts, ends)
    return found


def _add(
    found: _Ends,
    names: npt.NDArray[np.object_],
    starts: npt.NDArray[np.float64],
    ends: npt.NDArray[np.float64],
) -> None:
    """Go on with rows in their order: by recording and time within a language."""
    is_first = np.append(True, names[1:] != names[:-1])
    before = np.append(found.by_recording.get(names[0], 0.0), ends[:-1])
    for k in np.flatnonzero(is_first[1:]) + 1:
        before[k] = found.by_recording.get(names[k], 0.0)
    for k in np.flatnonzero((starts != before) | (ends <= starts)):
        told = f"expected an entry from {before[k]}, got {starts[k]} to {ends[k]}"
        found.faults.append((str(names[k]), told))
    is_last = np.append(is_first[1:], True)
    found.by_recording.update(zip(names[is_last], ends[is_last].tolist(), strict=True))


def _check_counts(root: str) -> Iterator[Finding]:
    with local_copy(f"{root}/{_DESCRIPTION}") as path:
        try:
            languages = json.loads(path.read_bytes())["languages"]
        except (ValueError, KeyError, TypeError) as error:
            yield Finding.at(_DESCRIPTION, f"cannot be read ({error!r})")
            return
    for summary in summarise(root):
        counted = {
            "recordings": summary.recordings,
            "rejects": summary.rejects,
            "segments": summary.segments,
            "hours": round(summary.hours, 6),
        }
        told = languages.get(summary.language, {})
        got = {name: told.get(name) for name in counted}
        if got != counted:
            yield Finding.at(
                _DESCRIPTION, f"{summary.language}: the tables have {counted}, it {got}"
            )


def _check_selections(root: str, damaged: Collection[str]) -> Iterator[Finding]:
    """A selection has a verdict on each segment with text, and on nothing else."""
    wanted: pa.Array | None = None
    for path in files_below(f"{root}/selections"):
        name, suffix = os.path.splitext(path)
        place = f"selections/{path}"
        if suffix != ".parquet" or place in damaged:
            continue
        try:
            stored = stored_selection(root, name, ("key",))
        except ArtifactError as error:
            yield Finding.at(place, str(error))
            continue
        if "labels" in stored.summary["rules"]:
            continue  # a run may have made the labels' segments anew since
        if wanted is None:
            table = table_dataset(root, SEGMENT_TABLE).to_table(["key", "source"])
            wanted = _sorted(table.filter(pc.equal(table["source"], ""))["key"])
        if not _sorted(stored.table["key"]).equals(wanted):
            yield Finding.at(
                place, "its keys are not those of the segments with text; were they "
                "cut again since?"
            )  # fmt: skip
