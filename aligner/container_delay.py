"""How late a file's sound starts after decoding, so that every container has one clock.

An encoder puts silence before the sound. Most containers state how much and ffmpeg then
drops it; the rest decode late by a constant of the codec. Measured in source samples
with ffmpeg 9.0.2 against the WAV, equal at every rate tried (8, 11.025, 12, 16, 22.05,
24, 32, 44.1 and 48 kHz) to 0.03 samples:

    late by               mp3 1105     aac 1024     mp2 481     amr_nb 40
    stated, so 0          mp3 with a LAME or Lavf tag, m4a with an edit list, ogg, opus,
                          flac, wav, aiff, w64, au, wavpack, tta, matroska, webm

The constants are those of the usual encoders (LAME 576 + the decoder's 529; one AAC-LC
frame). AAC encoders that look further ahead (FDK 2048, HE-AAC) come later still, which
a file without a statement gives no means to know. Two deviations were measured and are
left: Opus in MP4 is up to 5.4 ms late, and WMA written by ffmpeg 32 to 85 ms early,
because its first frame is lost in decoding.
"""

from collections.abc import Iterator
from pathlib import Path

from aligner.ffmpeg_banner import SourceFormat

_CODEC_DELAY_SAMPLES = {"mp3": 1105, "mp2": 481, "aac": 1024, "amr_nb": 40}
_UNSTATED = {"aac", "amr", "amrnb", "wav", "caf"}
"""Containers that have no place for the delay, or whose statement ffmpeg ignores."""
_MOOV_BYTES = 64 << 20  # the index of a day of audio is a tenth of this


def late_samples(path: Path, source: SourceFormat) -> int:
    """Return how many decoded samples, at the source's rate, precede the sound.

    Args:
        path: the file that was decoded.
        source: what ffmpeg said about it.
    """
    delay_samples = _CODEC_DELAY_SAMPLES.get(source.codec, 0)
    if delay_samples == 0:
        return 0
    if source.container == "mp3":
        # ffmpeg reports the start of the first sample it kept; it is above 0 exactly if
        # the file has a tag with a delay, which it has then dropped.
        return 0 if source.start_sec > 0 else delay_samples
    if source.container.startswith("mov,"):
        return 0 if _states_start(path) else delay_samples
    return delay_samples if source.container in _UNSTATED else 0


def _states_start(path: Path) -> bool:
    """Return whether an MP4's index says where the sound starts."""
    with path.open("rb") as file:
        file_bytes = path.stat().st_size
        at = 0
        while at + 8 <= file_bytes:
            file.seek(at)
            size, kind, header_bytes = _box_header(file.read(16), file_bytes - at)
            if kind == b"moov" and size <= _MOOV_BYTES:
                file.seek(at + header_bytes)
                moov = file.read(size - header_bytes)
                # iTunes writes the delay as a comment, and ffmpeg honours it.
                return b"iTunSMPB" in moov or _has_edit(moov)
            at += max(size, 8)
    return False


def _has_edit(moov: bytes) -> bool:
    """Return whether the audio track starts at a media time above 0."""
    for kind, track in _boxes(moov):
        if kind != b"trak" or b"soun" not in track:
            continue
        for edits in (inner for kind, inner in _boxes(track) if kind == b"edts"):
            for entries in (inner for kind, inner in _boxes(edits) if kind == b"elst"):
                # version, flags, count; then duration and media time of each entry
                wide = entries[:1] == b"\x01"
                first = entries[16:24] if wide else entries[12:16]
                if int.from_bytes(first, "big", signed=True) > 0:
                    return True
    return False


def _boxes(parent: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    while at + 8 <= len(parent):
        size, kind, header_bytes = _box_header(parent[at : at + 16], len(parent) - at)
        yield kind, parent[at + header_bytes : at + size]
        at += max(size, 8)


def _box_header(head: bytes, rest_bytes: int) -> tuple[int, bytes, int]:
    """Return a box's whole size, its kind and the size of its header."""
    size = int.from_bytes(head[:4], "big")
    if size == 1:  # a 64-bit size follows the kind
        return int.from_bytes(head[8:16], "big"), head[4:8], 16
    return size or rest_bytes, head[4:8], 8  # 0: up to the end
