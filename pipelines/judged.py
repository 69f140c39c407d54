"""What rules are asked about: the segments with text, or a teacher's labels."""

from dataclasses import dataclass
from itertools import chain

import pyarrow as pa

from models.data.labels import REJECTED
from pipelines.criteria import Criteria
from schemas.labels import LABELS
from schemas.tables import SEGMENTS


@dataclass(frozen=True)
class JudgedTable:
    """Rows for DuckDB, with NULL for NaN, which is the largest number there."""

    columns: tuple[str, ...]
    """What a rule may speak of."""
    source: str
    """FROM of a query."""
    order: str = ""
    """Brings the rows into the order of the table on disk, if they may lose it."""


def judged_table(criteria: Criteria) -> JudgedTable:
    """Return the rows that criteria are about."""
    return LABELED if criteria.labels else WITH_TEXT


def _columns(schema: pa.Schema) -> dict[str, pa.Field]:
    """Return the columns of one value."""
    return {field.name: field for field in schema if not pa.types.is_nested(field.type)}


def _shown(table: str, field: pa.Field) -> str:
    column = f'{table}."{field.name}"'
    if pa.types.is_floating(field.type):
        column = f"nullif({column}, 'nan'::DOUBLE)"
    return f'{column} AS "{field.name}"'


def _with_text() -> JudgedTable:
    own = _columns(SEGMENTS)
    shown = ", ".join(_shown("segments", field) for field in own.values())
    # Only segments without text have a source, and it is quicker to read.
    rows = f"(SELECT {shown} FROM segments WHERE source = '') AS judged"
    return JudgedTable(tuple(own), rows)


def _labeled() -> JudgedTable:
    """Return labels with the columns of their segments that they do not have."""
    own = _columns(LABELS)
    others = {k: v for k, v in _columns(SEGMENTS).items() if k not in own}
    shown = chain(
        (_shown("labels", field) for field in own.values()),
        (_shown("segments", field) for field in others.values()),
    )
    # A key says where a segment begins and ends, not what became of it since.
    rows = (
        f"(SELECT {', '.join(shown)} FROM labels JOIN segments ON "
        "labels.key = segments.key AND labels.language = segments.language "
        "AND labels.split = segments.split AND segments.source = "
        f"CASE labels.source WHEN '{REJECTED}' THEN '' ELSE labels.source END) "
        "AS judged"
    )
    return JudgedTable((*own, *others), rows, " ORDER BY language, key")


WITH_TEXT = _with_text()
LABELED = _labeled()
