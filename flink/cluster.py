"""One JobManager, one TaskManager, one pool of workers and Beam's job server.

    python -m flink.cluster up [--slots 2]
    python -m flink.cluster down

Everything listens on 127.0.0.1 alone, on ports that are free; build/flink/cluster.json
says where, build/flink/log has what each of them wrote.
"""

import argparse
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil
import requests

from flink.artefacts import (
    FOLDER,
    flink_jars,
    job_server_jar,
    missing_programs,
    worker_python,
)

STATE = FOLDER / "cluster.json"
LOGS = FOLDER / "log"
_CONFIG = FOLDER / "conf"
_KEEP = Path(__file__).with_name("keep.py")
_LOG_SETTINGS = Path(__file__).with_name("log4j.properties")
_RUNTIME = "org.apache.flink.runtime"
_JOB_MANAGER = f"{_RUNTIME}.entrypoint.StandaloneSessionClusterEntrypoint"
_TASK_MANAGER = f"{_RUNTIME}.taskexecutor.TaskManagerRunner"
_WORKER_POOL = "apache_beam.runners.worker.worker_pool_main"
_PATIENCE_SEC = 180.0
# Flink reaches into the JDK: the packages that its own start script opens on Java 17.
_EXPORTED = (
    "java.base/sun.net.util java.rmi/sun.rmi.registry "
    "java.security.jgss/sun.security.krb5"
).split()
_OPENED = (
    "java.base/java.lang java.base/java.net java.base/java.io java.base/java.nio "
    "java.base/sun.nio.ch java.base/java.lang.reflect java.base/java.text "
    "java.base/java.time java.base/java.util java.base/java.util.concurrent "
    "java.base/java.util.concurrent.atomic java.base/java.util.concurrent.locks"
).split()


@dataclass(frozen=True)
class Cluster:
    """Where the parts of a running cluster are to be found."""

    master: str
    """host:port of the JobManager's REST interface."""
    job_endpoint: str
    """host:port of Beam's job server."""
    worker_pool: str
    """host:port of the pool that starts workers."""
    job_server_jar: str
    keepers: dict[str, int]
    """Processes that keep the parts running, by the part's name."""

    def pid_of(self, part: str) -> int:
        """Return the process of a part, which changes when it was started again."""
        return int((LOGS / f"{part}.pid").read_text(encoding="utf-8"))

    def workers(self) -> list[psutil.Process]:
        """Return the processes in which stages run at the moment."""
        pool = psutil.Process(self.pid_of("worker-pool"))
        return [
            child for child in pool.children() if child.status() != psutil.STATUS_ZOMBIE
        ]

    def run_options(self) -> list[str]:
        """Return the options with which ``pericope run`` works on this cluster."""
        options = {
            "--runner": "flink",
            "--flink-master": self.master,
            "--job-endpoint": self.job_endpoint,
            "--worker-pool": self.worker_pool,
        }
        return [part for option in options.items() for part in option]


def up(slots: int = 2) -> Cluster:
    """Start a cluster and wait until it can take jobs; one that runs is ended first.

    Raises:
      RuntimeError: a program is missing, or a part does not come up.
    """
    missing = missing_programs()
    if missing:
        raise RuntimeError(f"Flink needs {' and '.join(missing)} on the PATH")
    down()
    FOLDER.mkdir(parents=True, exist_ok=True)
    jars, job_server, python = flink_jars(), job_server_jar(), worker_python()
    shutil.rmtree(LOGS, ignore_errors=True)
    LOGS.mkdir()
    rpc, rest, pool, jobs, staged = _free_ports(5)
    _configure(slots, rpc, rest)
    logged = f"-Dlog4j.configurationFile={_LOG_SETTINGS}"
    flink = ("java", "-Xmx448m", logged, "-cp", f"{jars}/*", *_openings())
    configured = ("--configDir", str(_CONFIG))
    commands = {
        "job-manager": (*flink, _JOB_MANAGER, *configured),
        "task-manager": (*flink, _TASK_MANAGER, *configured),
        "worker-pool": (str(python), "-m", _WORKER_POOL, f"--service_port={pool}"),
        "job-server": (
            "java",
            "-Xmx448m",
            "-jar",
            str(job_server),
            f"--flink-master=127.0.0.1:{rest}",
            f"--job-port={jobs}",
            f"--artifact-port={staged}",
            "--expansion-port=0",
            f"--artifacts-dir={FOLDER / 'artifacts'}",
        ),
    }
    keepers = {part: _kept(part, command) for part, command in commands.items()}
    cluster = Cluster(
        f"127.0.0.1:{rest}",
        f"127.0.0.1:{jobs}",
        f"127.0.0.1:{pool}",
        str(job_server),
        keepers,
    )
    STATE.write_text(json.dumps(asdict(cluster)), encoding="utf-8")
    try:
        _wait(lambda: slots_of(cluster) >= slots, "task-manager")
        _wait(lambda: _listens(pool), "worker-pool")
        _wait(lambda: _listens(jobs), "job-server")
    except BaseException:
        down()  # else its other parts would go on, with nobody to use them
        raise
    return cluster


