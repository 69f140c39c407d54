"""Many sources at once: some from each server, errors with the address they are of."""

from collections import Counter, deque
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

from pipelines.addresses import HTTP_SCHEMES, scheme_of
from pipelines.fetch import FetchedFile, fetch
from pipelines.fetch_limits import FetchLimits
from pipelines.fetch_request import host_of
from pipelines.store import Store
from schemas.errors import InputError

# One that waits out a pause of its server holds no connection, and should not keep
# those of other servers from going on.
_THREADS_PER_CONNECTION = 4


@dataclass(frozen=True)
class FetchOutcome:
    """What became of one address: a file at hand, or why there is none."""

    index: int
    """Place in the addresses that were given."""
    address: str
    fetched: FetchedFile | None = None
    error: InputError | None = None


def fetch_many(
    addresses: Iterable[str],
    store: Store,
    limits: FetchLimits,
    *,
    asked_since_sec: float = 0.0,
) -> Iterator[FetchOutcome]:
    """Fetch sources side by side and yield each as soon as it is there or has failed.

    At most ``limits.max_connections`` are open, ``max_connections_per_host`` of them to
    one host; hosts take turns. One that asks for patience (Retry-After) is left alone
    by all. Nothing is begun while nobody asks for the next outcome; whoever stops
    asking waits for what was begun, and drops the rest.

    Args:
      addresses: as of ``fetch``; the same one twice is fetched once.
      store: as of ``fetch``, and so are the others.
      limits: of each source, and of connections.
      asked_since_sec: what was asked for before this time is asked for again.

    Raises:
      PericopeError: anything but an input's own error, such as DiskFull.
    """
    queues = _Queues(addresses, limits.max_connections_per_host)
    threads = limits.max_connections * _THREADS_PER_CONNECTION
    running: dict[Future[FetchedFile], _Job] = {}
    with ThreadPoolExecutor(threads, thread_name_prefix="fetch") as pool:
        while True:
            while len(running) < threads and (job := queues.next_job()):
                future = pool.submit(fetch, job.address, store, limits, asked_since_sec)
                running[future] = job
            if not running:
                return
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                job = running.pop(future)
                queues.finished(job)
                yield _outcome(job, future)


def _outcome(job: "_Job", future: Future[FetchedFile]) -> FetchOutcome:
    try:
        return FetchOutcome(job.index, job.address, fetched=future.result())
    except InputError as error:
        return FetchOutcome(job.index, job.address, error=error)


@dataclass(frozen=True)
class _Job:
    index: int
    address: str
    host: str


class _Queues:
    """Addresses by host; hosts that have room take turns."""

    def __init__(self, addresses: Iterable[str], max_per_host: int):
        self._max_per_host = max_per_host
        self._running: Counter[str] = Counter()
        self._jobs: dict[str, deque[_Job]] = {}
        for index, address in enumerate(addresses):
            job = _Job(index, address, _host_of(address))
            self._jobs.setdefault(job.host, deque()).append(job)

    def next_job(self) -> _Job | None:
        """Take the next one, None if none is left or no host has room."""
        for host in self._jobs:
            if self._running[host] < self._max_per_host:
                jobs = self._jobs.pop(host)
                job = jobs.popleft()
                if jobs:
                    self._jobs[host] = jobs  # comes last in the next round
                self._running[host] += 1
                return job
        return None

    def finished(self, job: _Job) -> None:
        self._running[job.host] -= 1


def _host_of(address: str) -> str:
    """Return what is not to be asked by too many at once: a host, bucket, or disk."""
    scheme = scheme_of(address)
    if scheme in HTTP_SCHEMES:
        return host_of(address)
    return address.split("/", 3)[2] if scheme not in ("", "file") else ""
