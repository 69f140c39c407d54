"""Threads that share a device: one recording in the model, the others at work."""

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import count, groupby

import numpy as np
import pytest
import torch

from aligner.align import align_chapter
from aligner.config import AlignConfig
from aligner.emissions import OPEN_GATE, Gate
from models import load_acoustic_model
from models.bundled import BundledModel
from pipelines.alignment_file import dump_alignment
from pipelines.sharing import (
    audio_hours,
    batches_side_by_side,
    default_workers,
    gate_of,
)
from pipelines.waveforms import forget_waveform, waveform_of
from schemas.source import Chapter, Verse
from tests.pipelines.corpora import Speech

MARK, LUKE, JOHN = KEYS = ("swh-mrk-001", "swh-luk-001", "rus-jhn-001")
PATIENCE_SEC = 60  # only a deadlock lasts as long
CPU, CUDA = torch.device("cpu"), torch.device("cuda", 0)
# Many small batches, two of a recording at a time, as on a device.
CONFIG = AlignConfig(window_sec=2.0, context_sec=1.0, batch_windows=1)
BATCHES = batches_side_by_side(CUDA, workers=16)


@dataclass
class Log:
    """Which recordings are in the model, and were, one entry for each batch."""

    inside: list[str] = field(default_factory=list)
    entered: list[str] = field(default_factory=list)
    together: set[tuple[str, ...]] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def enter(self, name: str) -> None:
        with self.lock:
            self.inside.append(name)
            self.entered.append(name)
            self.together.add(tuple(sorted(set(self.inside))))

    def leave(self, name: str) -> None:
        with self.lock:
            self.inside.remove(name)


def nothing() -> None:
    """Do nothing."""


@dataclass(frozen=True)
class Observed(BundledModel):
    """The bundled model, telling whose windows it computes; one for each recording."""

    recording: str = ""
    log: Log = field(default_factory=Log)
    when_inside: Callable[[], None] = nothing
    when_aligned: Callable[[], None] = nothing

    def log_probs(self, windows_BN: np.ndarray) -> np.ndarray:
        self.log.enter(self.recording)
        try:
            self.when_inside()
            return super().log_probs(windows_BN)
        finally:
            self.log.leave(self.recording)

    @property
    def start_offset_sec(self) -> float:
        """Asked for when the path is known and words get their seconds."""
        self.when_aligned()
        return super().start_offset_sec


@pytest.fixture(scope="module")
def bundled() -> BundledModel:
    model = load_acoustic_model("bundled", "cpu")
    assert isinstance(model, BundledModel)
    return model


@pytest.fixture(scope="module")
def align(speech: Speech, bundled: BundledModel):
    """Decode and align a recording, as a worker does."""

    def run(key: str, log: Log, gate: Gate, **hooks: Callable[[], None]) -> bytes:
        model = Observed(
            bundled.network, bundled.calibration, bundled.fingerprint,
            recording=key, log=log, **hooks,
        )  # fmt: skip
        truth = speech.truths[key]
        verses = tuple(Verse(verse.number, verse.text) for verse in truth.verses)
        chapter = Chapter(language=truth.language, verses=verses)
        try:
            waveform = waveform_of(speech.audio(key), key, 1)
            found = align_chapter(
                waveform, chapter, model, CONFIG,
                recording_id=key, workers=BATCHES, gate=gate,
            )  # fmt: skip
        finally:
            forget_waveform()
        return dump_alignment(found)

    return run


@pytest.fixture(scope="module")
def alone(align) -> dict[str, bytes]:
    """What each recording gives by itself."""
    return {key: align(key, Log(), OPEN_GATE) for key in KEYS}


def waiting(event: threading.Event) -> Callable[[], None]:
    def wait() -> None:
        assert event.wait(PATIENCE_SEC)

    return wait


def test_one_recording_at_a_time_is_in_the_model(align, alone):
    log, gate = Log(), gate_of(CUDA)
    for _ in range(3):
        with ThreadPoolExecutor(len(KEYS)) as pool:
            futures = {key: pool.submit(align, key, log, gate) for key in KEYS}
            found = {
                key: future.result(PATIENCE_SEC) for key, future in futures.items()
            }
        assert found == alone
    assert log.together == {(key,) for key in KEYS}
    # Whole recordings one after the other, not windows in turn.
    assert len(log.entered) > 3 * 3 * len(KEYS)
    assert len([key for key, _ in groupby(log.entered)]) <= 3 * len(KEYS)


