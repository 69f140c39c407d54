"""Pseudo-labels of a corpus, as the loader needs them."""

import json
import re
from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from models.data.files import files_below, local_copy
from schemas.errors import ArtifactError, ConfigError
from schemas.keys import digest_of
from schemas.labels import LABELS
from schemas.tables import check_schema

_PART = re.compile(r"part-.*\.parquet")
REJECTED = "rejected"
"""Source of a label of a segment with text, which lies in a labeled shard."""


def labeled_languages(corpus: str, name: str) -> tuple[str, ...]:
    """Return the languages that have labels of this name.

    Raises:
      ConfigError: there are no such labels, or they are not finished.
    """
    folder = f"{corpus}/labels/"
    files = [path.removeprefix(folder) for path in files_below(folder[:-1])]
    if f"{name}.json" not in files:
        known = [path[:-5] for path in files if re.fullmatch(r"[^/]+\.json", path)]
        raise ConfigError(
            f"{corpus}: there are no finished labels {name!r} (there are: "
            f"{', '.join(known) or 'none'}); `pericope label` makes them"
        )
    parts = (re.match(rf"{re.escape(name)}/language=([^/]+)/", path) for path in files)
    return tuple(sorted({part[1] for part in parts if part}))


def read_labels(corpus: str, name: str, language: str) -> pa.Table:
    """Return ``key source text split`` of a language's labels.

    Raises:
      ArtifactError: a file is damaged or of another version.
    """
    folder = f"{corpus}/labels/{name}/language={language}"
    files = files_below(folder)
    parts = [_read(path) for path in files if _PART.fullmatch(path.rpartition("/")[2])]
    if not parts:
        raise ArtifactError(
            f"{folder}: expected part-*.parquet, found none; make the labels anew with "
            "`pericope label`"
        )
    return pa.concat_tables(parts)


def check_judged_labels(
    corpus: str, name: str, selection: str, summary: Mapping[str, Any]
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
        with local_copy(path) as copy:
            digest = digest_of(json.loads(copy.read_bytes()))
    except (ValueError, OSError) as error:
        raise ArtifactError(
            f"{path}: damaged ({error}); say `pericope label` again"
        ) from error
    if digest != judged["digest"]:
        raise ArtifactError(
            f"selection {selection!r}: the labels {name!r} have changed since; make it "
            "anew with `pericope select`"
        )


def _summary_path(corpus: str, name: str) -> str:
    return f"{corpus}/labels/{name}.json"


def of_split(labels: pa.Table, split: str) -> pa.Table:
    """Return the labels of a split; "*" is all."""
    return labels if split == "*" else labels.filter(pc.equal(labels["split"], split))


def _read(path: str) -> pa.Table:
    try:
        with local_copy(path) as copy, pq.ParquetFile(copy) as file:
            check_schema(file.schema_arrow, LABELS, path)
            return file.read(["key", "source", "text", "split"])
    except (pa.ArrowInvalid, OSError) as error:
        raise ArtifactError(
            f"{path}: damaged labels ({error}); delete the file and make them anew "
            "with `pericope label`"
        ) from error
