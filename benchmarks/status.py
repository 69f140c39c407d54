"""What ``pericope status`` costs on a corpus of many recordings.

The corpus has what status reads: a log with all events of the recordings that are done,
and a store with all names of their results, which are empty files.
"""

import hashlib
import shutil
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from benchmarks.figures import Figure, Unit, print_figures
from benchmarks.speech import BENCH
from pipelines.events import attempting, tell
from pipelines.run_log import log_uri, logging_to
from pipelines.status import status_of

_RECORDINGS, _QUICK_RECORDINGS = 100_000, 2_000
_SHARE_DONE = 0.7
_STAGES = ("fetch", "align", "score", "speech", "cut")
_RESULTS = (
    *(("fetch", ".json"), ("emissions", ".npy"), ("align", ".npz"), ("score", ".json")),
    *(("opinion", ".json"), ("speech", ".json"), ("cut", ".pack"), ("cut", ".json")),
)


def measure(*, quick: bool) -> list[Figure]:
    """Tell how far a large run is that was killed."""
    recordings = _QUICK_RECORDINGS if quick else _RECORDINGS
    done = round(recordings * _SHARE_DONE)
    root = BENCH / "status"
    shutil.rmtree(root, ignore_errors=True)
    digests = [hashlib.sha256(str(k).encode()).hexdigest() for k in range(done)]
    _write_results(root, digests)
    _write_log(root, recordings, digests)
    log_bytes = sum(path.stat().st_size for path in (root / "logs").iterdir())
    started_sec = time.process_time()
    found = status_of(str(root))
    cpu_sec = time.process_time() - started_sec
    assert (found.done, len(found.in_flight)) == (done, 1)
    shutil.rmtree(root)
    return [
        Figure(name="recordings", value=recordings, unit=Unit.COUNT),
        Figure(name="done", value=done, unit=Unit.COUNT),
        Figure(name="log", value=log_bytes / 2**20, unit=Unit.MIB),
        Figure(name="files in the store", value=done * len(_RESULTS), unit=Unit.COUNT),
        Figure(name="processor time", value=cpu_sec, unit=Unit.SEC, at_most=5.0),
    ]


def show(figures: Sequence[Figure], console: Console) -> None:
    """Print the table."""
    print_figures(console, "Status", figures, "Without the start of the process.")


def _write_results(root: Path, digests: Sequence[str]) -> None:
    for stage, suffix in _RESULTS:
        for number in range(256):
            folder = root / "store" / stage / f"{number:02x}"
            folder.mkdir(parents=True, exist_ok=True)
        for digest in digests:
            (root / "store" / stage / digest[:2] / f"{digest}{suffix}").touch()


def _write_log(root: Path, recordings: int, digests: Sequence[str]) -> None:
    with logging_to(log_uri(str(root), "run")):
        tell("run_started", recordings=recordings, work="status")
        for number, digest in enumerate(digests):
            for stage in _STAGES:
                with attempting(stage, f"swh-{number:06d}") as own:
                    own.has_worked = True
                    if stage == _STAGES[-1]:
                        own.facts = {"audio_sec": 1_800.0, "result": digest}
        tell("begin", stage="align", recording="swh-last")
