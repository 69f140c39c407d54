"""The command ``pericope``: errors of ours become one line, all others stay visible."""

import os
import sys
from typing import Any

import typer
from rich.console import Console
from typer.core import TyperGroup

from pipelines.cli_doctor import doctor
from pipelines.cli_inspect import inspect
from pipelines.cli_run import run
from pipelines.cli_synth import synth
from pipelines.cli_train import train
from schemas.errors import ConfigError, PericopeError

DONE, FAILED, USAGE, DONE_WITH_REJECTS = 0, 1, 2, 3


class _Commands(TyperGroup):
    """All commands; one that is stopped by hand says how to go on."""

    def invoke(self, ctx: Any) -> Any:
        """Run the chosen command."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            _say("stopped; start the same command again to go on where it was")
            # An orderly exit would first wait for all that Beam's threads have begun;
            # what they write is there whole or not at all.
            os._exit(FAILED)


app = typer.Typer(
    cls=_Commands,
    help="Cut long read-aloud recordings into training-ready speech corpora.",
    epilog="Exit status: 0 done, 1 failed, 2 wrong usage, 3 done with rejects. "
    "Every command may be stopped at any time and started again.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(run)
app.command()(synth)
app.add_typer(train, name="train")
app.command()(inspect)
app.command()(doctor)


def main() -> None:
    """Run the command line; called by the installed program."""
    try:
        app()
    except ConfigError as error:
        _say(error)
        sys.exit(USAGE)
    except PericopeError as error:
        _say(error)
        sys.exit(FAILED)


def _say(message: object) -> None:
    Console(stderr=True).print(f"pericope: {message}", style="red", markup=False)


if __name__ == "__main__":
    main()
