"""What a teacher is to hear: clips of one shard, a few at a time.

The list of a unit's clips lies in the store; its name and a few numbers travel.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow.parquet as pq

from aligner.normalise import normalise_verse
from models.data.labels import REJECTED
from pipelines.label_config import LabelConfig
from pipelines.selections import stored_selection
from pipelines.shard_writer import made_from
from pipelines.shards import FOLDER
from pipelines.store import Store, filesystem_of, local_copy
from pipelines.tables import language_table
from schemas.errors import ArtifactError, ConfigError
from schemas.keys import digest_of
from schemas.selection import StoredSelection
from schemas.tables import INDEX_TABLE, SEGMENT_TABLE, IndexEntry

STAGE = "label_unit"
_SUFFIX = ".json"
TRUSTED_BY = "default"
"""The selection whose texts are taken for what was read."""
_CLIPS = 50
_COLUMNS = "key recording_id split source duration_sec reader text".split()

Row = dict[str, Any]


@dataclass(frozen=True)
class LabelUnit:
    """Some clips of one shard, by the name of their list."""

    language: str
    is_known: bool
    """Their text is known: they show how far the teacher can be trusted."""
    clips: int
    duration_sec: float
    digest: str


@dataclass(frozen=True)
class UnitClip:
    """One clip of a unit, and where it lies."""

    key: str
    recording_id: str
    split: str
    source: str
    reader: str
    text: str
    duration_sec: float
    shard: str
    offset: int
    length: int


def read_selections(root: str, config: LabelConfig) -> Mapping[str, StoredSelection]:
    """Return the selections that say what is labeled and what is known, by name.

    Raises:
      ConfigError: there is no such selection, or it is of labels.
      ArtifactError: it is damaged or of another version.
    """
    wanted = {TRUSTED_BY} if config.known_clips else set()
    names = wanted | ({config.rejected_by} if config.rejected_by else set())
    found = {name: stored_selection(root, name, ("key", "keep")) for name in names}
    for name, stored in found.items():
        if labels := stored.summary["rules"].get("labels"):
            raise ConfigError(
                f"label.rejected_by: expected a selection of segments with text, got "
                f"{name!r}, which is of the labels {labels['name']!r}"
            )
    return found


def plan_units(
    root: str,
    language: str,
    config: LabelConfig,
    splits: Sequence[str],
    selections: Mapping[str, StoredSelection],
) -> list[LabelUnit]:
    """Return the units of one language: what is to be labeled, and what is known.

    Args:
      root: the corpus.
      language: one of its codes.
      config: whether rejected segments are labeled, and how many clips are known.
      splits: those from which known clips may be taken.
      selections: as ``read_selections`` returns them.

    Raises:
      ArtifactError: a shard is missing or damaged, or the corpus has changed since the
        selection was made.
    """
    rows = language_table(root, SEGMENT_TABLE, language, _COLUMNS).to_pylist()
    wanted = {row["key"]: row for row in rows if row["source"]}
    labeled = [row for row in rows if not row["source"]]
    if config.rejected_by:
        for row in _judged(config.rejected_by, labeled, language, selections, False):
            wanted[row["key"]] = {**row, "source": REJECTED}
    known: dict[str, Row] = {}
    if wanted and config.known_clips and labeled:
        kept = _judged(TRUSTED_BY, labeled, language, selections, True)
        candidates = [row for row in kept if row["split"] in splits]
        known = {
            row["key"]: row for row in _known(candidates, language, config.known_clips)
        }
    return [
        unit
        for is_known, chosen in ((False, wanted), (True, known))
        for unit in _units(root, language, chosen, is_known=is_known)
    ]


def read_unit(unit: LabelUnit, store: Store) -> list[UnitClip]:
    """Return the clips of a unit.

    Raises:
      ArtifactError: their list is damaged.
    """
    uri = store.uri(STAGE, unit.digest, _SUFFIX)
    try:
        document = json.loads(store.read_bytes(STAGE, unit.digest, _SUFFIX))
        return [UnitClip(**row) for row in document["clips"]]
    except (ValueError, KeyError, TypeError) as error:
        raise ArtifactError(f"{uri}: damaged ({error}); delete it") from error


def _judged(
    name: str,
    rows: Iterable[Row],
    language: str,
    selections: Mapping[str, StoredSelection],
    keep: bool,
) -> Iterator[Row]:
    """Yield the rows that a selection keeps, or those that it does not."""
    table = selections[name].of_language(language)
    keys, keeps = (table[column].to_pylist() for column in ("key", "keep"))
    verdicts = dict(zip(keys, keeps, strict=True))
    for row in rows:
        if row["key"] not in verdicts:
            raise ArtifactError(
                f"selection {name!r}: it has no verdict on {row['key']}; the corpus "
                "has changed since: make it anew with `pericope select`"
            )
        if verdicts[row["key"]] == keep:
            yield row


def _known(rows: Iterable[Row], language: str, most: int) -> Iterator[Row]:
    """Yield so many clips without numbers, which could be read in any form.

    Recordings take turns, so that there are as many readers as can be.
    """
    turns: dict[str, int] = {}
    places = []
    for row in sorted(rows, key=lambda row: digest_of(row["key"])):
        turn = turns.get(row["recording_id"], 0)
        turns[row["recording_id"]] = turn + 1
        places.append((turn, digest_of(row["key"]), row))
    found = 0
    for *_, row in sorted(places, key=lambda place: place[:2]):
        if found == most:
            return
        if not any(word.is_number for word in normalise_verse(row["text"], language)):
            found += 1
            yield row


def _units(
    root: str, language: str, wanted: Mapping[str, Row], *, is_known: bool
) -> Iterator[LabelUnit]:
    """Find clips in the shards' indexes and pack them."""
    missing = dict(wanted)
    for plan, entries in _indexes(root, language, wanted):
        there = [entry for entry in entries if missing.pop(entry.key, None)]
        for first in range(0, len(there), _CLIPS):
            some = there[first : first + _CLIPS]
            yield _written(root, language, plan, some, wanted, is_known=is_known)
    if missing:
        raise ArtifactError(
            f"{root}/{FOLDER}: expected the clip {min(missing)}, which the table of "
            "segments has, in a shard, got none; say `pericope run` again"
        )


