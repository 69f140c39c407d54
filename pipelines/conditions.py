"""Conditions of a selection: what DuckDB computes, and the reasons that it stands for.

The outcome of a condition for one segment is a whole number, 0 where it is met.
"""

from dataclasses import dataclass
from typing import Protocol

_TRUE, _FALSE, _MISSING = 0, 1, 2


class Condition(Protocol):
    """One thing that a segment must meet to be kept."""

    @property
    def shown(self) -> str:
        """How messages call it."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns it looks at."""

    @property
    def outcome_sql(self) -> str:
        """The SQL of its outcome, a BIGINT."""

    def reasons(self, outcome: int) -> tuple[str, ...]:
        """Return the reasons that an outcome stands for, none for 0."""


@dataclass(frozen=True)
class RuleCondition:
    """One part of a rule: a segment is kept only where it is true."""

    label: str
    """The reason of a segment for which it is false."""
    sql: str
    columns: tuple[str, ...]
    """In the order of the table."""

    @property
    def shown(self) -> str:
        """The rule as DuckDB writes it."""
        is_whole = self.sql.startswith("(") and self.sql.endswith(")")
        return self.sql[1:-1] if is_whole else self.sql

    @property
    def outcome_sql(self) -> str:
        """0 true, 1 false, else 2 + the sum of 2**k over the missing columns k."""
        missing = "".join(
            f' + {1 << k} * ("{name}" IS NULL)::BIGINT'
            for k, name in enumerate(self.columns)
        )
        return (
            f"(CASE WHEN ({self.sql}) IS NULL THEN {_MISSING}{missing} "
            f"WHEN {self.sql} THEN {_TRUE} ELSE {_FALSE} END)::BIGINT"
        )

    def reasons(self, outcome: int) -> tuple[str, ...]:
        """Return the label, or what is missing."""
        if outcome == _TRUE:
            return ()
        if outcome == _FALSE:
            return (self.label,)
        missing = tuple(
            f"no_{name}"
            for k, name in enumerate(self.columns)
            if (outcome - _MISSING) >> k & 1
        )
        return missing or (f"{self.label}: no value",)


@dataclass(frozen=True)
class LicenceCondition:
    """A column of licences has none of those that are not clean."""

    column: str
    unclean: tuple[str, ...]

    @property
    def shown(self) -> str:
        """What is asked of the column."""
        return f"{self.column} allows commercial use"

    @property
    def columns(self) -> tuple[str, ...]:
        """The one column."""
        return (self.column,)

    @property
    def outcome_sql(self) -> str:
        """The place of the licence among those that are not clean, from 1."""
        texts = ", ".join("'" + text.replace("'", "''") + "'" for text in self.unclean)
        place = f'list_position([{texts}]::VARCHAR[], "{self.column}")'
        return f"coalesce({place}, 0)::BIGINT"

    def reasons(self, outcome: int) -> tuple[str, ...]:
        """Return what stands in the column."""
        if outcome == 0:
            return ()
        return (f"{self.column}: {self.unclean[outcome - 1] or 'not given'}",)
