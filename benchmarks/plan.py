"""What `pericope plan` says beforehand against what `pericope run` then takes.

Pairs, one after the other, so that other work on the machine meets both alike.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from rich.console import Console

from benchmarks.figures import Figure, Unit, print_figures
from benchmarks.processes import Usage, pericope_run
from benchmarks.scale import copies_of_chapters
from benchmarks.speech import BENCH

_DEMO = Path("examples/demo")
_PAIRS, _QUICK_PAIRS = 3, 1
_WORKERS = 2
_GIB = 2**30
_NOTE = (
    "Default settings, 2 workers, medians of the pairs. The sample is ten minutes "
    "drawn from the corpus. Peak: resident size of the process (VmHWM)."
)


def measure(*, quick: bool) -> list[Figure]:
    """Plan and run the demo, and 120 chapters of a minute."""
    corpora = {"demo": _demo(), "120 chapters": copies_of_chapters(quick=quick)}
    pairs = _QUICK_PAIRS if quick else _PAIRS
    return [
        figure
        for case, path in corpora.items()
        for figure in _figures(case, [_pair(path) for _ in range(pairs)])
    ]


def show(figures: Sequence[Figure], console: Console) -> None:
    """Print the table."""
    print_figures(console, "Plans and runs", figures, _NOTE)


def _pair(corpus_toml: Path) -> tuple[dict, Usage]:
    """Plan, then run from an empty store."""
    command = [
        *(sys.executable, "-m", "pipelines", "plan", str(corpus_toml), "--json"),
        *("--workers", str(_WORKERS)),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    shutil.rmtree(corpus_toml.parent / "corpus", ignore_errors=True)
    return json.loads(done.stdout), pericope_run(corpus_toml, _WORKERS)


def _figures(case: str, pairs: Sequence[tuple[dict, Usage]]) -> list[Figure]:
    planned = [plan["estimates"][0]["seconds"] for plan, _ in pairs]
    took = [usage.wall_sec for _, usage in pairs]
    times = [said / real for said, real in zip(planned, took, strict=True)]
    memory = [plan["memory_bytes"] / usage.peak_bytes for plan, usage in pairs]
    peak = median(usage.peak_bytes for _, usage in pairs)
    return [
        Figure(name="planned", case=case, value=median(planned), unit=Unit.SEC),
        Figure(name="run, wall", case=case, value=median(took), unit=Unit.SEC),
        Figure(name="planned / run", case=case, value=median(times), unit=Unit.RATIO,
               at_least=0.75, at_most=1.25),
        Figure(name="furthest pair", case=case,
               value=max(times, key=lambda ratio: abs(ratio - 1)), unit=Unit.RATIO),
        Figure(name="peak", case=case, value=peak / _GIB, unit=Unit.GIB),
        Figure(name="planned memory / peak", case=case, value=median(memory),
               unit=Unit.RATIO),
    ]  # fmt: skip


def _demo() -> Path:
    """Return the demo with an output of its own."""
    folder = BENCH / "plan-demo"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    shutil.copytree(_DEMO, folder, dirs_exist_ok=True)
    path = folder / "corpus.toml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace('"../../build/demo"', '"corpus"'), encoding="utf-8")
    return path
