"""Who may ask which server when: some connections in all, fewer to each host.

One table for the process, because what a server sees is the process, whatever its
threads are about. A host that has asked for patience (Retry-After) is left alone by
all of them.
"""

import threading
import time
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager

from pipelines.fetch_limits import FetchLimits


class Turns:
    """Connections in use, and who waits for one.

    Whoever waits for the host that was served longest ago is next, so that a host with
    a thousand files does not keep another one waiting.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._open: Counter[str] = Counter()
        self._waiting: dict[str, deque[object]] = {}
        self._served: dict[str, int] = {}
        self._paused_until: dict[str, float] = {}

    @contextmanager
    def turn(self, host: str, limits: FetchLimits) -> Iterator[None]:
        """Hold a connection to a host; waits until one is free and no pause holds."""
        ticket = object()
        with self._changed:
            self._waiting.setdefault(host, deque()).append(ticket)
            try:
                while self._next(limits) is not ticket:
                    self._changed.wait(self._longest_wait_sec())
            finally:
                self._leave(host, ticket)
            self._open[host] += 1
            self._served[host] = 1 + max(self._served.values(), default=0)
            self._changed.notify_all()  # there may be room for another one
        try:
            yield
        finally:
            with self._changed:
                self._open[host] -= 1
                self._changed.notify_all()

    def pause(self, host: str, duration_sec: float) -> None:
        """Let nobody ask a host for so long; a shorter pause ends no longer one."""
        with self._changed:
            until = time.monotonic() + duration_sec
            self._paused_until[host] = max(until, self._paused_until.get(host, 0.0))
            self._changed.notify_all()

    def _leave(self, host: str, ticket: object) -> None:
        self._waiting[host].remove(ticket)
        if not self._waiting[host]:
            del self._waiting[host]
        self._changed.notify_all()

    def _next(self, limits: FetchLimits) -> object | None:
        """Return whose turn it is, None if nobody's."""
        if self._open.total() >= limits.max_connections:
            return None
        now = time.monotonic()
        ready = [
            host
            for host in self._waiting
            if self._open[host] < limits.max_connections_per_host
            and self._paused_until.get(host, 0.0) <= now
        ]
        if not ready:
            return None
        host = min(ready, key=lambda name: self._served.get(name, 0))
        return self._waiting[host][0]

    def _longest_wait_sec(self) -> float | None:
        """Return when a pause ends of a host that is waited for, None if there is none.

        Any other change is told.
        """
        now = time.monotonic()
        waits = [self._paused_until.get(host, 0.0) - now for host in self._waiting]
        return min((wait for wait in waits if wait > 0), default=None)


TURNS = Turns()
