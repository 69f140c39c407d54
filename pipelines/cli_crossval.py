"""``pericope crossval``."""

import json
import math
import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from pipelines.progress import TimeLeft

if TYPE_CHECKING:
    from models.training.progress import Progress
    from pipelines.crossval import CrossValidated


def crossval(
    corpus: Annotated[Path, typer.Argument(help="corpus.toml of a finished run")],
    language: Annotated[
        list[str] | None,
        typer.Option(help="Only this one; may come again.", show_default=False),
    ] = None,
    steps: Annotated[int, typer.Option(help="Of training, for each half.")] = 400,
    from_scratch: Annotated[
        bool, typer.Option(help="Begin with random weights.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Seed of order and variation.")] = 1,
    threads: Annotated[int, typer.Option(help="CPU threads; 0: one a core.")] = 0,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the summary as JSON.")
    ] = False,
) -> None:
    """Let a model of each half of a language transcribe the other half.

    A text that was not read stands out: its letters stay wrong, whoever aligned them.
    Fills the columns cv_cer and cv_recording_cer of the segments table; then, say:

    pericope select corpus.toml crossed --where "cv_cer <= 0.1"

    Stop it at any time; the same command goes on from the last checkpoint, and does
    nothing where nothing has changed. Small models make many mistakes on right texts,
    too: look at the values before you choose a threshold (docs/rounds.md).
    """
    import torch

    from pipelines.alone import alone_in
    from pipelines.config import load_config
    from pipelines.crossval import CrossvalConfig, cross_validate
    from pipelines.crossval_clips import HALVES, labeled_languages
    from pipelines.digests import listed_anew
    from pipelines.plain_json import without_nan
    from pipelines.start_weights import local_root, start_weights

    config = load_config(corpus)
    root = local_root(config.corpus.output)
    torch.set_num_threads(threads or os.cpu_count() or 1)
    settings = CrossvalConfig(steps=steps, seed=seed)
    start = start_weights(config.model.name, seed, from_scratch=from_scratch)
    with alone_in(root), listed_anew(root, "crossval", "segments"):
        languages = labeled_languages(root, language or ())
        halves = [(code, half) for code in languages for half in HALVES]
        told = TimeLeft(len(halves) * steps)

        def report(code: str, half: int, progress: "Progress") -> None:
            before = halves.index((code, half)) * steps
            told.training(f"{code}, half {half + 1} of 2", before, progress)

        results = [
            cross_validate(root, code, settings, start, report) for code in languages
        ]
    if as_json:
        rows = [without_nan(asdict(row)) for row in results]
        print(json.dumps({"output": root, "languages": rows}))
        return
    Console().print(_table(results))
    for row in results:
        if row.note:
            print(f"{row.language}: {row.note}; its columns stay empty")


def _table(results: "list[CrossValidated]") -> Table:
    table = Table("language", box=None, header_style="bold")
    for title in ("clips", "letters wrong", "clips > 10 %", "recordings > 5 %"):
        table.add_column(title, justify="right", no_wrap=True)
    for row in results:
        table.add_row(
            row.language,
            str(row.clips),
            "" if math.isnan(row.cer) else f"{row.cer:.1%}",
            str(row.clips_over),
            f"{row.recordings_over} of {row.recordings}",
        )
    return table
