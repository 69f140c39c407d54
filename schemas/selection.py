"""A selection's file: a verdict on each segment, and what is said of all of them.

Rows are in the order of the segments table. The summary travels in the file's metadata,
so that verdicts and summary cannot come apart; ``<name>.json`` beside it is a copy for
people.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from schemas.errors import ArtifactError, ConfigError
from schemas.tables import SELECTION, check_schema

SUMMARY_KEY = b"pericope.summary"
LANGUAGES_KEY = b"pericope.languages"


@dataclass(frozen=True)
class StoredSelection:
    """What a selection's file holds."""

    table: pa.Table
    summary: dict[str, Any]
    languages: tuple[tuple[str, int], ...]
    """Languages in the order of the rows, and how many rows each has."""

    def of_language(self, language: str) -> pa.Table:
        """Return the rows of a language, none if it is not there."""
        start = 0
        for code, rows in self.languages:
            if code == language:
                return self.table.slice(start, rows)
            start += rows
        return self.table.slice(0, 0)


def read_stored_selection(
    path: Path, name: str, uri: str, columns: Sequence[str]
) -> StoredSelection:
    """Read a selection.

    Args:
      path: a local file.
      name: the selection's name, for messages.
      uri: where the file belongs, for messages.
      columns: those of SELECTION that are wanted.

    Raises:
      ConfigError: there is no such selection.
      ArtifactError: the file is damaged or of another version.
    """
    try:
        with pq.ParquetFile(path) as file:
            check_schema(file.schema_arrow, SELECTION, uri)
            table = file.read(list(columns))
            notes = file.metadata.metadata or {}
    except FileNotFoundError as error:
        raise no_selection(name, uri) from error
    except (pa.ArrowInvalid, OSError) as error:
        raise _damaged(uri, error) from error
    try:
        summary = json.loads(notes[SUMMARY_KEY])
        languages = tuple((code, n) for code, n in json.loads(notes[LANGUAGES_KEY]))
    except (KeyError, ValueError, TypeError) as error:
        raise _damaged(uri, f"its metadata lack {error}") from error
    if sum(rows for _, rows in languages) != table.num_rows:
        raise _damaged(uri, f"{table.num_rows} rows are not those of its languages")
    return StoredSelection(table, summary, languages)


def no_selection(name: str, uri: str) -> ConfigError:
    """Return the error of a selection that is not there."""
    return ConfigError(
        f"{uri}: there is no selection {name!r}; `pericope select` makes one, and so "
        f"does `pericope run` where it stands under [select.{name}] without "
        "labels"
    )


def _damaged(uri: str, told: object) -> ArtifactError:
    return ArtifactError(
        f"{uri}: damaged selection ({told}); delete it and select again"
    )
