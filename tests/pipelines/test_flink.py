"""On a real Flink: the same bytes, also when its parts are killed in mid-run.

Skipped where no cluster runs: ``make flink-up`` starts one, ``make test-flink`` does
all of it.
"""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
import psutil
import pytest

from flink.cluster import LOGS, STATE, Cluster, read_cluster, slots_of
from tests.pipelines.corpora import Speech, contents, run, write_corpus

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "examples" / "demo"
# So that a recording is cut into several shards, and more can go wrong.
SETTINGS = "[shards]\nsamples_per_shard = 2\n"
PATIENCE_SEC = 900


@pytest.fixture(scope="module")
def cluster() -> Cluster:
    if not STATE.exists():
        pytest.skip("no Flink cluster here: make flink-up")
    found = read_cluster()
    if not slots_of(found):
        pytest.skip(f"the Flink cluster at {found.master} does not answer")
    return found


def start_on(cluster: Cluster, toml: Path, *options: str) -> subprocess.Popen:
    pericope = [sys.executable, "-m", "pipelines", "run", str(toml)]
    return subprocess.Popen(
        [*pericope, *cluster.run_options(), *options],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finished(process: subprocess.Popen) -> int:
    """Wait for the end and return the exit status; shows what a bad run said."""
    told, complained = process.communicate(timeout=PATIENCE_SEC)
    assert "Traceback" not in complained, complained
    if process.returncode:
        print(told, complained)
    return process.returncode


@pytest.mark.slow
def test_the_demo_is_the_same_as_in_one_process(cluster, tmp_path):
    for name in ("embedded", "flink"):
        shutil.copytree(DEMO, tmp_path / name / "examples" / "demo")
    embedded, flink = (
        tmp_path / name / "examples" / "demo" / "corpus.toml"
        for name in ("embedded", "flink")
    )
    assert run(embedded, "FnApiRunner", workers=2) == 0
    assert finished(start_on(cluster, flink, "--json")) == 0
    expected = contents(tmp_path / "embedded" / "build" / "demo")
    assert len(expected) > 100
    assert contents(tmp_path / "flink" / "build" / "demo") == expected


class Watch:
    """Sees which files of the store are made, and made again."""

    def __init__(self, output: Path) -> None:
        self.output = output
        self.inodes: dict[Path, int] = {}
        self.made_again = 0

    def look(self) -> int:
        """Return how many results there are."""
        for path in self.output.glob("store/*/??/*"):
            if ".tmp-" in path.name or "/fetch/" in str(path):
                continue
            inode = path.stat().st_ino
            if self.inodes.setdefault(path, inode) != inode:
                self.inodes[path] = inode
                self.made_again += 1
        return len(self.inodes)

    def until(self, results: int, process: subprocess.Popen) -> bool:
        """Wait for so many results; False if the run ended before."""
        ends_sec = time.monotonic() + PATIENCE_SEC
        while self.look() < results:
            if process.poll() is not None:
                return False
            assert time.monotonic() < ends_sec, "nothing happens any more"
            time.sleep(0.01)
        return True


def kill_task_manager(cluster: Cluster) -> None:
    os.kill(cluster.pid_of("task-manager"), signal.SIGKILL)


def kill_worker(cluster: Cluster) -> None:
    workers = cluster.workers()
    assert workers, "no worker runs, and yet there are results"
    for worker in workers:
        worker.kill()


@pytest.fixture(scope="module")
def undisturbed(speech: Speech, tmp_path_factory) -> tuple[Path, dict[str, str], int]:
    """A corpus, what a run in one process makes of it, and how many results that is."""
    toml = write_corpus(
        tmp_path_factory.mktemp("flink"), speech, speech.rows(), SETTINGS
    )
    assert run(toml, "FnApiRunner", workers=2) == 0
    output = toml.parent / "corpus"
    watch = Watch(output)
    found = contents(output), watch.look()
    shutil.rmtree(output)
    return toml, *found


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
def test_a_part_is_killed_in_mid_run(seed, cluster, undisturbed, record_property):
    """The job goes on with what was done, or fails clearly and goes on when started."""
    toml, expected, results = undisturbed
    output = toml.parent / "corpus"
    shutil.rmtree(output, ignore_errors=True)
    kill: Callable[[Cluster], None] = (kill_worker, kill_task_manager)[seed % 2]
    watch = Watch(output)
    process = start_on(cluster, toml, "--json")
    at = random.Random(seed).randrange(1, results - 3)
    assert watch.until(at, process), process.communicate()
    kill(cluster)
    runs = 1
    while process.poll() is None:
        watch.look()
        time.sleep(0.02)
    while finished(process) != 0:
        runs += 1
        assert runs < 4
        process = start_on(cluster, toml, "--json")
    watch.look()
    assert contents(output) == expected
    assert list(output.rglob(".tmp-*")) == []
    assert gap_of_ledger_sec(output) < 1e-6
    # What was in flight is done again: at most the step of each of two recordings.
    assert watch.made_again <= 2
    found = {
        "kill": kill.__name__,
        "after": f"{at} of {results} results",
        "runs": runs,
        "made again": watch.made_again,
    }
    record_property("kill", found)
    print(json.dumps(found))


def gap_of_ledger_sec(output: Path) -> float:
    """Return by how much any recording's seconds are told twice or not at all."""
    rows = duckdb.sql(
        f"""
        select max(abs(total)) from (
          select max(end_sec) - sum(end_sec - start_sec) as total
          from read_parquet('{output}/ledger/*.parquet') group by recording
        )
        """
    ).fetchall()
    return float(rows[0][0])


def test_the_workers_know_the_project_by_its_wheel_alone(cluster):
    pool = psutil.Process(cluster.pid_of("worker-pool"))
    found = subprocess.run(
        ["python", "-c", "import pipelines; print(pipelines.__file__)"],
        cwd=pool.cwd(),
        env=pool.environ(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert "build/flink/worker/lib" in found.stdout


def test_the_pool_s_log_tells_what_became_of_a_recording(cluster, speech, tmp_path):
    rows = speech.rows()[:1]
    rows[0]["recording_id"] = "told-by-its-name"
    toml = write_corpus(tmp_path, speech, rows, SETTINGS)
    assert finished(start_on(cluster, toml, "--json")) == 0
    log = (LOGS / "worker-pool.log").read_text(encoding="utf-8", errors="replace")
    rows = [json.loads(line) for line in log.splitlines() if "told-by-its-name" in line]
    done = {row["stage"] for row in rows if row["event"] == "done"}
    assert done >= {"fetch", "align", "score", "cut"}


def test_an_input_that_cannot_be_used_is_a_reject_there_as_here(
    cluster, speech, tmp_path
):
    rows = speech.rows()
    toml = write_corpus(tmp_path, speech, rows[:1], SETTINGS)
    (tmp_path / rows[0]["audio"]).write_bytes(b"no audio at all")
    assert finished(start_on(cluster, toml, "--json")) == 3
    (path,) = (tmp_path / "corpus" / "rejects").glob("*.parquet")
    found = duckdb.sql(f"select reason from read_parquet('{path}')").fetchall()
    assert found == [("audio_unreadable",)]


def test_a_damaged_file_of_the_store_ends_the_run_with_its_name(
    cluster, speech, tmp_path
):
    toml = write_corpus(tmp_path, speech, speech.rows()[1:2], SETTINGS)
    assert run(toml, "plain") == 0
    (damaged,) = (tmp_path / "corpus" / "store" / "align").glob("??/*.npz")
    damaged.write_bytes(b"{")
    for made in (tmp_path / "corpus" / "store" / "cut").glob("??/*"):
        made.unlink()
    process = start_on(cluster, toml, "--json")
    _, complained = process.communicate(timeout=PATIENCE_SEC)
    assert process.returncode == 1
    assert damaged.name in complained
    assert "Traceback" not in complained
