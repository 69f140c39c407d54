"""Decodes any recording to float32 mono at 16 kHz, or says why it cannot be used."""

import errno
from collections.abc import Callable
from pathlib import Path

import numpy as np

from aligner.container_delay import late_samples
from aligner.ffmpeg_banner import SourceFormat, last_error, parse_banner
from aligner.ffmpeg_stream import Decoded, run_ffmpeg
from aligner.truncation import truncation
from schemas.errors import (
    AudioEmpty,
    AudioFormatAbsurd,
    AudioNotFinite,
    AudioSilent,
    AudioTruncated,
    AudioUnreadable,
    InputError,
    SourceMissing,
)
from schemas.units import (
    SAMPLE_RATE_HZ,
    round_half_up,
    samples_from_sec,
    sec_from_samples,
)

MAX_HOURS = 12.0
MIN_RATE_HZ = 4_000
MAX_RATE_HZ = 384_000
SILENT_PEAK = 1e-4
"""-80 dBFS: three steps of 16-bit audio, below the noise of any microphone."""
LOUDEST_PEAK = 10.0
"""20 dB over full scale: lossy codecs overshoot it by 3 dB at most, so a float file
above this was written in another unit and its clips would be square waves."""

# ffmpeg would search these for audio, and find the MP3 that is stored in a zip.
_NOT_AUDIO = (
    (b"PK\x03\x04", "a zip archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"%pdf", "a PDF document"),
    (b"<!doctype", "a web page"),
    (b"<html", "a web page"),
    (b"<?xml", "an XML document"),
)


def decode_audio(
    path: str | Path,
    *,
    max_hours: float = MAX_HOURS,
    before_decoding: Callable[[float], None] | None = None,
) -> np.ndarray:
    """Decode a local recording of any common format.

    ffmpeg resamples and mixes while it decodes, so that the peak of memory is about the
    returned array (230 MB an hour). Silence that the encoder put before the sound is
    dropped: the same speech has the same times in every format (to 5 ms, see
    ``container_delay``).

    Args:
        path: a regular file; never an address.
        max_hours: longer recordings are refused.
        before_decoding: called once with the estimated length in seconds, before memory
            is taken; it may wait until there is room.

    Returns:
        Samples (N,), float32, mono, 16 kHz, about within [-1, 1].

    Raises:
        SourceMissing: there is no such file.
        AudioUnreadable: it is not audio that ffmpeg can decode.
        AudioEmpty: it has no bytes or no samples.
        AudioSilent: nothing in it reaches -80 dBFS.
        AudioFormatAbsurd: rate, channels, level or length are not those of a recording.
        AudioNotFinite: it holds NaN or infinite samples.
        AudioTruncated: it breaks off before the length that its header promises.
        ConfigError: there is no ffmpeg program.
    """
    path = Path(path)
    head = _read_head(path)

    def expected_samples(log: str) -> int:
        samples = _expected_samples(path, log, max_hours)
        if before_decoding is not None:
            before_decoding(samples / SAMPLE_RATE_HZ)
        return samples

    decoded = run_ffmpeg(
        path,
        expected_samples=expected_samples,
        max_samples=samples_from_sec(max_hours * 3600),
    )
    source = parse_banner(decoded.log)
    _require_decoded(path, head, source, decoded)
    assert source is not None and source.rate_hz is not None
    late = late_samples(path, source)
    samples_N = decoded.samples_N[
        round_half_up(late * SAMPLE_RATE_HZ / source.rate_hz) :
    ]
    try:
        _require_whole(path, source, decoded)
        _require_sound(path, samples_N)
    except InputError as error:
        error.duration_sec = sec_from_samples(len(samples_N)) or None
        raise
    return samples_N


def _read_head(path: Path) -> bytes:
    """Return the first bytes of a file that could be audio."""
    if not path.exists():
        raise SourceMissing(f"{path}: no such file; check the path in the manifest")
    if not path.is_file():
        raise AudioUnreadable(f"{path}: expected an audio file, got a folder or device")
    try:
        with path.open("rb") as file:
            head = file.read(512)
    except OSError as error:
        if error.errno not in (errno.EACCES, errno.EPERM, errno.EIO):
            raise
        raise AudioUnreadable(f"{path}: cannot be read: {error.strerror}") from error
    if not head:
        raise AudioEmpty(f"{path}: the file is empty (0 bytes); fetch it again")
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    for signature, kind in _NOT_AUDIO:
        if start.startswith(signature.lower()):
            raise AudioUnreadable(
                f"{path}: expected audio, got {kind} ({_beginning(head)})"
            )
    return head


def _beginning(head: bytes) -> str:
    return f"begins with {repr(head[:24])[1:]}"


def _expected_samples(path: Path, log: str, max_hours: float) -> int:
    """Return about how long the audio is, or refuse it before it is decoded."""
    source = parse_banner(log)
    if source is None:
        return 0
    if source.rate_hz is not None and not MIN_RATE_HZ <= source.rate_hz <= MAX_RATE_HZ:
        raise AudioFormatAbsurd(
            f"{path}: expected a sample rate from {MIN_RATE_HZ} to {MAX_RATE_HZ} Hz, "
            f"got {source.rate_hz} Hz; its header is probably damaged"
        )
    # A silent stream has "0 channels" until its first frame: nothing to refuse yet.
    if source.rate_hz is not None and source.channels not in (1, 2):
        raise AudioFormatAbsurd(
            f"{path}: expected 1 or 2 channels, got {source.layout}; which channel the "
            "reader is on is unknown: export that channel alone"
        )
    if source.duration_sec is not None and source.duration_sec > max_hours * 3600:
        raise AudioFormatAbsurd(
            f"{path}: expected at most {max_hours:g} hours of audio, got "
            f"{source.duration_sec / 3600:.1f}; split the recording, or raise max_hours"
        )
    return samples_from_sec(source.estimated_sec)


def _require_decoded(
    path: Path, head: bytes, source: SourceFormat | None, decoded: Decoded
) -> None:
    """Refuse a file that ffmpeg could not decode, or decoded to nothing."""
    if "moov atom not found" in decoded.log and head[4:8] == b"ftyp":
        raise AudioTruncated(
            f"{path}: breaks off: an MP4 file without its index, which comes last; "
            "fetch the file again"
        )
    detail = last_error(decoded.log)
    if source is None:
        if "matches no streams" in decoded.log:
            detail = "it has no audio stream"
        raise AudioUnreadable(
            f"{path}: expected audio, got a file that {_beginning(head)}; "
            f"ffmpeg: {detail}"
        )
    if len(decoded.samples_N) == 0 and not detail:
        raise AudioEmpty(f"{path}: {source.codec} audio without a single sample")
    if decoded.exit_status != 0 or len(decoded.samples_N) == 0:
        raise AudioUnreadable(
            f"{path}: {source.codec} audio that cannot be decoded, "
            f"{_beginning(head)}; ffmpeg (status {decoded.exit_status}): {detail}"
        )


def _require_whole(path: Path, source: SourceFormat, decoded: Decoded) -> None:
    """Refuse a file that breaks off."""
    why = truncation(path, source, len(decoded.samples_N), decoded.log)
    if why:
        raise AudioTruncated(f"{path}: breaks off: {why}; fetch the file again")


def _require_sound(path: Path, samples_N: np.ndarray) -> None:
    """Refuse audio that is no sound: nothing, NaN, silence, another unit."""
    if len(samples_N) == 0:
        raise AudioEmpty(f"{path}: only the encoder's silence, no samples of its own")
    low, high = (
        float(samples_N.min()),
        float(samples_N.max()),
    )  # NaN passes through both
    if not np.isfinite(low) or not np.isfinite(high):
        first = int(np.argmin(np.isfinite(samples_N)))
        raise AudioNotFinite(
            f"{path}: expected finite samples, got {samples_N[first]} at "
            f"{first / SAMPLE_RATE_HZ:.3f} s; export the recording again"
        )
    if (high - low) / 2 < SILENT_PEAK:  # half the range: an offset is no sound
        raise AudioSilent(
            f"{path}: nothing reaches -80 dBFS (or its two channels cancel out)"
        )
    if max(-low, high) > LOUDEST_PEAK:
        raise AudioFormatAbsurd(
            f"{path}: expected samples about within [-1, 1], got a peak of "
            f"{max(-low, high):.4g}; divide them by their full scale"
        )
