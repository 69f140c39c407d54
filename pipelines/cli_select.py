"""``pericope select``."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from schemas.errors import ConfigError


def select(
    corpus: Annotated[Path, typer.Argument(help="corpus.toml of a finished run")],
    name: Annotated[str, typer.Argument(help="The selection's name.")],
    where: Annotated[
        list[str] | None,
        typer.Option(help="A condition; several must all hold."),
    ] = None,
    allow_empty: Annotated[
        bool, typer.Option(help="Write it even if nothing is kept.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the summary as JSON.")
    ] = False,
) -> None:
    """Judge every segment anew by rules over its measured qualities.

    pericope select corpus.toml strict --where "score > -0.1 and confidence > 0.5"

    pericope select corpus.toml read --where "chars_per_sec between 5 and 25"

    Writes selections/NAME.parquet (key, keep, reasons) and NAME.json; no audio is read
    and no shard is touched. Conditions are SQL; text stands in single quotes. A missing
    value keeps nothing unless the rule says so: margin is null or margin > 1.
    """
    from pipelines.alone import alone_in
    from pipelines.config import load_config
    from pipelines.rules import Rule
    from pipelines.select import select_segments
    from pipelines.store import Store

    config = load_config(corpus)
    if name in config.select:
        raise ConfigError(
            f"selection {name!r}: its rule stands in {corpus} ([select.{name}]) and "
            "`pericope run` makes it; choose another name for --where"
        )
    if not where:
        raise ConfigError(
            f"selection {name!r}: expected --where CONDITION, such as "
            "--where 'score > -0.1'"
        )
    root = Store(config.corpus.output).root
    rules = [Rule(text) for text in where]
    with alone_in(root):
        selected = select_segments(root, name, rules, allow_empty=allow_empty)
    for warning in selected.warnings:
        Console(stderr=True).print(f"pericope: {warning}", markup=False)
    if as_json:
        print(json.dumps(selected.summary))
        return
    Console().print(_table(selected.summary))
    version = selected.summary["version"]
    told = "" if selected.is_new else ", as it was"
    print(f"{name}: version {version['number']} ({version['digest'][:12]}){told}")


def _table(summary: dict[str, Any]) -> Table:
    table = Table("language", box=None, header_style="bold")
    for title in ("kept h", "rejected h", "gained h", "lost h"):
        table.add_column(title, justify="right", no_wrap=True)
    changes = summary["change"]["languages"]
    for language, hours in summary["languages"].items():
        change = changes[language]
        numbers = (
            hours["kept_hours"],
            hours["lost_hours"],
            change["gained_hours"],
            change["lost_hours"],
        )
        table.add_row(language, *(f"{number:.2f}" for number in numbers))
    return table
