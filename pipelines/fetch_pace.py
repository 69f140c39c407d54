"""A watch over a download that never stops and never gets anywhere.

A server that sends a byte now and then is never silent for long, so that no timeout of
the connection ends it.
"""

import contextlib
import os
import socket
import threading
from collections.abc import Iterator

import requests

from pipelines.fetch_limits import FetchLimits


class Pace:
    """How much has come; ``too_slow`` once the connection was closed for its pace."""

    def __init__(self) -> None:
        self.received_bytes = 0
        self.too_slow = False


@contextlib.contextmanager
def watched(response: requests.Response, limits: FetchLimits) -> Iterator[Pace]:
    """Close the connection if less than the least rate comes for ``timeout_sec``.

    Whoever reads then sees an end, as if the server had closed it, and finds
    ``too_slow`` set. The block adds to ``received_bytes`` as it reads.
    """
    pace, done = Pace(), threading.Event()
    connection = _connection_of(response) if limits.min_bytes_per_sec else None
    if connection is None:
        yield pace
        return
    watch = threading.Thread(
        target=_watch, args=(pace, done, connection, limits), daemon=True
    )
    watch.start()
    try:
        yield pace
    finally:
        done.set()
        watch.join()
        connection.close()


def _connection_of(response: requests.Response) -> socket.socket | None:
    """Return a socket of the same connection; None if the body has come already."""
    try:
        number = response.raw.fileno()
    except (OSError, ValueError):
        return None
    return socket.socket(fileno=os.dup(number))


def _watch(
    pace: Pace, done: threading.Event, connection: socket.socket, limits: FetchLimits
) -> None:
    before = 0
    while not done.wait(limits.timeout_sec):
        received = pace.received_bytes
        if received - before < limits.min_bytes_per_sec * limits.timeout_sec:
            pace.too_slow = True
            with contextlib.suppress(OSError):  # the server was faster to close it
                connection.shutdown(socket.SHUT_RDWR)
            return
        before = received