def down() -> None:
    """End the cluster and its workers, if there is one."""
    if not STATE.exists():
        return
    keepers = read_cluster().keepers.values()
    family = []
    for pid in keepers:
        try:
            keeper = psutil.Process(pid)
        except psutil.NoSuchProcess:
            continue
        if str(_KEEP) in keeper.cmdline():
            family += [keeper, *keeper.children(recursive=True)]
    for process in family:  # keepers first: they end what they keep
        _signal(process, signal.SIGTERM)
    for process in psutil.wait_procs(family, timeout=20)[1]:
        _signal(process, signal.SIGKILL)
    STATE.unlink()


def read_cluster() -> Cluster:
    """Return the cluster that was started; raises FileNotFoundError if none was."""
    return Cluster(**json.loads(STATE.read_text(encoding="utf-8")))


def slots_of(cluster: Cluster) -> int:
    """Return how many tasks the cluster takes side by side, 0 while it is not up."""
    try:
        answer = requests.get(f"http://{cluster.master}/overview", timeout=10)
    except requests.ConnectionError:
        return 0
    return int(answer.json().get("slots-total", 0))


def _configure(slots: int, rpc_port: int, rest_port: int) -> None:
    _CONFIG.mkdir(parents=True, exist_ok=True)
    settings = Path(__file__).with_name("config.yaml").read_text(encoding="utf-8")
    lines = [
        f"jobmanager.rpc.port: {rpc_port}",
        f"rest.port: {rest_port}",
        f"taskmanager.numberOfTaskSlots: {slots}",
        f"io.tmp.dirs: {FOLDER / 'tmp'}",
    ]
    text = "\n".join([settings, *lines, ""])
    (_CONFIG / "config.yaml").write_text(text, encoding="utf-8")
    (FOLDER / "tmp").mkdir(exist_ok=True)


def _openings() -> list[str]:
    return [
        *(f"--add-exports={package}=ALL-UNNAMED" for package in _EXPORTED),
        *(f"--add-opens={package}=ALL-UNNAMED" for package in _OPENED),
    ]


def _kept(part: str, command: tuple[str, ...]) -> int:
    keep = [sys.executable, str(_KEEP), str(LOGS / f"{part}.pid")]
    # Workers are started with the first `python` of the path, far from the checkout:
    # what they know of the project is its wheel.
    path = f"{FOLDER / 'worker' / 'bin'}{os.pathsep}{os.environ['PATH']}"
    log_file = LOGS / f"{part}.log"
    with log_file.open("ab") as log:
        # The terminal's own streams stay free: `make flink-up | tee LOG` has to end.
        keeper = subprocess.Popen(
            [*keep, str(log_file), *command],
            cwd=LOGS,
            env=os.environ | {"PATH": path},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    return keeper.pid


def _wait(is_up: Callable[[], bool], part: str) -> None:
    ends_sec = time.monotonic() + _PATIENCE_SEC
    while not is_up():
        if time.monotonic() > ends_sec:
            log = LOGS / f"{part}.log"
            raise RuntimeError(f"{part} is not up after {_PATIENCE_SEC:.0f} s: {log}")
        time.sleep(0.2)


def _listens(port: int) -> bool:
    with socket.socket() as attempt:
        return attempt.connect_ex(("127.0.0.1", port)) == 0


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for found in sockets:
        found.bind(("127.0.0.1", 0))
    ports = [found.getsockname()[1] for found in sockets]
    for found in sockets:
        found.close()
    return ports


def _signal(process: psutil.Process, number: signal.Signals) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        process.send_signal(number)


def main() -> None:
    """Start or end the cluster, as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("command", choices=("up", "down"))
    parser.add_argument("--slots", type=int, default=2)
    arguments = parser.parse_args()
    if arguments.command == "down":
        down()
        return
    try:
        cluster = up(arguments.slots)
    except RuntimeError as error:
        sys.exit(str(error))
    print(f"up: http://{cluster.master}")
    print(f"pericope run corpus.toml {' '.join(cluster.run_options())}")


if __name__ == "__main__":
    main()