def _indexes(
    root: str, language: str, wanted: Mapping[str, Row]
) -> Iterator[tuple[str, list[IndexEntry]]]:
    """Yield the shards that hold wanted clips: what each was made from, its clips."""
    filesystem, folder = filesystem_of(f"{root}/{FOLDER}")
    for lane in ("labeled", "unlabeled"):
        for path in sorted(filesystem.find(f"{folder}/{lane}/{language}")):
            if not path.endswith(".parquet"):
                continue
            uri = f"{root}/{FOLDER}{path.removeprefix(folder)}"
            with local_copy(uri) as local:
                table = pq.read_table(local, partitioning=None)
            entries = [e for e in INDEX_TABLE.records(table, uri) if e.key in wanted]
            if not entries:
                continue
            plan = made_from(f"{root}/{entries[0].shard}", uri)
            if plan is None:
                raise ArtifactError(
                    f"{root}/{entries[0].shard}: the shard is missing, or is not the "
                    f"one that {path.rsplit('/', 1)[-1]} describes; say `pericope run` "
                    "again"
                )
            yield plan, entries


def _written(
    root: str,
    language: str,
    plan: str,
    entries: Sequence[IndexEntry],
    wanted: Mapping[str, Row],
    *,
    is_known: bool,
) -> LabelUnit:
    clips = [
        UnitClip(
            shard=entry.shard,
            offset=entry.offset,
            length=entry.length,
            **{name: wanted[entry.key][name] for name in _COLUMNS},
        )
        for entry in entries
    ]
    document = {"shard": plan, "clips": [asdict(clip) for clip in clips]}
    digest = digest_of(STAGE, language, is_known, document)
    store = Store(root)
    if not store.has(STAGE, digest, _SUFFIX):
        text = json.dumps(document, ensure_ascii=False, sort_keys=True)
        store.write_bytes(text.encode(), STAGE, digest, _SUFFIX)
    duration_sec = sum(clip.duration_sec for clip in clips)
    return LabelUnit(language, is_known, len(clips), duration_sec, digest)
