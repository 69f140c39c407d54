"""Decoded audio, one recording a thread, within a budget for the whole process.

Aligning and cutting follow each other on the same thread, so that a recording is
decoded once for both. An hour decoded takes 230 MB: the budget keeps several long ones
from being in memory side by side, whatever the number of workers.
"""

import threading
from pathlib import Path

import numpy as np
import numpy.typing as npt

from aligner.audio import decode_audio
from pipelines.fetch import FetchedFile
from pipelines.store import local_copy

Waveform = npt.NDArray[np.float32]


class AudioBudget:
    """How many seconds of audio may be in memory at once."""

    def __init__(self, capacity_sec: float) -> None:
        self._capacity_sec = capacity_sec
        self._in_flight_sec = 0.0
        self._recordings = 0
        self._changed = threading.Condition()

    def resize(self, capacity_sec: float) -> None:
        """Change the capacity; recordings that wait look again."""
        with self._changed:
            self._capacity_sec = capacity_sec
            self._changed.notify_all()

    def reserve(self, duration_sec: float) -> None:
        """Wait until there is room; a recording alone always has room."""
        with self._changed:
            self._changed.wait_for(lambda: self._has_room(duration_sec))
            self._in_flight_sec += duration_sec
            self._recordings += 1

    def release(self, duration_sec: float) -> None:
        """Give room back."""
        with self._changed:
            self._in_flight_sec -= duration_sec
            self._recordings -= 1
            self._changed.notify_all()

    def _has_room(self, duration_sec: float) -> bool:
        if self._recordings == 0:
            return True
        return self._in_flight_sec + duration_sec <= self._capacity_sec


class WaveformSlot(threading.local):
    """The recording that this thread has decoded, if any."""

    def __init__(self) -> None:
        self.digest = ""
        self.waveform_N: Waveform | None = None
        self.reserved_sec: float | None = None


BUDGET = AudioBudget(capacity_sec=3600.0)
_SLOT = WaveformSlot()


def waveform_of(path: Path, digest: str, max_hours: float) -> Waveform:
    """Return the decoded recording, from this thread's slot if it is there.

    Raises:
      InputError: as ``decode_audio``.
    """
    if _SLOT.waveform_N is None or _SLOT.digest != digest:
        forget_waveform()
        try:
            _SLOT.waveform_N = decode_audio(
                path, max_hours=max_hours, before_decoding=_reserve
            )
        finally:
            if _SLOT.waveform_N is None:
                forget_waveform()
        _SLOT.digest = digest
    return _SLOT.waveform_N


def waveform_of_file(audio: FetchedFile, max_hours: float) -> Waveform:
    """Return a fetched recording as ``waveform_of``; one in memory is not copied here.

    Raises:
      InputError: as ``decode_audio``.
    """
    if _SLOT.waveform_N is not None and _SLOT.digest == audio.sha256:
        return _SLOT.waveform_N
    with local_copy(audio.path) as path:
        return waveform_of(path, audio.sha256, max_hours)


def _reserve(duration_sec: float) -> None:
    BUDGET.reserve(duration_sec)
    _SLOT.reserved_sec = duration_sec


def forget_waveform() -> None:
    """Drop this thread's recording and its place in the budget."""
    _SLOT.waveform_N = None
    _SLOT.digest = ""
    if _SLOT.reserved_sec is not None:
        reserved_sec, _SLOT.reserved_sec = _SLOT.reserved_sec, None
        BUDGET.release(reserved_sec)
