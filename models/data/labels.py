"""Pseudo-labels of a corpus, as the loader needs them."""

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from schemas.errors import ArtifactError, ConfigError
from schemas.labels import LABELS
from schemas.tables import check_schema

REJECTED = "rejected"
"""Source of a label of a segment with text, which lies in a labeled shard."""


def labeled_languages(corpus: Path, name: str) -> tuple[str, ...]:
    """Return the languages that have labels of this name.

    Raises:
      ConfigError: there are no such labels.
    """
    folders = sorted((corpus / "labels" / name).glob("language=*"))
    if not folders:
        known = sorted(path.name for path in (corpus / "labels").glob("*"))
        raise ConfigError(
            f"{corpus}: there are no labels {name!r} (there are: "
            f"{', '.join(known) or 'none'}); `pericope label` makes them"
        )
    return tuple(folder.name.removeprefix("language=") for folder in folders)


def read_labels(corpus: Path, name: str, language: str) -> pa.Table:
    """Return ``key source text split`` of a language's labels.

    Raises:
      ArtifactError: a file is damaged or of another version.
    """
    folder = corpus / "labels" / name / f"language={language}"
    parts = [_read(path) for path in sorted(folder.glob("part-*.parquet"))]
    if not parts:
        raise ArtifactError(
            f"{folder}: expected part-*.parquet, found none; make the labels anew with "
            "`pericope label`"
        )
    return pa.concat_tables(parts)


def of_split(labels: pa.Table, split: str) -> pa.Table:
    """Return the labels of a split; "*" is all."""
    return labels if split == "*" else labels.filter(pc.equal(labels["split"], split))


def _read(path: Path) -> pa.Table:
    try:
        with pq.ParquetFile(path) as file:
            check_schema(file.schema_arrow, LABELS, str(path))
            return file.read(["key", "source", "text", "split"])
    except (pa.ArrowInvalid, OSError) as error:
        raise ArtifactError(
            f"{path}: damaged labels ({error}); delete the file and make them anew "
            "with `pericope label`"
        ) from error
