"""Labels on disk: ``labels/<name>/language=<code>/part-*.parquet`` and a summary.

Rows of a language are by key. ``labels/<name>.json`` is removed first and written last,
and names what is in the parts: where it is, they are whole.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.dataset as pads

from pipelines.plain_json import without_nan
from pipelines.store import filesystem_of, local_copy, remove, write_atomic
from pipelines.tables import damaged, parquet_bytes
from schemas.errors import ArtifactError, ConfigError
from schemas.labels import LABEL_TABLE, LABELS, PseudoLabel
from schemas.tables import check_schema

FOLDER = "labels"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_ROWS_PER_PART = 100_000


def labels_stem(root: str, name: str) -> str:
    """Return the place of a teacher's labels, without an ending.

    Raises:
      ConfigError: the name is not fit for a file.
    """
    if not _NAME.fullmatch(name):
        raise ConfigError(
            f"labels {name!r}: expected 1 to 64 of A-Z a-z 0-9 _ - beginning with a "
            "letter or digit"
        )
    return f"{root}/{FOLDER}/{name}"


def labels_dataset(root: str, name: str) -> pads.Dataset:
    """Return a table of labels, not yet read.

    Raises:
      ConfigError: there are no labels of that name.
      ArtifactError: a file is damaged or of another version.
    """
    stem = labels_stem(root, name)
    files = _files(stem)
    if not files:
        raise _no_labels(stem, name)
    filesystem, _ = filesystem_of(stem)
    dataset = pads.dataset(
        files, schema=LABELS, format="parquet", filesystem=filesystem
    )
    for fragment in dataset.get_fragments():
        try:
            check_schema(fragment.physical_schema, LABELS, fragment.path)
        except pa.ArrowInvalid as error:
            raise damaged(fragment.path, error) from error
    return dataset


def read_summary(root: str, name: str) -> dict[str, Any]:
    """Return what ``labels/<name>.json`` says.

    Raises:
      ConfigError: there are no finished labels of that name.
      ArtifactError: the file is damaged.
    """
    stem = labels_stem(root, name)
    try:
        with local_copy(f"{stem}.json") as path:
            return json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise _no_labels(stem, name) from error
    except ValueError as error:
        raise ArtifactError(
            f"{stem}.json: damaged ({error}); say `pericope label` again"
        ) from error


def _no_labels(stem: str, name: str) -> ConfigError:
    return ConfigError(
        f"{stem}.json: there are no finished labels {name!r}; `pericope label` makes "
        "them"
    )


def write_parts(
    root: str, name: str, language: str, labels: Sequence[PseudoLabel]
) -> str:
    """Write the rows of a language; return what names them.

    The summary goes: it is of other rows, if there was one.
    """
    remove(f"{labels_stem(root, name)}.json")
    stem = f"{labels_stem(root, name)}/language={language}"
    digest, wanted = hashlib.sha256(), set()
    for number, first in enumerate(range(0, max(1, len(labels)), _ROWS_PER_PART)):
        table = LABEL_TABLE.table(labels[first : first + _ROWS_PER_PART])
        data = parquet_bytes(table)
        digest.update(data)
        uri = f"{stem}/part-{number:06d}.parquet"
        write_atomic(uri, data)
        wanted.add(filesystem_of(uri)[1])
    _remove(stem, [path for path in _files(stem) if path not in wanted])
    return digest.hexdigest()


def write_document(root: str, name: str, document: dict[str, Any]) -> None:
    """Write the summary; the parts of languages that it does not have go."""
    stem = labels_stem(root, name)
    kept = {f"language={language}" for language in document["languages"]}
    _remove(stem, [p for p in _files(stem) if p.rsplit("/", 2)[-2] not in kept])
    text = json.dumps(without_nan(document), indent=2, sort_keys=True)
    write_atomic(f"{stem}.json", f"{text}\n".encode())


def _files(uri: str) -> list[str]:
    filesystem, folder = filesystem_of(uri)
    return sorted(p for p in filesystem.find(folder) if p.endswith(".parquet"))


def _remove(uri: str, paths: Iterable[str]) -> None:
    filesystem, _ = filesystem_of(uri)
    for path in paths:
        filesystem.rm_file(path)
