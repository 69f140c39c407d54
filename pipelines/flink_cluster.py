"""A Flink cluster as its JobManager tells of it, and Beam's job server for it.

What can be known beforehand is asked here: whether the cluster answers, and whether its
version is the job server's.
"""

import importlib.metadata
import re
from dataclasses import dataclass
from pathlib import Path

import requests

from schemas.errors import ConfigError

_ADDRESS = re.compile(r"[^\s/:]+:\d{1,5}")
_JOB_SERVER = "beam-runners-flink-{minor}-job-server"
_JOB_SERVER_NAME = re.compile(r"beam-runners-flink-(?P<minor>\d+\.\d+)-job-server")
_TIMEOUT_SEC = 20.0


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


def flink_cluster(master: str) -> FlinkCluster:
    """Ask a JobManager what it is and how many slots it has.

    Raises:
      ConfigError: nobody answers there, or it is no Flink, or has no slots.
    """
    require_address("--flink-master", master, "the JobManager's REST interface")
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
    name, version = _JOB_SERVER.format(minor=cluster.minor), beam_version()
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
    return f"org.apache.beam:{name}:{beam_version()}"


def beam_version() -> str:
    """Return the version of Beam that is installed."""
    return importlib.metadata.version("apache-beam")


def require_address(option: str, address: str, what: str) -> None:
    """Refuse what is no address.

    Raises:
      ConfigError: with the option and what is to be named there.
    """
    if not _ADDRESS.fullmatch(address):
        raise ConfigError(
            f"{option}: expected host:port of {what}, got {address or 'nothing'}"
        )
