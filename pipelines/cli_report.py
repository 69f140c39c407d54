"""``pericope report``."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console


def report(
    corpus: Annotated[Path, typer.Argument(help="corpus.toml of a finished run")],
    examples: Annotated[
        int,
        typer.Option(min=0, help="Segments shown of each kind and language."),
    ] = 10,
    max_audio_mb: Annotated[
        float,
        typer.Option(min=0, help="Most sound of shown segments, in MB."),
    ] = 500.0,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print what was made as JSON.")
    ] = False,
) -> None:
    """Write pages that show a corpus: hours, distributions, rejects, segments to hear.

    pericope report corpus.toml

    Writes report/index.html beside the tables, a folder that needs no network and can
    be copied anywhere. An earlier report is replaced as a whole.
    """
    from pipelines.alone import alone_in
    from pipelines.config import load_config
    from pipelines.report.make import ReportOptions, make_report
    from pipelines.store import Store

    config = load_config(corpus)
    options = ReportOptions(examples=examples, max_audio_mb=max_audio_mb)
    root = Store(config.corpus.output).root
    with alone_in(root):
        made = make_report(root, options)
    if as_json:
        print(json.dumps(asdict(made)))
        return
    log = Console(stderr=True)
    if made.silent:
        log.print(f"{made.silent:,} shown segments are in no shard and have no sound")
    if made.left_out:
        log.print(
            f"the sound of {made.left_out:,} shown segments was left out; "
            "--max-audio-mb says how much there may be"
        )
    print(f"{made.languages} languages, {made.total_bytes / 1e6:.1f} MB: {made.uri}")
