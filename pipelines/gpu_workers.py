"""A worker process for each GPU, fed with recordings until there are no more.

Every worker asks for its next recording as soon as it has finished one, so that a slow
GPU or a long recording holds up nobody else.
"""

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any

from pipelines.attempt import Failure, Step
from pipelines.build import recording_steps
from pipelines.context import RunContext, ready_process
from pipelines.gpus import VISIBLE, only_gpu
from pipelines.progress import recording_done
from pipelines.run_log import current_log, logging_to
from schemas.errors import PericopeError
from schemas.source import Recording

_AT_LEAST = 2
"""Recordings a worker has side by side: one in the model, one before or after it."""


@dataclass(frozen=True)
class CutOn:
    """A recording that a worker has taken from fetch to cut, or has rejected."""

    recording_id: str
    gpu: str
    """CUDA_VISIBLE_DEVICES as the worker's process sees it."""
    duration_sec: float | None


@dataclass
class _Worker:
    gpu: str
    process: SpawnProcess
    connection: Connection
    in_flight: int = 0

    def give(self, recording: Recording | None) -> None:
        """Hand on a recording, if there is one.

        Raises:
          PericopeError: the worker is gone.
        """
        if recording is None:
            return
        try:
            self.connection.send(recording)
        except (BrokenPipeError, ConnectionResetError):
            raise self.gone() from None
        self.in_flight += 1

    def take(self) -> CutOn:
        """Return what is done.

        Raises:
          PericopeError: what the worker raised, or that it is gone.
        """
        self.in_flight -= 1
        try:
            answer = self.connection.recv()
        except (EOFError, ConnectionResetError):
            raise self.gone() from None
        if isinstance(answer, CutOn):
            return answer
        raise answer if isinstance(answer, PericopeError) else self.gone()

    def gone(self) -> PericopeError:
        """Return the error that tells of a worker that has broken off."""
        self.process.join(timeout=2)
        status = self.process.exitcode
        how = "an error" if status is None else f"exit status {status}"
        return PericopeError(
            f"the worker process of GPU {self.gpu} (pid {self.process.pid}) broke off "
            f"with {how}; what it says is above; say the same command again to go on "
            "where it was"
        )


def cut_on_gpus(
    recordings: Iterable[Recording],
    context: RunContext,
    gpus: Sequence[str],
    workers: int,
) -> Iterator[CutOn]:
    """Take recordings from fetch to cut, each on one of several GPUs.

    Args:
      recordings: what to work on; it is dealt out in this order.
      context: settings and places; everything goes to its store.
      gpus: one worker process each, as CUDA_VISIBLE_DEVICES names them.
      workers: recordings side by side, of all processes together; each has at least 2.
        They share the audio that may be in memory, too.

    Yields:
      What is done, as soon as it is.

    Raises:
      PericopeError: a worker broke off, or a file of the corpus is damaged.
    """
    side_by_side = max(_AT_LEAST, workers // len(gpus))
    hours = context.audio_hours_in_flight / len(gpus)
    context = replace(context, audio_hours_in_flight=hours)
    waiting = iter(recordings)
    with ExitStack() as stack:
        at_work = [
            stack.enter_context(_started(gpu, context, side_by_side)) for gpu in gpus
        ]
        for _ in range(side_by_side):
            for worker in at_work:
                worker.give(next(waiting, None))
        while busy := {w.connection: w for w in at_work if w.in_flight}:
            for connection in wait(list(busy)):
                worker = busy[connection]  # type: ignore[index]
                done = worker.take()
                recording_done(done.duration_sec)
                worker.give(next(waiting, None))
                yield done


@contextmanager
def _started(gpu: str, context: RunContext, side_by_side: int) -> Iterator[_Worker]:
    """Start a process; in the end it leaves by itself, after an error at once."""
    spawn = multiprocessing.get_context("spawn")
    own, theirs = spawn.Pipe()
    process = spawn.Process(
        target=_work,
        args=(theirs, context, side_by_side, current_log()),
        daemon=True,
    )
    with only_gpu(gpu):
        process.start()
    theirs.close()  # so that the end of the process is the end of the pipe
    try:
        yield _Worker(gpu, process, own)
    except BaseException:
        process.terminate()
        raise
    finally:
        own.close()
        process.join()


def _work(
    connection: Connection,
    context: RunContext,
    side_by_side: int,
    log: tuple[str, str],
) -> None:
    """Work on what comes through a pipe until it is closed."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # the run says that it was stopped
    ready_process(context)
    steps = recording_steps(context)
    receiving, sending = threading.Lock(), threading.Lock()

    def serve() -> None:
        while True:
            try:
                with receiving:
                    recording = connection.recv()
            except EOFError:
                return
            answer: CutOn | PericopeError | None = None
            try:
                answer = _cut(recording, steps)
            except PericopeError as error:
                answer = error
            finally:  # of any other error the thread prints the traceback
                with sending:
                    connection.send(answer)

    threads = [threading.Thread(target=serve) for _ in range(side_by_side)]
    with logging_to(*log):
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


def _cut(recording: Recording, steps: Sequence[Step]) -> CutOn:
    item: Any = recording
    for step in steps:
        outcome = step.attempt(item)
        if isinstance(outcome, Failure):
            duration_sec = outcome.duration_sec
            break
        item = outcome
    else:
        duration_sec = item.duration_sec
    return CutOn(recording.recording_id, os.environ.get(VISIBLE, ""), duration_sec)
