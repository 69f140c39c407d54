"""One run at a time in a bucket: runs announce themselves, then look who else is there.

A run writes ``<corpus>/running/<its own name>.json`` and lists the folder. A store that
shows what was written at once (S3, GCS and their like do) lets at least one of two runs
see the other, so they never both go on; no conditional writing is needed. The
announcement is written again every few seconds. One that stays as it is for longer is
of a dead run and removed; a run whose announcement was removed stops.
"""

import contextlib
import json
import logging
import os
import secrets
import signal
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.store import filesystem_of, remove
from schemas.errors import ConfigError, PericopeError, StoreUnavailable

FOLDER = "running"
_SAID = {"host", "machine", "process", "started", "since"}
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Patience:
    """How often a run shows that it is alive, and when it is held to be dead."""

    beat_sec: float = 10.0
    dead_sec: float = 60.0


@contextlib.contextmanager
def holding(root: str, patience: Patience | None = None) -> Iterator[None]:
    """Have the corpus in a bucket for this process alone.

    Waits up to ``dead_sec`` to see whether a run of another machine is alive; one that
    was killed on this machine is known at once.

    Raises:
      ConfigError: another run is at work there.
      StoreUnavailable: the store refuses access, or a pause of this process was so long
        that another run took it for dead.
    """
    patience = patience or Patience()
    own = _Announcement(root)
    own.write()
    beating = _Beating(own, patience)
    beating.start()  # from now on: two that begin together must both be seen to live
    try:
        own.refuse_others(patience)
        yield
    except KeyboardInterrupt:
        if beating.lost:
            raise StoreUnavailable(beating.lost) from None
        raise
    finally:
        beating.stop()
        own.remove()


class _Announcement:
    """What a run says of itself, and what others say."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.name = f"{secrets.token_hex(8)}.json"
        self.beats = 0
        self.since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())

    def write(self) -> None:
        """Show that this run is there, and alive."""
        self.beats += 1
        document = {
            "host": socket.gethostname(),
            "machine": _machine(),
            "process": os.getpid(),
            "started": _start_of(os.getpid()),
            "since": self.since,
            "beats": self.beats,
        }
        filesystem, folder = filesystem_of(f"{self.root}/{FOLDER}")
        filesystem.pipe_file(f"{folder}/{self.name}", json.dumps(document).encode())

    def is_there(self) -> bool:
        """Tell whether nobody has removed it."""
        return any(name == self.name for name, _ in self._paths())

    def remove(self) -> None:
        """Take it back."""
        remove(f"{self.root}/{FOLDER}/{self.name}")

    def refuse_others(self, patience: Patience) -> None:
        """Return once this run is alone.

        Raises:
          ConfigError: another one is alive.
        """
        before = self._others()
        waiting_until = time.monotonic() + patience.dead_sec
        while before:
            dead = {name for name, told in before.items() if _is_dead(told)}
            if time.monotonic() > waiting_until:
                dead = set(before)
            for name in dead:
                remove(f"{self.root}/{FOLDER}/{name}")
            now = self._others()
            for name, told in now.items():
                if told != before.get(name) or _lives_here(told):
                    raise ConfigError(_told(self.root, told))
            before = now
            if before:
                time.sleep(min(1.0, patience.beat_sec))

    def _paths(self) -> list[tuple[str, str]]:
        filesystem, folder = filesystem_of(f"{self.root}/{FOLDER}")
        return [(path.rsplit("/", 1)[-1], path) for path in filesystem.find(folder)]

    def _others(self) -> dict[str, dict[str, Any]]:
        filesystem, _ = filesystem_of(self.root)
        found = {}
        for name, path in self._paths():
            if name != self.name:
                with contextlib.suppress(FileNotFoundError):  # it has just ended
                    found[name] = self._read(name, filesystem.cat_file(path))
        return found

    def _read(self, name: str, data: bytes) -> dict[str, Any]:
        try:
            told = json.loads(data)
        except ValueError:
            told = None
        if isinstance(told, dict) and told.keys() >= _SAID:
            return told
        raise ConfigError(
            f"{self.root}/{FOLDER}/{name}: expected what a run says of itself, got "
            f"{data!r:.80}; delete it if no other run is at work"
        )


class _Beating(threading.Thread):
    """Shows again and again that the run is alive; interrupts it if it is not alone."""

    def __init__(self, own: _Announcement, patience: Patience) -> None:
        super().__init__(name="pericope-lease", daemon=True)
        self._own, self._patience = own, patience
        self._ended = threading.Event()
        self.lost = ""

    def stop(self) -> None:
        """End with the run."""
        self._ended.set()
        self.join()

    def run(self) -> None:
        """Beat until the run ends; without a beat it may not go on."""
        try:
            self._beat()
        finally:  # also after an error that nobody has thought of
            if not self._ended.is_set():
                self._interrupt()

    def _beat(self) -> None:
        """Return when the run ends, or another one may have taken its place."""
        shown_sec = _now_sec()
        while not self._ended.wait(self._patience.beat_sec):
            try:
                # Who was silent for so long is taken for dead, even if not yet removed.
                is_late = _now_sec() - shown_sec > self._patience.dead_sec
                if is_late or not self._own.is_there():
                    return
                began_sec = _now_sec()
                self._own.write()
                shown_sec = began_sec  # it may be seen long before the answer is here
            except (PericopeError, OSError) as error:
                _LOG.warning("this run cannot show that it is alive: %s", error)

    def _interrupt(self) -> None:
        self.lost = (
            f"{self._own.root}: this run did not show for "
            f"{self._patience.dead_sec:g} s that it is alive, and another one may have "
            "taken its place; nothing is damaged, start it again when that has ended"
        )
        _LOG.error(self.lost)
        main = threading.main_thread().ident
        assert main is not None
        signal.pthread_kill(main, signal.SIGINT)


def _now_sec() -> float:
    """Return a time that goes on while the machine sleeps, where there is one."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


def _machine() -> str:
    """Return what names this machine and its numbering of processes; "" if unknown."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return ""


def _start_of(process: int) -> str:
    """Return when a process of this machine began, "" if it is not there."""
    try:
        # After the name in brackets, which may hold anything; see proc_pid_stat(5).
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return ""


def _is_ours(told: dict[str, Any]) -> bool:
    return bool(_machine()) and told["machine"] == _machine()


def _is_dead(told: dict[str, Any]) -> bool:
    return _is_ours(told) and _start_of(told["process"]) != told["started"]


def _lives_here(told: dict[str, Any]) -> bool:
    return _is_ours(told) and not _is_dead(told)


def _told(root: str, other: dict[str, Any]) -> str:
    return (
        f"{root}: another run is at work on this corpus (process {other['process']} on "
        f"{other['host']} since {other['since']}); wait for its end, or choose another "
        "output"
    )