def test_without_a_gate_they_meet_in_the_model(align, alone):
    """The check above would notice."""
    log, barrier = Log(), threading.Barrier(2)
    first = {key: deque([barrier]) for key in (MARK, LUKE)}

    def meet(key: str) -> None:
        if first[key]:
            first[key].popleft().wait(PATIENCE_SEC)

    with ThreadPoolExecutor(2) as pool:
        futures = [
            pool.submit(
                align, key, log, gate_of(CPU), when_inside=lambda k=key: meet(k)
            )
            for key in first
        ]
        found = [future.result(PATIENCE_SEC) for future in futures]
    assert found == [alone[key] for key in first]
    assert (LUKE, MARK) in log.together


def test_others_are_decoded_and_aligned_while_one_is_in_the_model(align, alone, speech):
    """Mark's windows are not done before Luke is aligned and John is decoded.

    Luke in turn gets no seconds before Mark is in the model.
    """
    log, gate = Log(), gate_of(CUDA)
    luke_inside, mark_inside = threading.Event(), threading.Event()
    luke_aligned, john_decoded = threading.Event(), threading.Event()

    def luke() -> bytes:
        found = align(
            LUKE, log, gate,
            when_inside=luke_inside.set, when_aligned=waiting(mark_inside),
        )  # fmt: skip
        luke_aligned.set()
        return found

    def mark() -> bytes:
        waiting(luke_inside)()  # so that Luke is the first

        def work() -> None:
            mark_inside.set()
            waiting(luke_aligned)()
            waiting(john_decoded)()

        return align(MARK, log, gate, when_inside=work)

    def john() -> int:
        waiting(mark_inside)()
        samples = len(waveform_of(speech.audio(JOHN), JOHN, 1))
        john_decoded.set()
        forget_waveform()
        return samples

    with ThreadPoolExecutor(3) as pool:
        found = [pool.submit(work) for work in (luke, mark)]
        assert pool.submit(john).result(PATIENCE_SEC) > 0
        assert [f.result(PATIENCE_SEC) for f in found] == [alone[LUKE], alone[MARK]]
    assert log.together == {(LUKE,), (MARK,)}


def test_a_model_that_fails_leaves_the_gate_open_and_nothing_behind(align, alone):
    """Two batches are inside; one fails at once, the other is waited for."""
    log, lock = Log(), threading.Lock()
    barrier = threading.Barrier(2)
    calls = count()
    left_inside: list[str] = []

    class Checked:
        def __enter__(self) -> None:
            lock.acquire()

        def __exit__(self, *_: object) -> None:
            left_inside.extend(log.inside)
            lock.release()

    def fail_once() -> None:
        call = next(calls)
        if call < 2:
            barrier.wait(PATIENCE_SEC)
        if call == 0:
            raise RuntimeError("out of memory")

    with ThreadPoolExecutor(2) as pool:
        broken = pool.submit(align, MARK, log, Checked(), when_inside=fail_once)
        with pytest.raises(RuntimeError, match="out of memory"):
            broken.result(PATIENCE_SEC)
        assert left_inside == log.inside == []
        assert not lock.locked()
        again = pool.submit(align, MARK, log, Checked())
        assert again.result(PATIENCE_SEC) == alone[MARK]


def test_each_device_has_one_gate_and_a_cpu_none():
    assert gate_of(CPU) is OPEN_GATE
    assert gate_of(CUDA) is gate_of(CUDA)
    assert gate_of(CUDA) is gate_of(torch.device("cuda"))
    assert gate_of(CUDA) is not gate_of(torch.device("cuda", 1))


def test_how_many_work_side_by_side():
    assert [batches_side_by_side(CPU, workers) for workers in (1, 2, 16)] == [1, 2, 16]
    # The memory of a device does not depend on the number of workers.
    assert {batches_side_by_side(CUDA, workers) for workers in (1, 2, 16)} == {2}
    assert default_workers(CUDA) == default_workers(CPU) + 1 > 1


@pytest.mark.parametrize(
    ("asked", "workers", "expected"),
    [(0, 1, 1), (0, 2, 1), (0, 4, 1), (0, 17, 4.25), (0.5, 17, 0.5), (8, 1, 8)],
)
def test_audio_in_memory_grows_with_the_workers_unless_it_is_given(
    asked, workers, expected
):
    assert audio_hours(asked, workers) == expected
