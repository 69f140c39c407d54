"""``pericope doctor``."""

import json
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Check that this machine can run Pericope, and say what to do if it cannot."""
    from pipelines.doctor import examine

    findings = examine()
    if as_json:
        print(json.dumps([asdict(finding) for finding in findings], indent=1))
    else:
        table = Table("", "check", "finding", box=None)
        for finding in findings:
            mark = "ok" if finding.holds else "FAIL" if finding.needed else "--"
            table.add_row(mark, finding.name, finding.detail)
        Console(markup=False, emoji=False).print(table)
    if any(finding.needed and not finding.holds for finding in findings):
        raise typer.Exit(1)
