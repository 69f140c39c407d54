"""Whether a recording breaks off: what its container promises against what came out.

A promise is a length that the header states (MP3 with a Xing or Info tag, FLAC, MP4,
Matroska, AIFF, WAV ...) or an end mark (Ogg). A plain MP3, an ADTS AAC file and a FLAC
written to a pipe promise nothing: cut anywhere they are whole files, only shorter. An
incomplete last frame is then no proof (editors and stream savers leave one), so such a
file passes; that its download was complete has to be checked while downloading, and
text without audio shows in the scores of the last verses.
"""

import struct
from pathlib import Path

from aligner.ffmpeg_banner import SourceFormat
from schemas.units import SAMPLE_RATE_HZ

TOLERANCE_SEC = 0.5
"""Stated lengths of whole files were up to 0.14 s above the decoded ones (measured)."""

_CUT_PHRASES = ("File ended prematurely", "partial file")  # Matroska; MP4
_UNKNOWN_SIZE = 0x7FFF_0000  # writers that cannot seek back put the maximum, or near it
_OGG_TAIL_BYTES = 2 * 65_307  # the longest page is 65,307 bytes


def truncation(path: Path, source: SourceFormat, decoded_samples: int, log: str) -> str:
    """Return why a recording counts as broken off, or "" if nothing says so.

    Args:
        path: the audio file.
        source: what ffmpeg said about it.
        decoded_samples: samples at 16 kHz, before any delay is dropped.
        log: ffmpeg's log of the decoding.
    """
    decoded_sec = decoded_samples / SAMPLE_RATE_HZ
    # With video or chapters in the file, its length is that of the longest stream.
    promised_sec = source.duration_sec if source.audio_only else None
    if promised_sec is not None and promised_sec - decoded_sec > TOLERANCE_SEC:
        return f"its header promises {promised_sec:.2f} s, {decoded_sec:.2f} s came"
    if any(phrase in log for phrase in _CUT_PHRASES):
        return f"its container ends early, after {decoded_sec:.2f} s"
    if source.container in ("w64", "caf") and "Packet corrupt" in log:
        return f"its data chunk ends early, after {decoded_sec:.2f} s"
    if source.container == "wav":
        return _wav_shortfall(path)
    if source.container == "ogg":
        return _ogg_without_end(path)
    return ""


def _wav_shortfall(path: Path) -> str:
    """Compare the data chunk's size with the bytes that follow it."""
    file_bytes = path.stat().st_size
    byte_rate, wide_size = 0, 0
    with path.open("rb") as file:
        at = 12
        while at + 8 <= file_bytes:
            file.seek(at)
            kind, size = struct.unpack("<4sI", file.read(8))
            if kind == b"fmt ":
                byte_rate = struct.unpack("<8xI", file.read(12))[0]
            elif kind == b"ds64":  # RF64: the sizes that do not fit 32 bits
                wide_size = struct.unpack("<8xQ", file.read(16))[0]
            elif kind == b"data":
                promised = wide_size or (size if size < _UNKNOWN_SIZE else 0)
                missing = at + 8 + promised - file_bytes
                if byte_rate and missing > TOLERANCE_SEC * byte_rate:
                    return (
                        f"its header promises {promised / byte_rate:.2f} s, "
                        f"{(promised - missing) / byte_rate:.2f} s are there"
                    )
                return ""
            at += 8 + size + size % 2
    return ""


def _ogg_without_end(path: Path) -> str:
    """Look for the page that ends every Ogg stream (RFC 3533, section 4)."""
    file_bytes = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(0, file_bytes - _OGG_TAIL_BYTES))
        tail = file.read()
    at = tail.rfind(b"OggS")
    page = tail[at:]
    if at < 0:
        return ""
    segments = page[26] if len(page) > 26 else 0
    header_bytes = 27 + segments
    if len(page) < header_bytes or segments == 0:
        return "its last Ogg page is incomplete"
    if len(page) < header_bytes + sum(page[27:header_bytes]):
        return "its last Ogg page is incomplete"
    if not page[5] & 0x04:
        return "its last Ogg page has no end mark"
    return ""
