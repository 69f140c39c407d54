"""``pericope verify``."""

import json
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from pipelines.cli_status import output_of


def verify(
    corpus: Annotated[str, typer.Argument(help="corpus.toml, or the output of a run.")],
    quick: Annotated[
        bool, typer.Option(help="Sizes and structure only: no digest, no audio.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print all findings as JSON.")
    ] = False,
) -> None:
    """Check that a corpus is what was written, to the last bit, and fits together.

    Every file of corpus and store is held against its digest, every shard is read to
    its last sample, and tables, ledger, selections and counts against each other. Exit
    status 1 tells that something is wrong; each finding says what to do.
    """
    from pipelines.verify import verify_corpus

    output = output_of(corpus)
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:.0f} %"),
        TimeRemainingColumn(),
    )
    tasks: dict[str, TaskID] = {}
    disable = as_json or not console.is_terminal
    with Progress(
        *columns, console=console, transient=True, disable=disable
    ) as display:

        def told(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = display.add_task(what, total=total)
            display.update(tasks[what], completed=done, total=total)

        found = verify_corpus(output, told, quick=quick)
    if as_json:
        rows = [asdict(finding) for finding in found]
        print(json.dumps({"output": output, "findings": rows}))
    else:
        for finding in found:
            print(f"{finding.path}: {finding.problem}\n  {finding.remedy}")
        how = "by sizes and structure" if quick else "to the last bit"
        print(f"{len(found)} findings" if found else f"{output}: as it was made, {how}")
    if found:
        raise typer.Exit(1)
