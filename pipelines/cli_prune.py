"""``pericope prune``."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.filesize import decimal
from rich.table import Table


def prune(
    corpus: Annotated[Path, typer.Argument(help="corpus.toml")],
    delete: Annotated[
        bool, typer.Option("--delete", help="Delete it; else it is only told.")
    ] = False,
    missing_too: Annotated[
        bool,
        typer.Option(
            "--missing-too",
            help="Delete also what belongs to recordings whose sources are not there.",
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Find what the store has of earlier texts, models and settings; delete it if told.

    What the next run of this corpus.toml would use stays, emissions included where they
    are to be kept, and so do results of other commands. Nothing outside the store is
    touched. A run at work on the corpus is not disturbed: prune refuses.
    """
    from pipelines.config import load_config
    from pipelines.job import prepare_job
    from pipelines.prune import prune_store

    job = prepare_job(load_config(corpus))
    found = prune_store(job, delete=delete, missing_too=missing_too)
    if as_json:
        rows = [asdict(stage) for stage in found]
        print(json.dumps({"deleted": delete, "stages": rows}))
        return
    table = Table("stage", box=None, header_style="bold")
    for title in ("in use", "files", "unused", "files"):
        table.add_column(title, justify="right", no_wrap=True)
    for row in found:
        table.add_row(
            row.stage,
            *(decimal(row.kept_bytes), f"{row.kept_files:,}"),
            *(decimal(row.unused_bytes), f"{row.unused_files:,}"),
        )
    Console().print(table)
    total = decimal(sum(row.unused_bytes for row in found))
    print(f"{total} deleted" if delete else f"{total} unused; --delete deletes them")
