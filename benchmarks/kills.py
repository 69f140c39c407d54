"""Fifty kills: is the corpus the same, and how much work was done twice?

``pericope run`` on two threads is killed (SIGKILL) at random moments of its own
processor time and started again, until it is done; then all over again, until there
were so many kills. Moments begin late in the start of the process, which a
run with nothing to do shows. What the stages did stands in the logs of the runs.
"""

import json
import random
import shutil
import signal
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console

from benchmarks.figures import Figure, Unit, print_figures
from benchmarks.speech import BENCH, recordings, speech_of, write_corpus
from pipelines.tables import read_ledger
from pipelines.verify import verify_corpus
from tests.pipelines.corpora import contents
from tests.pipelines.forks import Ended, Forks

_KILLS, _QUICK_KILLS = 50, 5
_CHAPTERS, _QUICK_CHAPTERS = 8, 2
_MINUTES = 0.5
_SEED = 660_001
_LIVES = 20
"""The work between two kills is drawn evenly up to two of so many parts of a run's."""
_NOTE = (
    "Stage executions are those that found less than all in the store, finished or "
    "broken off; processor time has the starts of all runs in it."
)


@dataclass
class Killed:
    """What it took to finish a corpus some times under fire."""

    kills: int = 0
    corpora: int = 0
    cpu_sec: float = 0.0
    other_bytes: int = 0
    """Corpora that are not as the one that nobody disturbed."""
    findings: int = 0
    temporary_files: int = 0
    executed: Counter[tuple[int, str, str]] = field(default_factory=Counter)
    """How often a stage worked on a recording, by corpus, stage and recording."""


def measure(*, quick: bool) -> list[Figure]:
    """Finish a corpus undisturbed, and again under so many kills."""
    chapters = _QUICK_CHAPTERS if quick else _CHAPTERS
    jobs = recordings(["swh"] * chapters, _MINUTES, seed=_SEED, name="kills")
    speech = speech_of(jobs)
    toml, output = write_corpus(speech, "kills").absolute(), BENCH / "kills"
    with Forks() as forks:
        shutil.rmtree(output, ignore_errors=True)
        whole = forks.run("run", toml, "--workers", 2)
        assert whole.status == 0, whole.stderr
        expected, once = contents(output), _executed(output)
        start = forks.run("run", toml, "--workers", 2)
        work_sec = max(0.0, whole.cpu_sec - start.cpu_sec)
        moments = 0.7 * start.cpu_sec, start.cpu_sec + 2 * work_sec / _LIVES
        kills = _QUICK_KILLS if quick else _KILLS
        under_fire = _under_fire(forks, toml, moments, expected, kills)
    ledger_sec = sum(row.end_sec - row.start_sec for row in read_ledger(str(output)))
    ledger_error_sec = abs(ledger_sec - speech.duration_sec)
    return _figures(under_fire, whole, start, len(once), ledger_error_sec)


def show(figures: Sequence[Figure], console: Console) -> None:
    """Print the table."""
    print_figures(console, "Kills", figures, _NOTE)


def _under_fire(
    forks: Forks,
    toml: Path,
    moments: tuple[float, float],
    expected: dict[str, str],
    kills: int,
) -> Killed:
    """Kill and start again between these seconds of processor time."""
    output, rng, found = BENCH / "kills", random.Random(_SEED), Killed()
    while found.kills < kills:
        shutil.rmtree(output)
        while True:
            running = forks.start("run", toml, "--workers", 2)
            if found.kills < kills:
                running.kill_after(rng.uniform(*moments))
            ended = running.wait()
            found.cpu_sec += ended.cpu_sec
            if ended.status != -signal.SIGKILL:
                break
            found.kills += 1
        assert ended.status == 0, ended.stderr
        found.corpora += 1
        found.other_bytes += contents(output) != expected
        found.findings += len(verify_corpus(str(output), lambda *_: None))
        found.temporary_files += sum(1 for _ in output.rglob(".tmp-*"))
        for (stage, name), times in _executed(output).items():
            found.executed[found.corpora, stage, name] += times
    return found


def _executed(output: Path) -> Counter[tuple[str, str]]:
    """Count the times that a stage worked on a recording, by the logs."""
    counts: Counter[tuple[str, str]] = Counter()
    for path in sorted((output / "logs").glob("*.jsonl")):
        begun: set[tuple[str, str]] = set()
        for row in _rows(path):
            place = row.get("stage", ""), row.get("recording", "")
            if row["event"] == "begin":
                begun.add(place)
            elif row["event"] == "done":
                begun.discard(place)
                counts[place] += not row["reused"]
        counts.update(begun)  # broken off
    return counts


def _rows(path: Path) -> Iterator[dict]:
    for line in path.read_text().splitlines():
        try:
            yield json.loads(line)
        except ValueError:  # the last one, broken off
            return


def _figures(
    found: Killed, whole: Ended, start: Ended, once: int, ledger_error_sec: float
) -> list[Figure]:
    executions, corpora = found.executed.total(), found.corpora
    repeated = (executions - once * corpora) / found.kills
    return [
        Figure(name="kills", value=found.kills, unit=Unit.COUNT),
        Figure(name="corpora finished", value=corpora, unit=Unit.COUNT),
        Figure(
            name="with other bytes", value=found.other_bytes, unit=Unit.COUNT, at_most=0
        ),
        Figure(
            name="findings of verify", value=found.findings, unit=Unit.COUNT, at_most=0
        ),
        Figure(
            name="temporary files",
            value=found.temporary_files,
            unit=Unit.COUNT,
            at_most=0,
        ),
        Figure(
            name="ledger against sound",
            value=ledger_error_sec,
            unit=Unit.SEC,
            at_most=0.1,
        ),
        Figure(name="stage executions undisturbed", value=once, unit=Unit.COUNT),
        Figure(
            name="stage executions under kills, a corpus",
            value=executions / corpora,
            unit=Unit.COUNT,
        ),
        Figure(
            name="stage executions repeated a kill",
            value=repeated,
            unit=Unit.RATIO,
            at_most=2.0,
        ),
        Figure(name="processor time undisturbed", value=whole.cpu_sec, unit=Unit.SEC),
        Figure(
            name="processor time with nothing to do",
            value=start.cpu_sec,
            unit=Unit.SEC,
        ),
        Figure(
            name="processor time under kills / undisturbed",
            value=found.cpu_sec / corpora / whole.cpu_sec,
            unit=Unit.RATIO,
        ),
    ]
