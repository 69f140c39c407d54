import threading
import time
from collections import Counter

from pipelines.fetch_limits import FetchLimits
from pipelines.fetch_turns import Turns

LIMITS = FetchLimits(max_connections=3, max_connections_per_host=2)


class Watched:
    """Threads that take turns; what was open when, and in which order they came."""

    def __init__(self, limits: FetchLimits = LIMITS):
        self.turns, self.limits = Turns(), limits
        self.lock = threading.Lock()
        self.open: Counter[str] = Counter()
        self.most: Counter[str] = Counter()
        self.most_in_all = 0
        self.order: list[str] = []

    def ask(self, host: str, until: threading.Event | None = None) -> None:
        with self.turns.turn(host, self.limits):
            with self.lock:
                self.order.append(host)
                self.open[host] += 1
                self.most[host] = max(self.most[host], self.open[host])
                self.most_in_all = max(self.most_in_all, self.open.total())
            if until is None:
                time.sleep(0.001)
            else:
                until.wait()
            with self.lock:
                self.open[host] -= 1

    def start(
        self, host: str, until: threading.Event | None = None
    ) -> threading.Thread:
        thread = threading.Thread(target=self.ask, args=(host, until))
        thread.start()
        return thread

    def waiting(self) -> int:
        return sum(len(tickets) for tickets in self.turns._waiting.values())


def test_no_more_than_allowed_are_open():
    watched, gate = Watched(), threading.Event()
    threads = [watched.start(host, gate) for host in "aaaaaaaabbbbbbbbcccc"]
    while watched.most_in_all < 3:
        time.sleep(0.001)
    gate.set()
    for thread in threads:
        thread.join()
    assert Counter(watched.order) == {"a": 8, "b": 8, "c": 4}
    assert watched.most_in_all == 3
    assert max(watched.most.values()) <= 2


def test_hosts_take_turns():
    watched = Watched(FetchLimits(max_connections=1, max_connections_per_host=1))
    first = threading.Event()
    threads = [watched.start("a", first)]
    while not watched.order:
        time.sleep(0.001)
    for count, host in enumerate("aaabb", start=1):
        threads.append(watched.start(host))
        while watched.waiting() < count:
            time.sleep(0.001)
    first.set()
    for thread in threads:
        thread.join()
    assert watched.order == ["a", "b", "a", "b", "a", "a"]


def test_a_pause_holds_for_all_of_a_host_and_for_no_other():
    watched = Watched()
    started = time.monotonic()
    watched.turns.pause("a", 0.2)
    watched.turns.pause("a", 0.01)  # does not end the longer one
    waiting = watched.start("a")
    watched.start("b").join()
    assert watched.order == ["b"]
    waiting.join()
    assert time.monotonic() - started >= 0.2
    assert watched.order == ["b", "a"]


def test_an_error_gives_the_connection_back():
    turns, limits = Turns(), FetchLimits(max_connections=1)
    for _ in range(3):
        try:
            with turns.turn("a", limits):
                raise ValueError
        except ValueError:
            continue
    with turns.turn("a", limits):
        assert turns._open["a"] == 1
    assert turns._open["a"] == 0
