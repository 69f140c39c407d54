"""Pseudo-labels of a corpus, as the loader needs them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from schemas.errors import ArtifactError, ConfigError
from schemas.keys import digest_of
from schemas.labels import LABELS
from schemas.tables import check_schema

REJECTED = "rejected"
"""Source of a label of a segment with text, which lies in a labeled shard."""


def labeled_languages(corpus: Path, name: str) -> tuple[str, ...]:
    """Return the languages that have labels of this name.

    Raises:
      ConfigError: there are no such labels, or they are not finished.
    """
    if not _summary_path(corpus, name).is_file():
        known = sorted(path.stem for path in (corpus / "labels").glob("*.json"))
        raise ConfigError(
            f"{corpus}: there are no finished labels {name!r} (there are: "
            f"{', '.join(known) or 'none'}); `pericope label` makes them"
        )
    folders = sorted((corpus / "labels" / name).glob("language=*"))
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


def check_judged_labels(
    corpus: Path, name: str, selection: str, summary: Mapping[str, Any]
) -> None:
    """Refuse a selection of other labels, or of these before they changed.

    Args:
      corpus: a finished corpus.
      name: of its labels.
      selection: of its selection, which may be of segments with text as well.
      summary: what the selection's file says of it.

    Raises:
      ConfigError: it is of other labels.
      ArtifactError: the labels have changed since, or their summary is damaged.
    """
    judged = summary.get("rules", {}).get("labels")
    if judged is None:
        return
    if judged["name"] != name:
        raise ConfigError(
            f"selection {selection!r}: expected one of the labels {name!r}, got one of "
            f"{judged['name']!r}; make it with `pericope select --labels {name}`"
        )
    path = _summary_path(corpus, name)
    try:
        digest = digest_of(json.loads(path.read_bytes()))
    except (ValueError, OSError) as error:
        raise ArtifactError(
            f"{path}: damaged ({error}); say `pericope label` again"
        ) from error
    if digest != judged["digest"]:
        raise ArtifactError(
            f"selection {selection!r}: the labels {name!r} have changed since; make it "
            "anew with `pericope select`"
        )


def _summary_path(corpus: Path, name: str) -> Path:
    return corpus / "labels" / f"{name}.json"


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
