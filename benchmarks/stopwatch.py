"""Times functions where they are used, so that the real path is what is measured."""

import functools
import importlib
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any


def cpu_sec() -> float:
    """Return the processor time of this process, its threads and ended children."""
    children = os.times()
    return time.process_time() + children.children_user + children.children_system


@dataclass
class Stopwatch:
    """Wall and processor seconds by name; what is timed inside another counts once."""

    wall_sec: dict[str, float] = field(default_factory=dict)
    cpu_sec: dict[str, float] = field(default_factory=dict)
    _inner: list[list[float]] = field(default_factory=list)

    def timed(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function with its time kept under a name."""

        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            wall, cpu = time.perf_counter(), cpu_sec()
            self._inner.append([0.0, 0.0])
            try:
                return function(*args, **kwargs)
            finally:
                took = time.perf_counter() - wall, cpu_sec() - cpu
                inner = self._inner.pop()
                if self._inner:
                    self._inner[-1][0] += took[0]
                    self._inner[-1][1] += took[1]
                self._add(name, took[0] - inner[0], took[1] - inner[1])

        return wrapper

    def _add(self, name: str, wall: float, cpu: float) -> None:
        self.wall_sec[name] = self.wall_sec.get(name, 0.0) + wall
        self.cpu_sec[name] = self.cpu_sec.get(name, 0.0) + cpu


@contextmanager
def watching(places: Mapping[str, str]) -> Iterator[Stopwatch]:
    """Time functions for the length of a block, which must stay in one thread.

    Args:
      places: where each function is looked up when it is called ("package.module.name")
        and the name under which its time is kept.
    """
    watch = Stopwatch()
    originals = []
    try:
        for place, name in places.items():
            module_name, attribute = place.rsplit(".", 1)
            module = importlib.import_module(module_name)
            function = getattr(module, attribute)
            originals.append((module, attribute, function))
            setattr(module, attribute, watch.timed(name, function))
        yield watch
    finally:
        for module, attribute, function in originals:
            setattr(module, attribute, function)
