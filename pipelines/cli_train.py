"""``pericope train``."""

from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli_train_adapter import adapter
from pipelines.cli_train_asr import asr
from pipelines.cli_train_lid import lid
from pipelines.cli_train_lm import lm

train = typer.Typer(help="Train models from shards.", no_args_is_help=True)


@train.callback()
def _train() -> None:
    """Train models from shards."""


train.command()(asr)
train.command()(adapter)
train.command()(lid)
train.command()(lm)


@train.command()
def aligner(
    corpus: Annotated[Path, typer.Argument(help="Output folder of `pericope run`.")],
    folder: Annotated[Path, typer.Argument(help="Checkpoints; resumed if there.")],
    export: Annotated[
        Path | None, typer.Option(help="Write the calibrated model here.")
    ] = None,
    sharp_steps: Annotated[
        int, typer.Option(help="Steps with exact word edges (timing).")
    ] = 8000,
    free_steps: Annotated[
        int, typer.Option(help="Steps with free edges and wide variation (people).")
    ] = 8000,
    selection: Annotated[
        str, typer.Option(help="Which clips to use; all if empty.")
    ] = "default",
    seed: Annotated[int, typer.Option(help="Seed of weights and order.")] = 1,
    threads: Annotated[int, typer.Option(help="CPU threads; 0: one a core.")] = 0,
) -> None:
    """Train the bundled CTC architecture on labeled shards with known word times.

    Stop it at any time; the same command goes on from the last checkpoint. With
    --export the result is measured on fresh synthetic speech: its constant offsets and
    the score that clean verses reach are stored with the weights.
    """
    import os

    import torch

    from models.training.aligner import AlignerConfig, train_aligner
    from models.training.progress import progress_lines

    torch.set_num_threads(threads or os.cpu_count() or 1)
    config = AlignerConfig(
        sharp_steps=sharp_steps,
        free_steps=free_steps,
        selection=selection or None,
        seed=seed,
    )
    network = train_aligner(corpus, folder, config, progress_lines(_log))
    if export is not None:
        from models.bundled import save_bundled
        from pipelines.calibrate import calibrate

        calibration = calibrate(network, folder / "calibration", _log)
        save_bundled(network, calibration, export)
        print(f"{export}: {export.stat().st_size / 1e6:.1f} MB, {calibration}")


def _log(line: str) -> None:
    typer.echo(line, err=True)
