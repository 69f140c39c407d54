"""``pericope fetch``."""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from schemas.errors import ConfigError

if TYPE_CHECKING:
    from pipelines.sources.gather import OnRecording
    from pipelines.sources.options import SourceOptions
    from pipelines.sources.source import Listing
    from pipelines.sources.stock import Stock


def fetch(
    places: Annotated[
        list[str],
        typer.Argument(
            metavar="SOURCE... OUTPUT",
            help="What to fetch: bible:FOLDER, bible:FILE.zip, librivox:FOLDER, "
            "dbp:BIBLE, dbp:FILESET, a manifest. Last the folder to fetch into, "
            "which --list does without.",
        ),
    ],
    only_list: Annotated[
        bool,
        typer.Option("--list", "--plan", help="Tell what there is, fetch nothing."),
    ] = False,
    language: Annotated[
        str, typer.Option(help="ISO 639-3, over what the source says.")
    ] = "",
    version: Annotated[str, typer.Option(help="Of the translation.")] = "",
    reader: Annotated[str, typer.Option(help="Who reads.")] = "",
    licence: Annotated[
        str, typer.Option(help="Of recordings of which the source does not say it.")
    ] = "",
    text: Annotated[
        str, typer.Option(help="Folder, zip or file with the texts, if elsewhere.")
    ] = "",
    books: Annotated[
        str, typer.Option(help="Only these, separated by commas (MRK,LUK).")
    ] = "",
    drama: Annotated[
        str,
        typer.Option(
            help="Of dbp: yes, no, both, or auto: dramatised where nothing else is."
        ),
    ] = "auto",
    timestamps: Annotated[
        bool, typer.Option(help="Of dbp: write down when verses begin, if known.")
    ] = False,
    key_file: Annotated[
        Path | None,
        typer.Option(help="With the key for dbp; else PERICOPE_DBP_KEY is read."),
    ] = None,
    server: Annotated[str, typer.Option(help="Of dbp, instead of 4.dbt.io.")] = "",
    retries: Annotated[
        int, typer.Option(help="Attempts after the first that get no further.")
    ] = 5,
    timeout_sec: Annotated[
        float, typer.Option(help="Longest silence of a server.")
    ] = 60.0,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print what there is as JSON.")
    ] = False,
    quiet: Annotated[bool, typer.Option(help="Show no progress.")] = False,
) -> None:
    """Fetch recordings and texts; write the manifest and corpus.toml of a run.

    First it is told what there is, how many hours, in which languages, under which
    licences. Stop it at any time and start it again: it goes on at the byte where it
    was. Exit status 3 tells that some recordings could not be had; rejects.csv says
    which and why. More in docs/sources.md.
    """
    from pipelines.fetch_limits import FetchLimits
    from pipelines.sources.options import SourceOptions

    named, output = _split(places, only_list)
    options = SourceOptions(
        output=output or Path(),
        language=language,
        version=version,
        reader=reader,
        licence=licence,
        text=text,
        books=tuple(book.strip().upper() for book in books.split(",") if book.strip()),
        drama=drama,
        timestamps=timestamps,
        key_file=key_file,
        server=server,
        limits=FetchLimits(retries=retries, timeout_sec=timeout_sec),
    )
    if output is None:
        with tempfile.TemporaryDirectory(prefix="pericope-") as folder:
            rejects = _list(named, options.at(Path(folder)), as_json)
    else:
        from pipelines.alone import alone_in

        with alone_in(str(output)):
            rejects = _fetch(named, options, as_json, quiet)
    if rejects:
        raise typer.Exit(3)


def _split(places: list[str], only_list: bool) -> tuple[list[str], Path | None]:
    from pipelines.sources.places import KINDS

    if only_list:
        return places, None
    *named, last = places
    if not named:
        raise ConfigError(
            f"expected a source and the folder to fetch into, got {last} alone; "
            "with --list no folder is needed"
        )
    output = Path(last)
    is_source = last.partition(":")[0] in KINDS or "://" in last
    if is_source or (output.exists() and not output.is_dir()):
        raise ConfigError(f"{last}: expected a local folder to fetch into")
    return named, output


