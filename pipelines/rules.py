"""Rules of a selection: conditions in SQL over the columns of a table.

A rule is parsed by DuckDB, never run as it was written: only comparisons, logic,
arithmetic and a few functions pass, and what runs is DuckDB's own print of them. A rule
of several conditions joined by AND is taken apart, so that each has its own reason.
"""

import difflib
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import duckdb

from pipelines.conditions import RuleCondition
from pipelines.criteria import Rule
from pipelines.judged import WITH_TEXT
from schemas.errors import ConfigError

MAX_CHARACTERS = 10_000
FUNCTIONS = frozenset(
    "abs ceil contains ends_with exp floor greatest isinf isnan least length ln log10 "
    "lower pow regexp_full_match regexp_matches round sqrt starts_with strlen trim "
    "upper + - * / // % ** ^ || ~~ !~~ ~~* !~~*".split()
)
_CLASSES = frozenset(
    "BETWEEN CASE CAST COLUMN_REF COMPARISON CONJUNCTION CONSTANT FUNCTION "
    "OPERATOR TYPE".split()
)
_OPERATORS = frozenset(
    "OPERATOR_NOT OPERATOR_IS_NULL OPERATOR_IS_NOT_NULL OPERATOR_COALESCE COMPARE_IN "
    "COMPARE_NOT_IN".split()
)
_PREFIX = "SELECT (\n"
_NO_LOCATION = 2**64 - 1

Node = dict[str, Any]


def parse_rule(
    rule: Rule,
    connection: duckdb.DuckDBPyConnection,
    columns: Sequence[str] = WITH_TEXT.columns,
) -> list[RuleCondition]:
    """Take a rule apart at its outer ANDs; it may speak of some columns.

    Raises:
      ConfigError: it cannot be read, or is more than a condition over the columns; the
        message shows the place.
    """
    text = rule.text.strip()
    if not text or len(text) > MAX_CHARACTERS:
        raise ConfigError(
            f"rule {rule.name or text[:40]!r}: expected a condition of 1 to "
            f"{MAX_CHARACTERS} characters, such as score > -0.2; got {len(text)}"
        )
    query = f"{_PREFIX}{text}\n)"
    tree = json.loads(_one(connection, "SELECT json_serialize_sql(?)", query))
    if tree["error"]:
        _refuse(text, tree["error_message"], tree.get("position"))
    top = _only_expression(tree, text)
    for node in _nodes(top):
        _check_node(node, text, columns)
    parts = list(_conjuncts(top))
    conditions = []
    for part in parts:
        sql = _printed(tree, part, connection)
        found = {_column(node) for node in _nodes(part) if _is_column(node)}
        looked_at = tuple(name for name in columns if name in found)
        condition = RuleCondition("", sql, looked_at)
        label = condition.shown
        if rule.name:
            label = rule.name if len(parts) == 1 else f"{rule.name}: {label}"
        conditions.append(replace(condition, label=label))
    return conditions


def _one(connection: duckdb.DuckDBPyConnection, query: str, value: str) -> str:
    ((text,),) = connection.execute(query, [value]).fetchall()
    return text


def _only_expression(tree: Node, text: str) -> Node:
    """Return the condition, if the query is nothing but SELECT (condition)."""
    statements = tree["statements"]
    node = statements[0]["node"]
    plain = (
        len(statements) == 1
        and node["type"] == "SELECT_NODE"
        and len(node["select_list"]) == 1
        and node["from_table"]["type"] == "EMPTY"
        and not node["modifiers"]
        and not node["cte_map"]["map"]
        and not node["group_expressions"]
        and not any(node[key] for key in ("where_clause", "having", "qualify"))
        and node["sample"] is None
    )
    if not plain:
        _refuse(text, "more than one condition, or a clause behind it")
    return node["select_list"][0]


def _nodes(value: Any) -> Iterator[Node]:
    """Yield every node of an expression."""
    if isinstance(value, dict):
        if "class" in value:
            yield value
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _nodes(item)


def _is_column(node: Node) -> bool:
    return node["class"] == "COLUMN_REF"


def _column(node: Node) -> str:
    return node["column_names"][-1].lower()


def _check_node(node: Node, text: str, columns: Sequence[str]) -> None:
    place = node.get("query_location")
    kind = node["class"]
    if kind not in _CLASSES or (kind == "OPERATOR" and node["type"] not in _OPERATORS):
        _refuse(
            text,
            f"{kind if kind != 'OPERATOR' else node['type']}; a rule compares columns, "
            "without subqueries, windows, lists or parameters",
            place,
        )
    if kind == "FUNCTION":
        _check_function(node, text)
    if kind == "TYPE" and (node["schema"] or node["catalog"]):
        _refuse(text, f"the type {node['type_name']!r} of a schema", place)
    if _is_column(node):
        _check_column(node, text, columns)


def _check_function(node: Node, text: str) -> None:
    name = node["function_name"]
    if name not in FUNCTIONS or node["schema"] or node["catalog"] or node["filter"]:
        known = " ".join(sorted(name for name in FUNCTIONS if name[0].isalpha()))
        _refuse(
            text,
            f"the function {name!r}; there are {known} and coalesce",
            node.get("query_location"),
        )


def _check_column(node: Node, text: str, columns: Sequence[str]) -> None:
    names = node["column_names"]
    name = _column(node)
    if len(names) == 1 and name in columns:
        return
    close = difflib.get_close_matches(name, columns, n=2)
    hint = f"did you mean {' or '.join(close)}? " if close else ""
    _refuse(
        text,
        f"the unknown column {'.'.join(names)!r}; {hint}Columns: {', '.join(columns)}. "
        f"Text stands in single quotes: '{names[-1]}'",
        node.get("query_location"),
    )


def _conjuncts(node: Node) -> Iterator[Node]:
    if node["type"] == "CONJUNCTION_AND":
        for child in node["children"]:
            yield from _conjuncts(child)
    else:
        yield node


def _printed(tree: Node, part: Node, connection: duckdb.DuckDBPyConnection) -> str:
    """Return a part of the parsed query as DuckDB writes it."""
    statement = tree["statements"][0]
    node = {**statement["node"], "select_list": [part]}
    alone = {**tree, "statements": [{**statement, "node": node}]}
    query = _one(connection, "SELECT json_deserialize_sql(?)", json.dumps(alone))
    return query.removeprefix("SELECT ")


def _refuse(text: str, got: str, position: Any = None) -> None:
    shown = text
    if position is not None and int(position) != _NO_LOCATION:
        at = max(int(position) - len(_PREFIX), 0)
        if at >= len(text):  # at the bracket that we have put behind it
            at, got = len(text), "a syntax error at its end"
        start = text.rfind("\n", 0, at) + 1
        line = text[start:].split("\n", maxsplit=1)[0]
        shown = f"{line}\n{' ' * (at - start)}^"
    raise ConfigError(
        f"rule: expected a condition over the columns, got {got}\n{shown}"
    )
