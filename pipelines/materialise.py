"""Shards of a selection alone: its samples are copied, byte for byte.

They have the layout of the corpus's own shards, below ``selected/<name>``: a selection
that keeps everything gives the same tars. What a selection over labels keeps gets the
labels as its texts.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as pads

from pipelines.label_store import labels_dataset, read_summary
from pipelines.selected_shards import (
    Place,
    SelectedSample,
    SelectedShard,
    plan_selected,
    read_source,
    shard_places,
    write_selected,
)
from pipelines.selections import stored_selection
from pipelines.shard_writer import remove_stale
from pipelines.shards import ShardGroup
from pipelines.store import write_atomic
from schemas.errors import ArtifactError, ConfigError
from schemas.keys import digest_of
from schemas.selection import StoredSelection


@dataclass(frozen=True)
class Materialised:
    """The shards of a selection, as they are now."""

    folder: str
    samples: int
    shards: int
    written: int
    """Those that were not there yet."""
    removed_files: int


def materialise(root: str, name: str, samples_per_shard: int) -> Materialised:
    """Write the shards of what a selection keeps; those of earlier versions go.

    Of a selection over labels the copies have the labels as their texts.

    Raises:
      ConfigError: there is no such selection, or it keeps nothing.
      ArtifactError: it is of other segments than the shards are, or a shard of the
        corpus is missing or damaged.
    """
    stored = stored_selection(root, name, ("key", "keep"))
    if not pc.any(stored.table["keep"]).as_py():
        raise ConfigError(f"selection {name!r}: it keeps nothing, so there is no shard")
    labels = stored.summary["rules"].get("labels")
    if labels is None:
        plans = _with_own_text(root, name, stored, samples_per_shard)
    else:
        _check_labels(root, name, labels)
        plans = _with_labels(root, labels["name"], stored, samples_per_shard)
    folder = f"{root}/selected/{name}"
    paths: list[str] = []
    samples = shards = written = 0
    for plan in plans:
        written += write_selected(plan, root, folder)
        shards, samples = shards + 1, samples + len(plan.samples)
        paths += plan.paths
    removed = remove_stale(folder, paths)
    text = json.dumps(stored.summary, sort_keys=True, ensure_ascii=False, indent=2)
    write_atomic(f"{folder}/selection.json", f"{text}\n".encode())
    return Materialised(folder, samples, shards, written, removed)


def _with_own_text(
    root: str, name: str, stored: StoredSelection, samples_per_shard: int
) -> Iterator[SelectedShard]:
    """Yield the shards of segments with text."""
    places = shard_places(root, labeled=True)
    _check_same_segments(root, name, stored, places)
    for language, verdicts in _by_language(stored):
        groups: dict[ShardGroup, list[SelectedSample]] = {}
        kept = frozenset(_kept(verdicts))
        for source in (read_source(root, *place) for place in places[language]):
            for entry in source.records(root):
                if entry.key in kept:
                    sample = SelectedSample(entry, source.digest)
                    groups.setdefault(source.group, []).append(sample)
        yield from plan_selected(groups, samples_per_shard)


def _with_labels(
    root: str, labels: str, stored: StoredSelection, samples_per_shard: int
) -> Iterator[SelectedShard]:
    """Yield the shards of labels; they are among those with text, as they have one."""
    lanes = [shard_places(root, labeled=labeled) for labeled in (False, True)]
    dataset = labels_dataset(root, labels)
    for language, verdicts in _by_language(stored):
        groups: dict[ShardGroup, list[SelectedSample]] = {}
        missing = set(_kept(verdicts))
        own = pads.field("language") == language
        table = dataset.to_table(["key", "text"], filter=own)
        keys, texts = (column.to_pylist() for column in table.columns)
        text_of = dict(zip(keys, texts, strict=True))
        for place in [place for lane in lanes for place in lane.get(language, [])]:
            source = read_source(root, *place)
            group = ShardGroup(True, language, source.group.split)
            for entry in source.records(root):
                if entry.key in missing:
                    missing.remove(entry.key)
                    sample = SelectedSample(entry, source.digest, text_of[entry.key])
                    groups.setdefault(group, []).append(sample)
        if missing:
            raise ArtifactError(
                f"labels {labels!r}: {len(missing)} of {language} have no clip in the "
                f"shards, {min(missing)} first; the corpus has changed since: say "
                "`pericope label` and `pericope select` again"
            )
        yield from plan_selected(groups, samples_per_shard)


def _check_labels(root: str, name: str, labels: dict[str, str]) -> None:
    """Refuse a selection over labels that have changed since."""
    if digest_of(read_summary(root, labels["name"])) != labels["digest"]:
        raise ArtifactError(
            f"selection {name!r}: the labels {labels['name']!r} have changed since; "
            "make it anew with `pericope select`"
        )


def _kept(verdicts: pa.Table) -> list[str]:
    return verdicts.filter(verdicts["keep"])["key"].to_pylist()


def _by_language(stored: StoredSelection) -> Iterator[tuple[str, pa.Table]]:
    start = 0
    for language, rows in stored.languages:
        yield language, stored.table.slice(start, rows)
        start += rows


def _check_same_segments(
    root: str, name: str, stored: StoredSelection, places: dict[str, list[Place]]
) -> None:
    """Refuse a selection that was made before the shards changed."""
    verdicts = dict(_by_language(stored))
    for language in sorted({*verdicts, *places}):
        sources = (read_source(root, *place) for place in places.get(language, []))
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