def _list(places: list[str], options: "SourceOptions", as_json: bool) -> int:
    from pipelines.sources.places import open_sources
    from pipelines.sources.source import list_sources
    from pipelines.sources.stock import rows_of, stock_of

    listing = list_sources(open_sources(places, options))
    if as_json:
        stock = stock_of(listing.items)
        print(json.dumps({**stock.as_dict(), "recordings": rows_of(listing)}))
    else:
        _print_stock(stock_of(listing.items))
        _print_rejects(listing)
    return len(listing.rejects)


def _fetch(
    places: list[str], options: "SourceOptions", as_json: bool, quiet: bool
) -> int:
    from pipelines.sources.gather import gather
    from pipelines.sources.places import open_sources
    from pipelines.sources.source import list_sources
    from pipelines.sources.stock import stock_of
    from pipelines.sources.written_corpus import (
        CORPUS,
        REJECTS,
        check_same_sources,
        remove_leftovers,
        write_corpus,
    )

    console = Console(stderr=True, quiet=quiet or as_json)
    output = options.output
    remove_leftovers(output)
    with console.status("listing"):
        listing = list_sources(open_sources(places, options))
    check_same_sources(output, listing)
    stock = stock_of(listing.items)
    if not as_json:
        _print_stock(stock)
    is_watched = console.is_terminal and not console.quiet
    with _watching(stock, console if is_watched else None) as on_recording:
        gathered = gather(listing, options, on_recording)
    is_any = write_corpus(gathered, output)
    at_hand = stock_of(gathered.recordings)
    if as_json:
        rejects = [vars(reject) for reject in gathered.rejects]
        print(json.dumps({**at_hand.as_dict(), "rejects": rejects}))
    else:
        print(f"\nat hand: {at_hand}")
        if gathered.rejects:
            print(f"{len(gathered.rejects)} not to be had: {output / REJECTS}")
        if is_any:
            print(f"pericope run {output / CORPUS}")
    return len(gathered.rejects)


@contextmanager
def _watching(stock: "Stock", console: Console | None) -> "Iterator[OnRecording]":
    """Draw a bar of bytes, or of recordings where not all sizes are known."""
    if console is None:
        yield lambda _: None
        return
    columns = (
        TextColumn("fetching"),
        BarColumn(),
        TextColumn("{task.fields[recordings]}/{task.fields[of]} recordings"),
        TextColumn("{task.fields[hours]:.2f} h {task.fields[mebibytes]:.0f} MiB"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    by_bytes = stock.unknown_bytes == 0
    with Progress(*columns, console=console, transient=True) as display:
        task = display.add_task(
            "",
            total=stock.audio_bytes if by_bytes else stock.recordings,
            recordings=0,
            of=stock.recordings,
            hours=0.0,
            mebibytes=0.0,
        )

        def on_recording(listed) -> None:
            fields = display.tasks[0].fields
            size = listed.audio_bytes or 0
            display.update(
                task,
                advance=size if by_bytes else 1,
                recordings=fields["recordings"] + 1,
                hours=fields["hours"] + (listed.duration_sec or 0.0) / 3600,
                mebibytes=fields["mebibytes"] + size / 2**20,
            )

        yield on_recording


def _print_stock(stock: "Stock") -> None:
    table = Table("language", box=None, header_style="bold")
    for title in ("version", "drama"):
        table.add_column(title)
    for title in ("recordings", "with text", "hours", "MiB"):
        table.add_column(title, justify="right")
    table.add_column("licence", overflow="fold")
    for row in stock.rows:
        table.add_row(
            row.language,
            row.version,
            "yes" if row.drama else "no",
            str(row.recordings),
            str(row.with_text),
            row.hours_told,
            row.mebibytes_told,
            row.licence or "unknown",
        )
    Console(markup=False).print(table)


def _print_rejects(listing: "Listing") -> None:
    for reject in listing.rejects[:20]:
        print(f"{reject.key}: {reject.reason}: {reject.message}")
    if len(listing.rejects) > 20:
        print(f"and {len(listing.rejects) - 20} more that cannot be used")
