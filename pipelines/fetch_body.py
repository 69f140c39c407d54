"""The body of an answer, block by block as it comes, if it comes fast enough."""

import http.client
import time
from collections.abc import Iterator

import requests

from pipelines.fetch_limits import FetchLimits
from pipelines.fetch_request import Interrupted

_BLOCK_BYTES = 64 * 1024


def blocks_of(response: requests.Response, limits: FetchLimits) -> Iterator[bytes]:
    """Yield the bytes as they travelled: without chunks, compressed if they are.

    Read from the standard library's response: what is built around it waits until a
    whole block is there, so that a byte now and then would keep it for ever, and takes
    a chunk of negative length for all that will ever come.

    Raises:
      Interrupted: the connection broke, or was too slow for ``timeout_sec``. One that
        only ends too early is told by the number of bytes.
    """
    body = response.raw._original_response
    began_sec, window_bytes = time.monotonic(), 0
    while True:
        try:
            block = body.read1(_BLOCK_BYTES)
        except (http.client.HTTPException, OSError) as error:
            raise Interrupted(f"broke off ({type(error).__name__})") from None
        if not block:
            return
        yield block
        window_bytes += len(block)
        took_sec = time.monotonic() - began_sec
        if took_sec >= limits.timeout_sec:
            if window_bytes < limits.min_bytes_per_sec * took_sec:
                raise Interrupted(
                    f"slower than {limits.min_bytes_per_sec:g} bytes a second"
                )
            began_sec, window_bytes = time.monotonic(), 0
