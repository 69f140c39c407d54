"""``pericope check``."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from pipelines.checking import Finding


def check(
    corpus: Annotated[Path, typer.Argument(help="corpus.toml")],
    workers: Annotated[
        int | None, typer.Option(help="Recordings side by side; 0: one a core.")
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help="List also what is as it should be.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print all findings as JSON.")
    ] = False,
) -> None:
    """Find swapped files: hold 45 s of each recording against all texts.

    Nothing is aligned. A recording reads its own text, another one of the manifest
    (other_chapter: the likely right one is named) or none of them (other_text); where
    the sound does not tell, it is unsure. Exit status 3 tells that some are wrong.
    """
    from pipelines.checking import check_corpus, counts_of
    from pipelines.config import load_config
    from pipelines.job import prepare_job

    config = load_config(corpus)
    job = prepare_job(config, workers if workers is not None else config.run.workers)
    findings = list(check_corpus(job))
    wrong = [finding for finding in findings if finding.is_wrong]
    if as_json:
        print(json.dumps([asdict(finding) for finding in findings]))
    else:
        shown = findings if every else wrong
        if shown:
            Console().print(_table(shown))
        counts = counts_of(findings)
        print(", ".join(f"{counts[verdict]} {verdict}" for verdict in counts))
    if wrong:
        raise typer.Exit(3)


def _table(findings: "list[Finding]") -> Table:
    table = Table("recording", box=None, header_style="bold")
    for title in ("verdict", "fit"):
        table.add_column(title, no_wrap=True)
    for title in ("likely", "message"):
        table.add_column(title, overflow="fold")
    for row in findings:
        fit = "" if row.own_fit is None else f"{row.own_fit:.1f}"
        table.add_row(
            row.recording_id, row.verdict, fit, row.likely_recording, row.message
        )
    return table
