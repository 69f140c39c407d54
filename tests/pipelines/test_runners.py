"""Engines by name: what Beam is told, and what is refused before anything starts."""

import http.server
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pipelines.beam import own_error, pipeline_options
from pipelines.flink_cluster import FlinkCluster, flink_cluster, job_server_jar
from pipelines.runners import (
    NOWHERE,
    Addresses,
    check_output,
    check_runner,
    recordings_side_by_side,
    runner_arguments,
)
from schemas.errors import ArtifactError, ClusterFailed, ConfigError

CONFIG = {"flink-version": "1.19.3"}
OVERVIEW = {"taskmanagers": 2, "slots-total": 6, "slots-available": 6}
NOBODY = "127.0.0.1:1"


@pytest.fixture
def answers() -> dict[str, object]:
    """What the JobManager says to each path."""
    return {"/config": dict(CONFIG), "/overview": dict(OVERVIEW)}


@pytest.fixture
def master(answers) -> Iterator[str]:
    """A server on loopback with the two answers of Flink's REST interface in use."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps(answers.get(self.path)).encode()
            self.send_response(200 if self.path in answers else 404)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Keep the test's output clean."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def jar(folder: Path, minor: str = "1.19") -> Path:
    path = folder / f"beam-runners-flink-{minor}-job-server-2.77.0.jar"
    path.touch()
    return path


def refusal(act: Callable[[], object]) -> str:
    with pytest.raises(ConfigError) as refused:
        act()
    return str(refused.value)


@pytest.mark.parametrize("name", ["DirectRunner", "FlinkRunner", "Flink", ""])
def test_other_names_are_refused(name):
    told = refusal(lambda: check_runner(name))
    assert "FnApiRunner, plain, flink, portable, dataflow or spark" in told
    assert ("network" in told) == (name == "DirectRunner")


def test_the_embedded_engine_has_threads_only_for_several_workers():
    assert runner_arguments("FnApiRunner", 1, NOWHERE) == ["--runner=FnApiRunner"]
    assert runner_arguments("FnApiRunner", 3, NOWHERE, ["--x=1"]) == [
        "--runner=FnApiRunner",
        "--direct_running_mode=multi_threading",
        "--direct_num_workers=3",
        "--x=1",
    ]


def test_flink_by_a_job_server_that_runs(master):
    addresses = Addresses(
        flink_master=master, job_endpoint="localhost:1", worker_pool="localhost:2"
    )
    arguments = runner_arguments("flink", 4, addresses)
    assert arguments == [
        "--runner=PortableRunner",
        "--job_endpoint=localhost:1",
        "--environment_type=EXTERNAL",
        "--environment_config=localhost:2",
        "--sdk_worker_parallelism=1",
        "--parallelism=4",
    ]
    pipeline_options(arguments)  # all of them are Beam's


def test_flink_by_a_job_server_of_its_own(master, tmp_path):
    path = jar(tmp_path)
    addresses = Addresses(flink_master=master, job_server_jar=str(path))
    arguments = runner_arguments("flink", 0, addresses)
    assert arguments[:3] == [
        "--runner=FlinkRunner",
        f"--flink_master={master}",
        f"--flink_job_server_jar={path}",
    ]
    assert "--parallelism=6" in arguments
    pipeline_options(arguments)


@pytest.mark.parametrize(
    ("task_managers", "slots", "workers", "processes"),
    [(2, 6, 0, 3), (1, 2, 2, 2), (1, 8, 3, 3), (3, 7, 0, 3), (4, 4, 4, 1)],
)
def test_slots_without_a_gpu_have_a_process_each(
    master, answers, task_managers, slots, workers, processes
):
    answers["/overview"] = {"taskmanagers": task_managers, "slots-total": slots}
    addresses = Addresses(flink_master=master, job_endpoint="localhost:1")
    alone = runner_arguments("flink", workers, addresses, one_process=False)
    assert f"--sdk_worker_parallelism={processes}" in alone
    shared = runner_arguments("flink", workers, addresses)
    assert "--sdk_worker_parallelism=1" in shared


def test_as_many_recordings_at_once_as_flink_has_slots(master):
    addresses = Addresses(flink_master=master)
    assert recordings_side_by_side("flink", 0, addresses) == 6
    assert recordings_side_by_side("flink", 2, addresses) == 2
    assert recordings_side_by_side("FnApiRunner", 0, NOWHERE) == 0


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("", ("--flink-master", "host:port", "nothing")),
        ("http://localhost:8081", ("--flink-master", "host:port")),
        (NOBODY, ("--flink-master", NOBODY, "ConnectionError", "up")),
    ],
)
def test_a_master_that_is_none(address, words):
    told = refusal(lambda: flink_cluster(address))
    assert [word for word in words if word not in told] == []


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({"/config": {}}, "something else"),
        ({"/config": [1]}, "something else"),
        ({"/overview": {"slots-total": 0}}, "TaskManager"),
    ],
)
def test_a_cluster_that_cannot_be_used(changed, word, answers, master):
    answers.update(changed)
    assert word in refusal(lambda: flink_cluster(master))


def test_a_server_that_is_no_flink_at_all(answers, master):
    answers.clear()
    assert "HTTPError" in refusal(lambda: flink_cluster(master))


def test_a_job_server_of_another_version(tmp_path):
    path = jar(tmp_path, "2.1")
    told = refusal(lambda: job_server_jar(str(path), FlinkCluster("1.19.3", 1)))
    for word in ("2.1", "1.19.3", "beam-runners-flink-1.19-job-server"):
        assert word in told


def test_a_job_server_that_is_not_there(tmp_path):
    cluster = FlinkCluster("1.20.5", 1)
    assert "no such file" in refusal(lambda: job_server_jar("x.jar", cluster))
    told = refusal(lambda: job_server_jar("", cluster, repository=tmp_path))
    assert "mvn dependency:get -Dartifact=org.apache.beam:beam-runners-flink-1.20" in (
        told
    )


def test_the_job_server_that_maven_has(tmp_path):
    cluster = FlinkCluster("1.19.3", 1)
    told = refusal(lambda: job_server_jar("", cluster, repository=tmp_path))
    name, version = told.partition("org.apache.beam:")[2].split(",")[0].split(":")
    path = tmp_path / "org/apache/beam" / name / version / f"{name}-{version}.jar"
    path.parent.mkdir(parents=True)
    path.touch()
    assert job_server_jar("", cluster, repository=tmp_path) == path


@pytest.mark.parametrize("runner", ["portable", "spark"])
def test_engines_behind_a_job_server(runner):
    assert "--job-endpoint" in refusal(lambda: runner_arguments(runner, 2, NOWHERE))
    addresses = Addresses(job_endpoint="jobs:8099")
    arguments = runner_arguments(runner, 2, addresses)
    assert arguments[:2] == ["--runner=PortableRunner", "--job_endpoint=jobs:8099"]
    pipeline_options(arguments)
    wrong = Addresses(job_endpoint="jobs:8099", worker_pool="50000")
    assert "--worker-pool" in refusal(lambda: runner_arguments(runner, 2, wrong))


def test_dataflow_says_what_it_needs():
    given = ["--project=p", "--region=r"]
    told = refusal(lambda: runner_arguments("dataflow", 2, NOWHERE, given))
    assert "--temp_location, --sdk_container_image" in told
    told = refusal(lambda: check_output("dataflow", "/data/corpus"))
    assert "gs://" in told
    check_output("dataflow", "gs://bucket/corpus")
    check_output("flink", "/data/corpus")


GAVE_UP = "Pipeline BeamApp-1 failed in state FAILED: "
JAVA = (
    "java.lang.RuntimeException: Error received from SDK harness for instruction 7: "
    "Traceback (most recent call last):\n"
    '  File "a.py", line 3, in f\n'
    "    g()\n"
    "{error}\n"
    "\tat org.apache.beam.Some.method(Some.java:1)\n"
)


def test_an_error_of_ours_comes_back_from_a_worker():
    text = GAVE_UP + JAVA.format(
        error="schemas.errors.ArtifactError: x.json: damaged [while running 'Align']"
    )
    error = own_error(RuntimeError(text))
    assert isinstance(error, ArtifactError)
    assert str(error) == "x.json: damaged"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (JAVA.format(error="KeyError: 'x' [while running 'A']"), "KeyError: 'x'"),
        ("java.io.IOException: Insufficient buffers\n\tat a.b(c.java)", "Insufficient"),
        ("", "unknown error"),
    ],
)
def test_a_cluster_that_gave_up_says_why_in_a_line(text, told):
    error = own_error(RuntimeError(GAVE_UP + text))
    assert isinstance(error, ClusterFailed)
    assert told in str(error)
    assert "\n" not in str(error)
    assert "while running" not in str(error)


def test_other_errors_stay_what_they_are():
    assert own_error(RuntimeError("something of Python's")) is None
