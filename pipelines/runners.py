"""Which engine runs a corpus: from a name and some addresses to Beam's options.

Beam's own names and options differ from engine to engine, and much of what is wrong
with them shows minutes later in another machine's log, so that all that can be known
beforehand is asked here.
"""

import importlib.util
import shutil
from collections.abc import Sequence
from dataclasses import dataclass

from pipelines.addresses import scheme_of
from pipelines.flink_cluster import (
    beam_version,
    flink_cluster,
    job_server_jar,
    require_address,
)
from schemas.errors import ConfigError

# Beam picks another engine for "DirectRunner" depending on the network and the graph.
EMBEDDED = "FnApiRunner"
PLAIN = "plain"
REMOTE = ("flink", "portable", "dataflow", "spark")

_NEEDED_BY_DATAFLOW = ("project", "region", "temp_location", "sdk_container_image")


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


def _submitted_to(addresses: Addresses, runner: str) -> list[str]:
    endpoint = addresses.job_endpoint
    require_address("--job-endpoint", endpoint, f"a job server, for --runner {runner}")
    return ["--runner=PortableRunner", f"--job_endpoint={endpoint}"]


def _workers_of(addresses: Addresses, processes: int) -> list[str]:
    """Return options for workers that a pool starts, so many for each machine.

    A process has a model of its own, which its threads share.
    """
    pool = addresses.worker_pool
    require_address("--worker-pool", pool, "the pool beside each TaskManager")
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
            f"pip install 'apache-beam[gcp]=={beam_version()}'"
        )
    return [
        "--runner=DataflowRunner",
        "--sdk_location=container",
        # One process a machine, which has the model; its threads share it.
        "--experiments=no_use_multiple_sdk_containers",
        f"--max_num_workers={max(workers, 1)}",
    ]
