"""``pericope run``."""

import json
import os
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

if TYPE_CHECKING:
    from pipelines.progress import Observer


def run(
    corpus: Annotated[Path, typer.Argument(help="corpus.toml")],
    runner: Annotated[
        str,
        typer.Option(
            help="FnApiRunner (in this process), plain (without Beam), flink, "
            "portable, dataflow or spark; docs/flink.md."
        ),
    ] = "FnApiRunner",
    flink_master: Annotated[
        str, typer.Option(help="host:port of the JobManager's REST interface.")
    ] = "",
    job_endpoint: Annotated[
        str, typer.Option(help="host:port of a job server of Beam's that runs.")
    ] = "",
    job_server_jar: Annotated[
        str, typer.Option(help="Flink's job server, started for this run.")
    ] = "",
    worker_pool: Annotated[
        str, typer.Option(help="host:port of the worker pool beside a TaskManager.")
    ] = "localhost:50000",
    workers: Annotated[
        int | None,
        typer.Option(help="Recordings side by side; 0: one a core, or slot of Flink."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the summary as JSON.")
    ] = False,
    quiet: Annotated[bool, typer.Option(help="Show no progress.")] = False,
    log_level: Annotated[
        str,
        typer.Option(
            help="Write events of this level and above to stderr, one JSON object a "
            "line: debug, info, warning or error."
        ),
    ] = "",
    log_file: Annotated[
        str | None,
        typer.Option(
            help="All events go here; else to logs/ in the corpus. '' for none.",
            show_default=False,
        ),
    ] = None,
    beam_arguments: Annotated[
        list[str] | None,
        typer.Argument(
            help="Options for Beam, after a double dash.", show_default=False
        ),
    ] = None,
) -> None:
    """Fetch, align and cut the recordings of a manifest; write shards and tables.

    Stop it at any time and start it again: finished work is kept in the corpus's store
    and the result is the same, byte for byte. Changing one text redoes one chapter.
    Exit status 3 tells that some recordings were rejected; rejects/ says why.
    """
    from pipelines.config import load_config
    from pipelines.job import prepare_job, run_job
    from pipelines.memory import return_freed_memory
    from pipelines.progress import observing
    from pipelines.run_log import log_uri, logging_to
    from pipelines.runners import (
        REMOTE,
        Addresses,
        check_runner,
        recordings_side_by_side,
    )
    from pipelines.summary import summarise

    started_sec = time.monotonic()
    config = load_config(corpus)
    return_freed_memory()
    check_runner(runner)
    addresses = Addresses(
        flink_master=flink_master,
        job_endpoint=job_endpoint,
        job_server_jar=job_server_jar,
        worker_pool=worker_pool,
    )
    asked = workers if workers is not None else config.run.workers
    job = prepare_job(config, recordings_side_by_side(runner, asked, addresses))
    console = Console(stderr=True)
    is_watched = console.is_terminal and not (quiet or as_json or runner in REMOTE)
    log = log_uri(job.context.output, "run") if log_file is None else log_file
    with (
        observing(len(job.recordings), console if is_watched else None) as observer,
        logging_to(log, log_level),
    ):
        rejects = run_job(job, runner, beam_arguments or [], addresses)
    output = job.context.output
    if as_json:
        rows = [asdict(row) for row in summarise(output)]
        document = {"output": output, "languages": rows, "stages": observer.counts}
        print(json.dumps(document))
    else:
        _tell(output, rejects, observer, time.monotonic() - started_sec)
    if rejects:
        raise typer.Exit(3)


def _tell(output: str, rejects: int, observer: "Observer", took_sec: float) -> None:
    from pipelines.progress import counts_lines, hours_and_minutes
    from pipelines.summary import (
        dropped_lines,
        reading_lines,
        summarise,
        summary_table,
    )

    summaries = summarise(output)
    Console().print(summary_table(summaries))
    print("\ndropped:")
    print("\n".join(dropped_lines(summaries)) or "  nothing")
    differing = reading_lines(summaries)
    if differing:
        print("\n".join(["\nread otherwise than written:", *differing]))
    print("\n".join(["\nrecordings by stage:", *counts_lines(observer.counts)]))
    hours = sum(row.hours for row in summaries)
    print(
        f"\n{hours:.2f} h in {hours_and_minutes(took_sec)} "
        f"({hours * 3600 / max(took_sec, 1e-9):.0f} x real time)"
    )
    print(f"shards:  {os.path.join(output, 'shards')}")
    print(f"tables:  {output}")
    if rejects:
        print(f"{rejects} rejected: pericope inspect {output} --rejects")
