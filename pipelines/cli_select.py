"""``pericope select``."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from schemas.errors import ConfigError

if TYPE_CHECKING:
    from pipelines.config import CorpusConfig
    from pipelines.criteria import Criteria


def select(
    corpus: Annotated[Path, typer.Argument(help="corpus.toml of a finished run")],
    name: Annotated[str, typer.Argument(help="The selection's name.")],
    where: Annotated[
        list[str] | None,
        typer.Option(help="A condition; several must all hold."),
    ] = None,
    lane: Annotated[
        str, typer.Option(help="commercial: source and model must allow that use.")
    ] = "",
    labels: Annotated[
        str,
        typer.Option(help="Judge the labels of this name (`pericope label`) instead."),
    ] = "",
    allow_empty: Annotated[
        bool, typer.Option(help="Write it even if nothing is kept.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the summary as JSON.")
    ] = False,
) -> None:
    """Judge every segment, or every label, by rules over its measured qualities.

    pericope select corpus.toml strict --where "score > -0.1 and confidence > 0.5"

    pericope select corpus.toml open --where "cer < 0.1" --lane commercial

    pericope select corpus.toml trusted --labels default --where "expected_cer < 0.1"

    pericope select corpus.toml default  (by select.default.where)

    Writes selections/NAME.parquet (key, keep, reasons) and NAME.json; no audio is read
    and no shard is touched. Conditions are SQL; text stands in single quotes. A missing
    value keeps nothing unless the rule says so: margin is null or margin > 1.
    """
    from pipelines.alone import alone_in
    from pipelines.config import load_config
    from pipelines.digests import listed_anew
    from pipelines.select import select_segments
    from pipelines.store import Store

    config = load_config(corpus)
    root = Store(config.corpus.output).root
    criteria = _criteria(config, corpus, name, where or [], lane, labels)
    with alone_in(root), listed_anew(root, "selections"):
        selected = select_segments(root, name, criteria, allow_empty=allow_empty)
    for warning in selected.warnings:
        Console(stderr=True).print(f"pericope: {warning}", markup=False)
    if as_json:
        print(json.dumps(selected.summary))
        return
    Console().print(_table(selected.summary))
    version = selected.summary["version"]
    told = "" if selected.is_new else ", as it was"
    print(f"{name}: version {version['number']} ({version['digest'][:12]}){told}")
    if name == "default" and selected.is_new:
        print("the ledger follows with the next `pericope run`")


def _criteria(
    config: "CorpusConfig",
    corpus: Path,
    name: str,
    where: list[str],
    lane: str,
    labels: str,
) -> "Criteria":
    """Return the rules of the command line, or those of the file."""
    from pipelines.criteria import Criteria, Rule, as_lane
    from pipelines.finish import model_threshold
    from pipelines.store import Store

    if not where and not lane and not labels:
        chosen = config.select.get(name)
        if chosen is None:
            raise ConfigError(
                f"selection {name!r}: expected --where CONDITION, such as --where "
                f"'score > -0.1', or a name that stands in {corpus}: "
                f"{', '.join(config.select)}"
            )
        root = Store(config.corpus.output).root
        return chosen.criteria(model_threshold(root) if chosen.needs_threshold else 0.0)
    if name in config.select:
        raise ConfigError(
            f"selection {name!r}: its rules stand in {corpus} ([select.{name}]); leave "
            "--where, --lane and --labels away, or choose another name"
        )
    return Criteria(tuple(Rule(text) for text in where), as_lane(lane), labels)


def _table(summary: dict[str, Any]) -> Table:
    table = Table("language", box=None, header_style="bold")
    for title in ("kept h", "rejected h", "gained h", "lost h"):
        table.add_column(title, justify="right", no_wrap=True)
    changes = summary["change"]["languages"]
    for language, change in changes.items():
        hours = summary["languages"].get(language, {})
        numbers = (
            hours.get("kept_hours", 0.0),
            hours.get("lost_hours", 0.0),
            change["gained_hours"],
            change["lost_hours"],
        )
        table.add_row(language, *(f"{number:.2f}" for number in numbers))
    return table
