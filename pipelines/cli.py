"""The command ``pericope``: errors of ours become one line, all others stay visible."""

import os
import signal
import sys
from types import FrameType

import typer
from rich.console import Console

from pipelines.cli_check import check
from pipelines.cli_crossval import crossval
from pipelines.cli_doctor import doctor
from pipelines.cli_evaluate import evaluate
from pipelines.cli_fetch import fetch
from pipelines.cli_inspect import inspect
from pipelines.cli_label import label
from pipelines.cli_mine import mine
from pipelines.cli_plan import plan
from pipelines.cli_prune import prune
from pipelines.cli_realign import realign
from pipelines.cli_recipe import recipe
from pipelines.cli_report import report
from pipelines.cli_run import run
from pipelines.cli_select import select
from pipelines.cli_shards import shards
from pipelines.cli_status import status
from pipelines.cli_synth import synth
from pipelines.cli_train import train
from pipelines.cli_verify import verify
from schemas.errors import ConfigError, PericopeError

DONE, FAILED, USAGE, DONE_WITH_REJECTS = 0, 1, 2, 3

app = typer.Typer(
    help="Cut long read-aloud recordings into training-ready speech corpora.",
    epilog="Exit status: 0 done, 1 failed, 2 wrong usage, 3 done with rejects. "
    "Every command may be stopped at any time and started again.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(fetch)
app.command()(run)
app.command()(check)
app.command()(plan)
app.command()(label)
app.command()(select)
app.command()(crossval)
app.command()(realign)
app.command()(shards)
app.command()(synth)
app.add_typer(train, name="train")
app.add_typer(recipe, name="recipe")
app.command()(evaluate)
app.command()(report)
app.command()(inspect)
app.command()(status)
app.command()(verify)
app.command()(prune)
app.command()(mine)
app.command()(doctor)


def main() -> None:
    """Run the command line; called by the installed program."""
    before = signal.signal(signal.SIGINT, _stop)
    try:
        app()
    except ConfigError as error:
        _say(error)
        sys.exit(USAGE)
    except PericopeError as error:
        _say(error)
        sys.exit(FAILED)
    finally:
        signal.signal(signal.SIGINT, before)


def _stop(_signal: int, _frame: FrameType | None) -> None:
    """Leave at once: what is being written is there whole or not at all.

    An exception instead would first wait for Beam's threads to finish what they have
    begun, or come back from it as another one.
    """
    cursor = "\x1b[?25h" if os.isatty(2) else ""  # a progress bar may have hidden it
    line = "pericope: stopped; start the same command again to go on where it was"
    os.write(2, f"{cursor}\n{line}\n".encode())
    os._exit(FAILED)


def _say(message: object) -> None:
    Console(stderr=True).print(f"pericope: {message}", style="red", markup=False)


if __name__ == "__main__":
    main()
