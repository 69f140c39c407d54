"""``python -m benchmarks [part ...] [--quick]``: measure and print."""

import argparse
import importlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from types import ModuleType

from rich.console import Console

from benchmarks.figures import Figure, missed
from benchmarks.machine import Machine, describe_machine, machine_lines
from benchmarks.speech import BENCH

# Each has measure(quick=...) -> figures and show(figures, console).
PARTS = (
    *("accuracy", "confidence", "qualities", "letters", "identity", "mismatches"),
    *("speed", "memory", "overhead", "loader", "chunks", "scale", "plan"),
    *("aligner_speed", "aligner_size", "aligner_events", "aligner_star", "gpu"),
    *("trust", "false_accepts", "adaptation", "ablation", "report"),
    *("unlabeled", "aligner_long", "select", "crossval", "round2"),
    *("lid", "pseudo_labels", "recipes", "kills", "status", "flink_slots"),
)
# Run when they are named.
_ON_DEMAND = (
    *("aligner_long", "select", "crossval", "round2"),
    *("lid", "pseudo_labels", "recipes", "kills", "status", "flink_slots"),
)
_WIDTH = 100  # the widest table
RESULTS = BENCH / "results.json"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the named parts, or all."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("part", nargs="*", help=f"of {', '.join(PARTS)}; none: all but "
                        f"{', '.join(_ON_DEMAND)}")  # fmt: skip
    parser.add_argument("--quick", action="store_true", help="smaller sizes")
    chosen = parser.parse_args(arguments)
    if unknown := sorted(set(chosen.part) - set(PARTS)):
        parser.error(f"no such part: {', '.join(unknown)}")
    console = Console(highlight=False)
    console.width = max(console.width, _WIDTH)
    machine = describe_machine()
    console.print("\n".join(machine_lines(machine)))
    below_aim = []
    for name in chosen.part or [name for name in PARTS if name not in _ON_DEMAND]:
        part = part_of(name)
        figures = part.measure(quick=chosen.quick)
        part.show(figures, console)
        if figures:  # none where the part's hardware is missing
            keep(name, figures, machine, quick=chosen.quick)
        below_aim += missed(figures)
    console.print(f"\nall figures: {RESULTS}")
    if below_aim:
        console.print("[red]aims that are missed (!):[/red]")
        console.print("\n".join(f"  {line}" for line in below_aim))


def part_of(name: str) -> ModuleType:
    """Import a part; the processes that speak chapters begin without torch."""
    return importlib.import_module(f"benchmarks.{name}")


def keep(
    name: str, figures: Sequence[Figure], machine: Machine, *, quick: bool
) -> None:
    """Put a part's figures in results.json, in place of its earlier ones."""
    results = json.loads(RESULTS.read_text()) if RESULTS.is_file() else {}
    results[name] = {
        "quick": quick,
        "machine": asdict(machine),
        "figures": [
            {"name": f.name, "case": f.case, "value": f.value, "unit": f.unit.value,
             "aim": f.aim, "missed": f.is_missed}
            for f in figures
        ],
    }  # fmt: skip
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
