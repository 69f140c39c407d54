"""Runs the ffmpeg program and streams what it decodes into one float32 array."""

import os
import selectors
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np

from aligner.ffmpeg import ffmpeg_program
from schemas.errors import AudioFormatAbsurd, AudioUnreadable
from schemas.units import SAMPLE_RATE_HZ

FORMATS = (
    "mp3,wav,w64,flac,ogg,aac,aiff,caf,au,mov,mp4,m4a,matroska,webm,asf,amr,amrnb,"
    "amrwb,ape,wv,tta"
)
"""Demuxers that may open a file: containers of audio, no playlists, no images."""

STALL_SEC = 120.0
"""ffmpeg decodes hundreds of times faster than real time: this long is a hang."""

_BLOCK_SAMPLES = 1 << 20
_GROWTH = 1.25
_ROOM_BYTES = 4096  # no less than a disk gives out at a time
_LOG_BYTES = 4 << 20  # a banner with the lyrics of an album is still below this


@dataclass(frozen=True)
class Decoded:
    """What came out of ffmpeg: float32 samples (N,) and its log."""

    samples_N: np.ndarray
    log: str
    exit_status: int


def run_ffmpeg(
    path: Path,
    *,
    expected_samples: Callable[[str], int],
    max_samples: int,
    stall_sec: float = STALL_SEC,
) -> Decoded:
    """Decode the first audio stream of a local file to mono at 16 kHz.

    Nothing but the final array and one pipe buffer is held: the array starts with the
    expected length and is grown and cut in place.

    Args:
        path: a regular file.
        expected_samples: called with ffmpeg's banner before anything is kept; returns
            the length to expect (0 if unknown) or raises to stop the decoding.
        max_samples: more than this is refused.
        stall_sec: ffmpeg is given up after this long without a byte.

    Raises:
        AudioFormatAbsurd: the audio is longer than ``max_samples``.
        AudioUnreadable: ffmpeg hangs.
        ConfigError: there is no ffmpeg program.
        OSError: there is no room for ffmpeg's log.
    """
    command = _command(path)
    with (
        tempfile.TemporaryFile() as log,
        _running(command, log) as process,
        selectors.DefaultSelector() as selector,
    ):
        assert process.stdout is not None
        selector.register(process.stdout, selectors.EVENT_READ)
        _wait_for_bytes(selector, path, stall_sec)
        capacity = expected_samples(_read_log(log))
        samples_N = np.empty(
            min(capacity, max_samples) + _BLOCK_SAMPLES, dtype=np.float32
        )
        filled_bytes = 0
        while True:
            _wait_for_bytes(selector, path, stall_sec)
            if filled_bytes == samples_N.nbytes:
                # Grown in place (mremap for arrays of this size): no second copy.
                samples_N.resize(int(len(samples_N) * _GROWTH), refcheck=False)
            with samples_N.data as floats, floats.cast("B") as octets:
                count = process.stdout.readinto(octets[filled_bytes:])  # type: ignore[attr-defined]
            if count == 0:
                break
            filled_bytes += count
            if filled_bytes > 4 * max_samples:
                raise _too_long(path, max_samples)
        samples_N.resize(filled_bytes // 4, refcheck=False)
        decoded = Decoded(samples_N, _read_log(log), _exit_status(process, path))
        _require_room(log)
        return decoded


def _command(path: Path) -> list[str]:
    # "file:" and an absolute path keep names such as "-", "concat:x" or "http:x" from
    # being read as anything but a file; the white lists keep a file that is a playlist
    # from opening others. Without rematrix_maxval two channels are added at 0.707 each:
    # speech that is on both would be 3 dB too loud, and clip.
    return [
        ffmpeg_program(),
        *("-nostdin", "-hide_banner", "-nostats", "-loglevel", "level+info"),
        *("-protocol_whitelist", "file", "-format_whitelist", FORMATS),
        *("-i", "file:" + os.path.abspath(path)),
        *(
            "-map",
            "0:a:0",
            "-af",
            "aresample=rematrix_maxval=1.0",
            "-ac",
            "1",
            "-ar",
            str(SAMPLE_RATE_HZ),
        ),
        # In blocks of 32 kB, not of one packet each: a quarter less processor time.
        *("-c:a", "pcm_f32le", "-flush_packets", "0", "-f", "f32le", "-"),
    ]


@contextmanager
def _running(command: list[str], log: IO[bytes]) -> Iterator["subprocess.Popen[bytes]"]:
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, bufsize=0
    )
    try:
        yield process
    finally:
        process.kill()  # does nothing to a process that has ended
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _wait_for_bytes(
    selector: selectors.BaseSelector, path: Path, stall_sec: float
) -> None:
    if not selector.select(stall_sec):
        raise AudioUnreadable(
            f"{path}: ffmpeg gave no audio for {stall_sec:g} s and was stopped; "
            "convert the file to WAV or FLAC"
        )


def _exit_status(process: "subprocess.Popen[bytes]", path: Path) -> int:
    try:
        return process.wait(timeout=STALL_SEC)
    except subprocess.TimeoutExpired as error:
        raise AudioUnreadable(
            f"{path}: ffmpeg closed its output but did not end; "
            "convert the file to WAV or FLAC"
        ) from error


def _read_log(log: IO[bytes]) -> str:
    # pread: the position in the file is shared with ffmpeg, which is still writing.
    size = os.fstat(log.fileno()).st_size
    head = os.pread(log.fileno(), _LOG_BYTES, 0)
    tail = os.pread(log.fileno(), _LOG_BYTES, max(_LOG_BYTES, size - _LOG_BYTES))
    return (head + tail).decode("utf-8", errors="replace")


def _require_room(log: IO[bytes]) -> None:
    """Raise OSError if the log may be incomplete, for ffmpeg does not tell.

    A file whose banner found no room on the disk would pass for one without audio.
    """
    os.pwrite(log.fileno(), bytes(_ROOM_BYTES), os.fstat(log.fileno()).st_size)


def _too_long(path: Path, max_samples: int) -> AudioFormatAbsurd:
    hours = max_samples / SAMPLE_RATE_HZ / 3600
    return AudioFormatAbsurd(
        f"{path}: expected at most {hours:g} hours of audio, got more; "
        "split the recording, or raise max_hours"
    )
