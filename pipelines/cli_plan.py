"""``pericope plan``."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console


def plan(
    corpus: Annotated[Path, typer.Argument(help="corpus.toml")],
    hours: Annotated[
        float,
        typer.Option(
            min=0, help="Hours of audio such as this corpus has; 0: those it has."
        ),
    ] = 0.0,
    machines: Annotated[
        int, typer.Option(min=0, help="Also on so many machines like this one.")
    ] = 0,
    gpus: Annotated[
        int, typer.Option(min=1, help="GPUs of the machine that has several.")
    ] = 8,
    gpu_speed: Annotated[
        float,
        typer.Option(
            min=0,
            help="Times real time of the model on one of those GPUs; 0: as measured "
            "here, on a machine that has one.",
        ),
    ] = 0.0,
    price_per_hour: Annotated[
        float, typer.Option(min=0, help="Of a machine like this one.")
    ] = 0.0,
    gpu_price_per_hour: Annotated[
        float, typer.Option(min=0, help="Of one of those GPUs.")
    ] = 0.0,
    minutes: Annotated[
        float, typer.Option(min=0, help="Audio to measure on, of at least 2 files.")
    ] = 10.0,
    workers: Annotated[int | None, typer.Option(help="As for `pericope run`.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """Tell how long a run will take, and what memory and disk, before it is begun.

    A sample of the recordings goes all the way on this machine, in a folder that is
    removed afterwards; how long the others are, their headers tell. Remote recordings
    are fetched for it only where none is at hand. docs/sizing.md says what the figures
    mean.
    """
    from pipelines.config import load_config
    from pipelines.plan.plan import Asked, make_plan, print_plan

    config = load_config(corpus)
    asked = Asked(
        hours=hours,
        machines=machines,
        gpus=gpus,
        gpu_speed=gpu_speed,
        price_per_hour=price_per_hour,
        gpu_price_per_hour=gpu_price_per_hour,
        minutes=minutes,
    )
    asked_workers = workers if workers is not None else config.run.workers
    made = make_plan(config, asked_workers, asked)
    if as_json:
        print(json.dumps(asdict(made) | {"disk_bytes": made.disk_bytes}))
    else:
        print_plan(made, Console(highlight=False))
