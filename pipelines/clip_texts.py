"""What is said in the clips of some shards, read from the corpus's tables.

Nothing is opened but Parquet: a look at all texts before a training costs seconds, not
the time in which all audio is read.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow.compute as pc

from models.data import ClipText, SpeechShards
from models.data.kept_clips import KeptSamples, kept_samples
from models.data.labels import REJECTED
from pipelines.tables import has_table, language_table
from schemas.errors import ArtifactError
from schemas.tables import SEGMENT_TABLE
from schemas.units import samples_from_sec, sec_from_samples

_COLUMNS = "key text source star_sec start_sec end_sec".split()


@dataclass(frozen=True)
class ListedClip:
    """A ``ClipText`` from the tables: what ``Clip`` would tell of it."""

    key: str
    language: str
    duration_sec: float
    text: str
    source: str
    star_sec: float


def clip_texts(source: SpeechShards) -> Iterator[ClipText]:
    """Yield every kept clip of a source once, without audio, in the shards' own order.

    Shards without tables, as `pericope shards` copies them, have their texts in the
    tars alone, and these are read.

    Raises:
      ConfigError: there are no such shards, selection or labels.
      ArtifactError: shards, indexes, tables, labels and selection do not fit each
        other, or one of them is damaged.
    """
    if not has_table(source.root, SEGMENT_TABLE):
        yield from source.in_order()
        return
    for kept in kept_samples(source):
        yield from _listed(source, kept)


def _listed(source: SpeechShards, kept: KeptSamples) -> Iterator[ListedClip]:
    table = language_table(source.root, SEGMENT_TABLE, kept.language, _COLUMNS)
    rows = pc.index_in(kept.samples.key, value_set=table["key"])
    if rows.null_count:
        key = kept.samples.key.filter(pc.is_null(rows))[0].as_py()
        raise ArtifactError(
            f"{source.root}: expected {key} of its shards in the table of segments, "
            "found it not there; say `pericope run` again"
        )
    place = 0
    for batch in table.take(rows).to_batches():
        for row in batch.to_pylist():
            text, origin = row["text"], row["source"]
            if kept.texts is not None:
                text = kept.texts[place].as_py()
                origin = REJECTED if kept.is_rejected[place] else origin
            first, end = (samples_from_sec(row[f"{at}_sec"]) for at in ("start", "end"))
            yield ListedClip(
                row["key"],
                kept.language,
                sec_from_samples(end - first),
                text,
                origin,
                row["star_sec"],
            )
            place += 1
