"""``pericope status``."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

if TYPE_CHECKING:
    from pipelines.status import Status

_SHOWN = 10


def status(
    corpus: Annotated[str, typer.Argument(help="corpus.toml, or the output of a run.")],
    as_json: Annotated[
        bool, typer.Option("--json", help="Print all of it as JSON.")
    ] = False,
) -> None:
    """Tell how far a run is, whether it works or has died; nothing is disturbed.

    What is done, in flight and rejected, hours, time left, the last events: from the
    logs and the store, without a model.
    """
    from pipelines.status import status_of

    found = status_of(output_of(corpus))
    if as_json:
        print(json.dumps(asdict(found)))
        return
    Console(markup=False, highlight=False, emoji=False, soft_wrap=True).print(
        "\n".join(_lines(found))
    )


def output_of(corpus: str) -> str:
    """Return the output that a corpus.toml names, or that is named itself."""
    from pipelines.config import load_config
    from pipelines.store import Store

    if corpus.endswith(".toml"):
        return Store(load_config(Path(corpus)).corpus.output).root
    return Store(corpus).root


def _lines(found: "Status") -> list[str]:
    from pipelines.progress import hours_and_minutes

    lines = [f"{found.output}: {found.state}"]
    if found.error:
        lines.append(f"  {found.error}")
    if found.log:
        lines.append(f"  begun {found.started}, last event {found.last_event}")
        lines.append(f"  {_how_far(found)}")
    rejected = len(found.rejected)
    if found.seconds_left:
        lines.append(f"  {hours_and_minutes(found.seconds_left)} left at this pace")
    if found.in_flight:
        lines.append(f"in flight: {len(found.in_flight)}")
        lines += [
            f"  {flight.recording}: {flight.stage} since {flight.since}"
            for flight in found.in_flight[:_SHOWN]
        ]
    if rejected:
        lines.append("rejected:")
        lines += [
            f"  {row.recording}: {row.stage}, {row.reason}"
            for row in found.rejected[:_SHOWN]
        ]
        if rejected > _SHOWN:
            lines.append(f"  and {rejected - _SHOWN:,} more: --json has all")
    stored = ", ".join(f"{stage} {count:,}" for stage, count in found.stored.items())
    lines.append(f"in the store: {stored or 'nothing'}")
    if found.last_events:
        lines.append("last events:")
        lines += [f"  {_told(event)}" for event in found.last_events]
    return lines


def _how_far(found: "Status") -> str:
    of = "" if found.recordings is None else f" of {found.recordings:,}"
    if found.done is None:
        return f"a run{of} recordings on a cluster, whose own logs tell how far it is"
    return (
        f"{found.done:,}{of} recordings done, {len(found.rejected):,} of them "
        f"rejected; {found.hours_done:.2f} h"
    )


def _told(event: dict) -> str:
    return " ".join(
        str(value) if name in ("time", "event", "stage", "recording", "message")
        else f"{name}={value}"
        for name, value in event.items()
        if name not in ("level", "work")
    )  # fmt: skip
