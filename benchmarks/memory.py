"""Peak memory of a run: one recording of an hour, and ten of them one after another.

The ten are different recordings of one language, so that their texts and their audio
differ but are about equally long.
"""

import shutil
from collections.abc import Sequence

from rich.console import Console

from benchmarks.figures import Figure, Unit, print_figures
from benchmarks.processes import Usage, pericope_run
from benchmarks.speech import BENCH, Speech, recordings, speech_of, write_corpus

_LANGUAGE = "rus"
_SEED = 660_001
_MINUTES, _QUICK_MINUTES = 60.0, 6.0
_RECORDINGS = 10
_WORKERS = 2
_GIB = 2**30
_NOTE = (
    "Peak resident size of the process (VmHWM), default settings, 2 workers; ffmpeg "
    "runs beside it in some 50 MiB."
)


def measure(*, quick: bool) -> list[Figure]:
    """Run one recording, then ten, each from an empty store."""
    minutes = _QUICK_MINUTES if quick else _MINUTES
    speech = speech_of(
        recordings([_LANGUAGE] * _RECORDINGS, minutes, seed=_SEED, name="hour")
    )
    one = run_first(speech, 1)
    several = run_first(speech, _RECORDINGS)
    length = f"{minutes:g} min"
    return [
        Figure(
            name="peak",
            case=f"1 recording of {length}",
            value=one.peak_bytes / _GIB,
            unit=Unit.GIB,
            at_most=1.5e9 / _GIB,
        ),
        Figure(
            name="peak",
            case=f"{_RECORDINGS} of {length}",
            value=several.peak_bytes / _GIB,
            unit=Unit.GIB,
        ),
        Figure(
            name="peak of ten / peak of one",
            case=f"{_RECORDINGS} of {length}",
            value=several.peak_bytes / one.peak_bytes,
            unit=Unit.RATIO,
            at_most=1.1,
        ),
    ]


def run_first(speech: Speech, count: int) -> Usage:
    """Cut the first recordings into a corpus, from nothing."""
    name = f"memory-{count}"
    shutil.rmtree(BENCH / name, ignore_errors=True)
    return pericope_run(write_corpus(speech, name, count), _WORKERS)


def show(figures: Sequence[Figure], console: Console) -> None:
    """Print the table."""
    print_figures(console, "Memory", figures, _NOTE)
