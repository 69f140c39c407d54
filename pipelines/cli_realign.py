"""``pericope realign``."""

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from pipelines.progress import TimeLeft, observing

if TYPE_CHECKING:
    from models.training.progress import Progress
    from pipelines.compare_rounds import LanguageComparison
    from pipelines.job import Job


def realign(
    corpus: Annotated[Path, typer.Argument(help="corpus.toml of a finished run")],
    selection: Annotated[
        str, typer.Option(help="Whose clips are learned from.")
    ] = "default",
    steps: Annotated[int, typer.Option(help="Of training.")] = 2000,
    from_scratch: Annotated[
        bool, typer.Option(help="Begin with random weights.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Seed of order and variation.")] = 1,
    runner: Annotated[
        str,
        typer.Option(help="FnApiRunner (Beam's, in this process), or plain."),
    ] = "FnApiRunner",
    workers: Annotated[
        int | None, typer.Option(help="Recordings side by side; 0: one a core.")
    ] = None,
    threads: Annotated[
        int, typer.Option(help="CPU threads of training; 0: one a core.")
    ] = 0,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the comparison as JSON.")
    ] = False,
    quiet: Annotated[bool, typer.Option(help="Show no progress.")] = False,
) -> None:
    """Train an aligner on what is kept, align all anew, keep the better per language.

    The result is a corpus beside the first one, in round2 of its output, with the same
    store. Each language has there the round whose alignments fit its own texts better
    than other ones; corpus.json says which. Stop it at any time and start it again.
    Exit status 3 tells that some recordings were rejected.
    """
    import torch

    from pipelines.config import load_config
    from pipelines.job import run_job
    from pipelines.memory import return_freed_memory
    from pipelines.plain_json import without_nan
    from pipelines.realign import realign as make_second_round
    from pipelines.run_log import log_uri, logging_to
    from pipelines.second_model import RealignConfig

    config = load_config(corpus)
    options = RealignConfig(
        steps=steps, from_scratch=from_scratch, selection=selection, seed=seed
    )
    torch.set_num_threads(threads or os.cpu_count() or 1)
    return_freed_memory()
    console = Console(stderr=True)
    is_watched = console.is_terminal and not (quiet or as_json)
    told = TimeLeft(steps)

    def run(job: "Job") -> int:
        log = log_uri(job.context.output, "realign")
        watched = console if is_watched else None
        with observing(len(job.recordings), watched), logging_to(log):
            return run_job(job, runner)

    def report(progress: "Progress") -> None:
        told.training("aligner", 0, progress)

    made = make_second_round(
        config,
        options,
        run,
        report,
        workers=workers if workers is not None else config.run.workers,
    )
    if as_json:
        rows = [without_nan(asdict(row)) for row in made.languages]
        print(json.dumps({"output": made.output, "languages": rows}))
    else:
        Console().print(_table(made.languages))
        print(f"\n{made.output}: each language in the round that it keeps")
        if made.rejects:
            print(f"{made.rejects} rejected: pericope inspect {made.output} --rejects")
    if made.rejects:
        raise typer.Exit(3)


def _table(rows: "list[LanguageComparison]") -> Table:
    table = Table(box=None, header_style="bold", padding=(0, 1, 0, 0))
    table.add_column("language", no_wrap=True)
    for title in "verses fit:old new gain kept:old new shifted round".split():
        table.add_column(title, justify="right", no_wrap=True)
    for row in rows:
        table.add_row(
            row.language,
            str(row.verses),
            f"{row.old_separation:.2f}",
            f"{row.new_separation:.2f}",
            f"{row.gain:+.2f}±{row.gain_error:.2f}",
            f"{row.old_kept_share:.1%}",
            f"{row.new_kept_share:.1%}",
            f"{row.shifted_share:.1%}",
            str(row.keep),
        )
    return table
