"""Ten hours through the full lattice: ten minutes and more, so only when asked for."""

from collections.abc import Sequence

from rich.console import Console

from benchmarks.aligner_size import FULL, in_new_process, usage_figures
from benchmarks.figures import Figure, print_figures

_SIZE, _QUICK_SIZE = (1_800_000, 450_000), (60_000, 15_000)
_NOTE = "Planted clean emissions; processor time of one run, nothing left out."


def measure(*, quick: bool) -> list[Figure]:
    """Align ten hours once."""
    size = _QUICK_SIZE if quick else _SIZE
    return usage_figures(FULL, size, in_new_process(size, prune=False, rounds=1))


def show(figures: Sequence[Figure], console: Console) -> None:
    """Print the table."""
    print_figures(console, "Aligner, ten hours", figures, _NOTE)
