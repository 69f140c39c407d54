"""Decoded audio: once for aligning and cutting, and never more than the budget."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.waveforms import BUDGET, AudioBudget, forget_waveform, waveform_of
from schemas.errors import AudioFormatAbsurd, AudioSilent
from tests.aligner.sounds import bursts

PATIENCE_SEC = 60  # only a deadlock lasts as long


@pytest.fixture
def wav(tmp_path):
    path = tmp_path / "speech.wav"
    soundfile.write(path, bursts(16_000, 2.0), 16_000)
    return path


@pytest.fixture(autouse=True)
def _forgotten():
    yield
    forget_waveform()
    BUDGET.resize(3600)


def _is_free(budget: AudioBudget) -> bool:
    """Tell whether another thread could take more than everything at once."""
    done = threading.Event()

    def take() -> None:
        budget.reserve(1e9)
        budget.release(1e9)
        done.set()

    threading.Thread(target=take, daemon=True).start()
    return done.wait(PATIENCE_SEC)


@settings(max_examples=30)
@given(
    capacity=st.floats(1, 100),
    durations=st.lists(st.floats(0, 150), min_size=1, max_size=30),
    threads=st.integers(2, 6),
)
def test_all_get_their_turn_and_the_budget_holds(capacity, durations, threads):
    budget = AudioBudget(capacity)
    lock = threading.Lock()
    held: list[float] = []
    peaks: list[list[float]] = []

    def work(duration_sec: float) -> None:
        budget.reserve(duration_sec)
        with lock:
            held.append(duration_sec)
            peaks.append(list(held))
        with lock:
            held.remove(duration_sec)
        budget.release(duration_sec)

    with ThreadPoolExecutor(threads) as pool:
        for future in [pool.submit(work, each) for each in durations]:
            future.result(PATIENCE_SEC)
    assert len(peaks) == len(durations)
    # One recording alone may be longer than the budget.
    assert all(len(p) == 1 or sum(p) <= capacity * (1 + 1e-9) for p in peaks)
    assert _is_free(budget)


def test_a_larger_capacity_lets_those_in_that_wait():
    budget = AudioBudget(10)
    budget.reserve(8)
    entered = threading.Event()

    def take() -> None:
        budget.reserve(8)
        entered.set()

    threading.Thread(target=take, daemon=True).start()
    assert not entered.wait(0.1)
    budget.resize(16)
    assert entered.wait(PATIENCE_SEC)


def test_a_recording_is_decoded_once_a_thread(wav):
    first = waveform_of(wav, "a", 1)
    wav.unlink()  # cannot be decoded again
    assert waveform_of(wav, "a", 1) is first
    np.testing.assert_allclose(first, bursts(16_000, 2.0), atol=1e-4)


def test_the_next_recording_takes_the_place_of_the_last(wav):
    first = waveform_of(wav, "a", 1)
    second = waveform_of(wav, "b", 1)
    assert second is not first
    forget_waveform()
    assert _is_free(BUDGET)


def test_what_cannot_be_used_gives_its_place_back(wav, tmp_path):
    silent = tmp_path / "silent.wav"
    soundfile.write(silent, np.zeros(32_000), 16_000)
    for path, hours, error in (
        (silent, 1, AudioSilent),  # after its place was reserved
        (wav, 1e-4, AudioFormatAbsurd),  # before
    ):
        with pytest.raises(error):
            waveform_of(path, "a", hours)
        assert _is_free(BUDGET)
    # What was kept of it is not taken for the next one.
    assert len(waveform_of(wav, "a", 1)) == 32_000


def test_threads_wait_for_each_other_and_none_for_itself(wav):
    """Room for one recording, two threads, each decodes again and again."""
    BUDGET.resize(2.5)

    def work(thread: int) -> int:
        found = 0
        for number in range(5):
            found += len(waveform_of(wav, f"{thread}-{number}", 1))
            if number % 2:  # else the next one has to make room by itself
                forget_waveform()
        forget_waveform()
        return found

    with ThreadPoolExecutor(2) as pool:
        futures = [pool.submit(work, thread) for thread in range(2)]
        assert [f.result(PATIENCE_SEC) for f in futures] == [160_000, 160_000]
    assert _is_free(BUDGET)
