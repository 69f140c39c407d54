"""How far a run is, from logs and store alone."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from pipelines.alone import alone_in
from pipelines.events import attempting, tell
from pipelines.log_reading import read_logs
from pipelines.run_log import log_uri, logging_to
from pipelines.status import FINISHED, RUNNING, STOPPED, in_flight, status_of
from pipelines.store import Store
from schemas.errors import ArtifactError
from tests.pipelines.corpora import write_corpus

STAGES = ("fetch", "align", "score", "speech", "cut")


def one_run(
    root: Path,
    done: Sequence[str],
    *,
    rejected: Sequence[str] = (),
    begun: str = "",
    ends: bool = False,
    work: str = "w",
    keep: bool = True,
) -> None:
    """Write the log of a run, and the clips of what it has done."""
    with logging_to(log_uri(str(root), "run")):
        tell("run_started", recordings=4, work=work)
        for name in done:
            for stage in STAGES:
                with attempting(stage, name) as own:
                    own.has_worked = True
                    if stage == "cut":
                        digest = name.encode().hex().rjust(64, "0")
                        own.facts = {"audio_sec": 1800.0, "result": digest}
                        if keep:
                            Store(str(root)).write_bytes(b"{}", "cut", digest, ".json")
        for name in rejected:
            with attempting("align", name) as own:
                own.reason, own.facts = "text_empty", {"audio_sec": 360.0}
        if begun:
            with pytest.raises(KeyError), attempting("align", begun):
                raise KeyError  # as if killed: nothing more is told
        if ends:
            tell("run_ended", seconds=2.0)


def test_a_finished_run(tmp_path):
    one_run(tmp_path, ["a", "b", "c"], rejected=["d"], ends=True)
    found = status_of(str(tmp_path))
    assert (found.state, found.recordings, found.done) == (FINISHED, 4, 4)
    assert [(row.recording, row.reason) for row in found.rejected] == [
        ("d", "text_empty")
    ]
    assert found.hours_done == pytest.approx(1.6)
    assert found.in_flight == () and found.seconds_left == 0.0
    assert found.stored == {"cut": 3}
    assert found.last_events[-1]["event"] == "run_ended"


def test_a_running_and_a_dead_run_are_told_apart(tmp_path):
    one_run(tmp_path, ["a", "b"], begun="c")
    with alone_in(str(tmp_path)):
        found = status_of(str(tmp_path))
        assert found.state == RUNNING
    assert [(row.recording, row.stage) for row in found.in_flight] == [("c", "align")]
    assert found.seconds_left is not None and found.seconds_left > 0
    found = status_of(str(tmp_path))
    assert (found.state, found.done) == (STOPPED, 2)


def test_runs_of_the_same_work_add_up(tmp_path):
    one_run(tmp_path, ["a"], rejected=["d"])
    one_run(tmp_path, ["x", "y"], work="another configuration")
    one_run(tmp_path, ["b"], begun="c")
    found = status_of(str(tmp_path))
    assert (found.done, len(found.rejected)) == (3, 1)
    # What was deleted from the store since is not done any more.
    for path in (tmp_path / "store/cut").rglob("*61.json"):
        path.unlink()
    assert status_of(str(tmp_path)).done == 2


def test_of_a_run_on_a_cluster_nobody_says_that_nothing_is_done(tmp_path, command):
    with logging_to(log_uri(str(tmp_path), "run")):
        tell("run_started", recordings=4, work="w", runner="flink")
        tell("run_ended", seconds=2.0)
    found = status_of(str(tmp_path))
    assert (found.state, found.recordings, found.done) == (FINISHED, 4, None)
    assert "a run of 4 recordings on a cluster" in command("status", tmp_path).out


def test_without_a_log_the_store_tells(tmp_path):
    Store(str(tmp_path)).write_bytes(b"x", "align", "0" * 64, ".npz")
    found = status_of(str(tmp_path))
    assert (found.state, found.log, found.stored) == (STOPPED, "", {"align": 1})
    with pytest.raises(ArtifactError, match="expected a corpus that a run has begun"):
        status_of(str(tmp_path / "nothing"))


def test_in_flight_is_what_was_begun_last(tmp_path):
    one_run(tmp_path, [], begun="late")
    (log,) = read_logs(str(tmp_path))
    assert [row.recording for row in in_flight(log.events)] == ["late"]


def test_a_killed_run_is_told_by_the_command(speech, forks, command, tmp_path_factory):
    folder = tmp_path_factory.mktemp("killed")
    toml = write_corpus(folder, speech, speech.rows())
    ended = forks.run("run", toml, "--runner", "plain", kill_at=75)
    assert ended.status < 0
    told = json.loads(command("status", toml, "--json").out)
    assert (told["state"], told["recordings"]) == (STOPPED, 3)
    assert 0 <= told["done"] < 3
    assert len(told["in_flight"]) == 1  # one at a time, and it died with it
    shown = command("status", folder / "corpus")
    assert shown.status == 0
    assert "stopped" in shown.out and "in flight: 1" in shown.out
    missing = command("status", folder)
    assert missing.status == 1 and "say `pericope run` first" in missing.err
