"""Which engine runs a corpus: from a name and some addresses to Beam's options.

Beam's own names and options differ from engine to engine, and much of what is wrong
with them shows minutes later in another machine's log. What can be known beforehand
is asked here: whether the cluster answers, and whether its version is the job server's.
"""

import importlib.metadata
import importlib.util
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import requests

from pipelines.addresses import scheme_of
from schemas.errors import ConfigError

# Beam picks another engine for "DirectRunner" depending on the network and the graph.
EMBEDDED = "FnApiRunner"
PLAIN = "plain"
REMOTE = ("flink", "portable", "dataflow", "spark")

_ADDRESS = re.compile(r"[^\s/:]+:\d{1,5}")
_JOB_SERVER = "beam-runners-flink-{minor}-job-server"
_JOB_SERVER_NAME = re.compile(r"beam-runners-flink-(?P<minor>\d+\.\d+)-job-server")
_NEEDED_BY_DATAFLOW = ("project", "region", "temp_location", "sdk_container_image")
_TIMEOUT_SEC = 20.0


@dataclass(frozen=True, kw_only=True)
class Addresses:
    """Where the parts of a cluster are; those that its engine has not stay empty."""

    flink_master: str = ""
    """host:port of the JobManager's REST interface."""
    job_endpoint: str = ""
    """host:port of a job server of Beam's that runs already."""
    job_server_jar: str = ""
    """Flink's job server, to be started for this run; "": where Maven keeps it."""
    worker_pool: str = "localhost:50000"
    """host:port of the pool that starts workers, as a TaskManager sees it."""


NOWHERE = Addresses()


