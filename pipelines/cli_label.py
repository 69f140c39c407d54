"""``pericope label``."""

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from pipelines.config import CorpusConfig


def label(
    corpus: Annotated[Path, typer.Argument(help="corpus.toml of a finished run")],
    name: Annotated[str, typer.Option(help="Of the labels.")] = "default",
    teacher: Annotated[
        str,
        typer.Option(
            help="As model.name; {language} stands for the language's code "
            "(hf:facebook/mms-1b-all#{language}). Empty: label.teacher or "
            "model.name of corpus.toml."
        ),
    ] = "",
    language: Annotated[
        list[str] | None,
        typer.Option(help="Only this one; may come again.", show_default=False),
    ] = None,
    lm: Annotated[str, typer.Option(help="A language model (ARPA): beam search.")] = "",
    identifier: Annotated[
        str, typer.Option(help="Folder of a language identifier to be asked.")
    ] = "",
    rejected_by: Annotated[
        str, typer.Option(help="Label what this selection rejects, too.")
    ] = "",
    known_from: Annotated[
        str,
        typer.Option(
            help="all, held-out or auto: aligned clips that show how far the teacher "
            "can be trusted."
        ),
    ] = "",
    runner: Annotated[
        str, typer.Option(help="FnApiRunner (Beam's, in this process), or plain.")
    ] = "FnApiRunner",
    workers: Annotated[
        int, typer.Option(help="Units side by side; 0: one a core.")
    ] = 0,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the summary as JSON.")
    ] = False,
    quiet: Annotated[bool, typer.Option(help="Show no progress.")] = False,
    beam_arguments: Annotated[
        list[str] | None,
        typer.Argument(
            help="Options for Beam, after a double dash.", show_default=False
        ),
    ] = None,
) -> None:
    """Let a model write down audio without text, with all that tells good from bad.

    Writes labels/NAME and labels/NAME.json. Nothing is filtered; selections decide:

    pericope select corpus.toml trusted --labels NAME --where "expected_cer < 0.1"

    What a label can be trusted for is learnt from aligned clips, which the same model
    writes down as well. Stop it at any time and start it again: what was heard is kept
    in the corpus's store. Exit status 3 tells that some clips could not be read.
    """
    from pipelines.alone import alone_in
    from pipelines.config import load_config
    from pipelines.digests import listed_anew
    from pipelines.label import prepare_labels, run_labels
    from pipelines.plain_json import without_nan
    from pipelines.progress import hours_and_minutes, observing
    from pipelines.store import Store

    started_sec = time.monotonic()
    given = {
        "teacher": teacher,
        "lm": lm,
        "identifier": identifier,
        "rejected_by": rejected_by,
        "known_from": known_from,
    }
    config = _with_options(load_config(corpus), given)
    root = Store(config.corpus.output).root
    console = Console(stderr=True)
    is_watched = console.is_terminal and not (quiet or as_json)
    with alone_in(root), listed_anew(root, "labels"):
        Store(root).remove_leftovers()
        job = prepare_labels(config, name, language or (), workers)
        with observing(
            len(job.units),
            console if is_watched else None,
            what=f"hearing {job.duration_sec / 3600:.2f} h",
            unit="units",
        ):
            summary = run_labels(job, runner, beam_arguments or [])
    if as_json:
        print(json.dumps(without_nan(summary)))
    else:
        took_sec = time.monotonic() - started_sec
        _tell(summary)
        print(f"labels:  {root}/labels/{name}  (in {hours_and_minutes(took_sec)})")
    if summary["rejects"]:
        raise typer.Exit(3)


def _with_options(config: "CorpusConfig", given: dict[str, str]) -> "CorpusConfig":
    """Return the configuration with what the command line says instead.

    Raises:
      ConfigError: --known-from is none of its words.
    """
    from schemas.errors import ConfigError

    chosen: dict[str, Any] = {key: value for key, value in given.items() if value}
    if chosen.get("known_from", "auto") not in ("auto", "all", "held-out"):
        got = chosen["known_from"]
        raise ConfigError(f"--known-from: expected auto, all or held-out, got {got!r}")
    return replace(config, label=replace(config.label, **chosen))


def _tell(summary: dict[str, Any]) -> None:
    Console().print(_table(summary))
    trust = summary["trust"]
    if "note" in trust:
        print(f"expected letter errors: {trust['note']}")
    else:
        error = trust["other_recordings"]["mean_absolute_error"]
        print(
            f"expected letter errors: learnt from {trust['clips']} aligned clips, "
            f"{100 * error:.1f} points off on recordings that were left out"
        )
    for code, row in summary["languages"].items():
        if row["letters"] == "all":
            print(f"{code}: there are no texts; all letters of the teacher are allowed")
    for reject in summary["rejects"]:
        print(f"not read: {reject['message']}")


def _table(summary: dict[str, Any]) -> Table:
    table = Table("language", box=None, header_style="bold")
    for title in ("labels", "hours", "empty", "h, expected CER < 0.1", "< 0.2"):
        table.add_column(title, justify="right", no_wrap=True)
    for code, row in summary["languages"].items():
        below = row["hours_expected_below"]
        table.add_row(
            code,
            f"{row['labels']:,}",
            f"{row['hours']:.2f}",
            f"{row['empty']:,}",
            f"{below['0.1']:.2f}",
            f"{below['0.2']:.2f}",
        )
    return table