@dataclass(frozen=True)
class FlinkCluster:
    """What a JobManager tells about its cluster."""

    version: str
    slots: int
    task_managers: int = 1

    @property
    def minor(self) -> str:
        """The part of the version that the job server has to share: 1.19, 1.20, 2.0."""
        return ".".join(self.version.split(".")[:2])

    @property
    def slots_of_each(self) -> int:
        """Slots of a TaskManager, rounded up where they are not all alike."""
        return -(-self.slots // self.task_managers)


def check_runner(runner: str) -> None:
    """Refuse names that are no engine.

    Raises:
      ConfigError: with the names that are.
    """
    known = (EMBEDDED, PLAIN, *REMOTE)
    if runner not in known:
        why = "; DirectRunner picks its engine by network and graph"
        raise ConfigError(
            f"--runner {runner}: expected {', '.join(known[:-1])} or {known[-1]}"
            f"{why if runner == 'DirectRunner' else ''}"
        )


def recordings_side_by_side(runner: str, asked: int, addresses: Addresses) -> int:
    """Return how many recordings a run takes at once; 0: one a core of this machine.

    On Flink it is, unless somebody asks for less, as many as the cluster has slots.

    Raises:
      ConfigError: the cluster does not answer.
    """
    if asked or runner != "flink":
        return asked
    return flink_cluster(addresses.flink_master).slots


def runner_arguments(
    runner: str,
    workers: int,
    addresses: Addresses,
    further: Sequence[str] = (),
    *,
    one_process: bool = True,
) -> list[str]:
    """Return all options for Beam.

    Args:
      runner: any but ``plain``, which is without Beam.
      workers: recordings side by side.
      addresses: of the cluster.
      further: what the user adds; it comes last, and so wins.
      one_process: the slots of a Flink TaskManager share a worker process and so its
        model, as a GPU wants it; else each has its own, since threads share a lock.

    Raises:
      ConfigError: there is no such engine, something that it needs is missing, the
        cluster does not answer, or has another version than the job server.
    """
    check_runner(runner)
    if runner == "flink":
        arguments = _flink_arguments(workers, addresses, one_process=one_process)
    elif runner in ("portable", "spark"):
        arguments = [*_submitted_to(addresses, runner), *_workers_of(addresses, 1)]
    elif runner == "dataflow":
        arguments = _dataflow_arguments(workers, further)
    else:
        arguments = [f"--runner={EMBEDDED}"]
        if workers > 1:
            arguments += [
                "--direct_running_mode=multi_threading",
                f"--direct_num_workers={workers}",
            ]
    return [*arguments, *further]


def check_output(runner: str, output: str) -> None:
    """Refuse a corpus on this machine's disk where no worker could write it.

    Raises:
      ConfigError: the engine's machines are never this one.
    """
    if runner == "dataflow" and scheme_of(output) in ("", "file"):
        raise ConfigError(
            f"corpus.output: expected gs://... for --runner dataflow, got {output}, "
            "which its machines cannot see"
        )


def flink_cluster(master: str) -> FlinkCluster:
    """Ask a JobManager what it is and how many slots it has.

    Raises:
      ConfigError: nobody answers there, or it is no Flink, or has no slots.
    """
    _require_address("--flink-master", master, "the JobManager's REST interface")
    version = _told_by(master, "config").get("flink-version", "")
    overview = _told_by(master, "overview")
    slots = overview.get("slots-total", 0)
    if not re.match(r"\d+\.\d+", str(version)):
        raise ConfigError(
            f"--flink-master {master}: expected a Flink JobManager, something else "
            "answers there"
        )
    if not slots:
        raise ConfigError(
            f"--flink-master {master}: expected at least one TaskManager, none is "
            "registered; start one, or wait until it is up"
        )
    task_managers = int(overview.get("taskmanagers") or 1)
    return FlinkCluster(str(version), int(slots), task_managers)


def _told_by(master: str, what: str) -> dict:
    try:
        answer = requests.get(f"http://{master}/{what}", timeout=_TIMEOUT_SEC)
        answer.raise_for_status()
        told = answer.json()
    except (requests.RequestException, ValueError) as error:
        raise ConfigError(
            f"--flink-master {master}: expected a Flink JobManager's REST interface, "
            f"got no answer of one ({type(error).__name__}); is it up, and is this "
            "rest.port?"
        ) from error
    return told if isinstance(told, dict) else {}


def _flink_arguments(
    workers: int, addresses: Addresses, *, one_process: bool
) -> list[str]:
    cluster = flink_cluster(addresses.flink_master)
    parallelism = workers or cluster.slots
    processes = 1 if one_process else min(cluster.slots_of_each, parallelism)
    shared = [*_workers_of(addresses, processes), f"--parallelism={parallelism}"]
    if addresses.job_endpoint:
        return [*_submitted_to(addresses, "flink"), *shared]
    jar = job_server_jar(addresses.job_server_jar, cluster)
    if shutil.which("java") is None:
        raise ConfigError(
            f"--runner flink: expected java on the PATH, to run {jar.name}; install a "
            "Java 17, or name a job server that runs with --job-endpoint"
        )
    return [
        "--runner=FlinkRunner",
        f"--flink_master={addresses.flink_master}",
        f"--flink_job_server_jar={jar}",
        *shared,
    ]


def job_server_jar(
    asked: str, cluster: FlinkCluster, repository: Path | None = None
) -> Path:
    """Return Beam's job server for a cluster.

    Args:
      asked: its path, "" for the one in Maven's local repository.
      cluster: that it is to talk to.
      repository: Maven's, unless it is where it always is.

    Raises:
      ConfigError: it is not there, or is for another version of Flink.
    """
    if asked:
        jar = Path(asked)
        if not jar.is_file():
            raise ConfigError(f"--job-server-jar {asked}: there is no such file")
        named = _JOB_SERVER_NAME.match(jar.name)
        if named and named["minor"] != cluster.minor:
            raise ConfigError(
                f"--job-server-jar {asked}: it is for Flink {named['minor']}, the "
                f"cluster is {cluster.version}; take {_artifact(cluster)}"
            )
        return jar
    name, version = _JOB_SERVER.format(minor=cluster.minor), _beam_version()
    repository = repository or Path.home() / ".m2" / "repository"
    jar = repository / "org/apache/beam" / name / version / f"{name}-{version}.jar"
    if not jar.is_file():
        raise ConfigError(
            f"--runner flink: expected Beam's job server for Flink {cluster.minor}, "
            f"found none; get it with mvn dependency:get -Dartifact="
            f"{_artifact(cluster)}, or name another one with --job-server-jar"
        )
    return jar


def _artifact(cluster: FlinkCluster) -> str:
    name = _JOB_SERVER.format(minor=cluster.minor)
    return f"org.apache.beam:{name}:{_beam_version()}"


def _beam_version() -> str:
    return importlib.metadata.version("apache-beam")


def _submitted_to(addresses: Addresses, runner: str) -> list[str]:
    endpoint = addresses.job_endpoint
    _require_address("--job-endpoint", endpoint, f"a job server, for --runner {runner}")
    return ["--runner=PortableRunner", f"--job_endpoint={endpoint}"]


def _workers_of(addresses: Addresses, processes: int) -> list[str]:
    """Return options for workers that a pool starts, so many for each machine.

    A process has a model of its own, which its threads share.
    """
    pool = addresses.worker_pool
    _require_address("--worker-pool", pool, "the pool beside each TaskManager")
    return [
        "--environment_type=EXTERNAL",
        f"--environment_config={pool}",
        f"--sdk_worker_parallelism={processes}",
    ]


def _dataflow_arguments(workers: int, further: Sequence[str]) -> list[str]:
    given = {argument.lstrip("-").partition("=")[0] for argument in further}
    missing = [f"--{name}" for name in _NEEDED_BY_DATAFLOW if name not in given]
    if missing:
        raise ConfigError(
            f"--runner dataflow: expected {', '.join(missing)} after a double dash"
        )
    if (
        importlib.util.find_spec("apache_beam.runners.dataflow.internal.clients")
        is None
    ):
        raise ConfigError(
            "--runner dataflow: Google's libraries are missing; "
            f"pip install 'apache-beam[gcp]=={_beam_version()}'"
        )
    return [
        "--runner=DataflowRunner",
        "--sdk_location=container",
        # One process a machine, which has the model; its threads share it.
        "--experiments=no_use_multiple_sdk_containers",
        f"--max_num_workers={max(workers, 1)}",
    ]


def _require_address(option: str, address: str, what: str) -> None:
    if not _ADDRESS.fullmatch(address):
        raise ConfigError(
            f"{option}: expected host:port of {what}, got {address or 'nothing'}"
        )
