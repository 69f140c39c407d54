"""Cut a recording into clips: FLAC, 16 kHz, mono, 16 bit, one after another in a pack.

A pack is nothing but the clips' bytes; who cut them keeps the ranges. So a recording
leaves one file in the store, and shards are made from ranges of it.
"""

import io
from collections.abc import Iterable
from typing import BinaryIO, NamedTuple

import numpy as np
import numpy.typing as npt
import soundfile

from schemas.segment import Segment
from schemas.units import SAMPLE_RATE_HZ, samples_from_sec

# 5 of 8, the encoder's own default: 2 % smaller than level 0 at 9/10 of its speed.
_COMPRESSION_LEVEL = 5 / 8
_FULL_SCALE = 32768


class ByteRange(NamedTuple):
    """Where a clip's bytes lie in its pack."""

    offset: int
    length: int


def encode_flac(samples_N: npt.NDArray[np.floating]) -> bytes:
    """Return a clip as FLAC; equal samples give equal bytes.

    Samples beyond full scale (a lossy codec can overshoot) are clipped.

    Args:
      samples_N: mono at 16 kHz, full scale 1, shape (N,).

    Raises:
      ValueError: a sample is not finite, or there is none.
    """
    if not len(samples_N) or not np.isfinite(samples_N).all():
        raise ValueError("clip: expected one or more finite samples")
    scaled = np.rint(samples_N * _FULL_SCALE)
    samples = np.clip(scaled, -_FULL_SCALE, _FULL_SCALE - 1).astype(np.int16)
    buffer = io.BytesIO()
    soundfile.write(
        buffer,
        samples,
        SAMPLE_RATE_HZ,
        subtype="PCM_16",
        format="FLAC",
        compression_level=_COMPRESSION_LEVEL,
    )
    return buffer.getvalue()


def cut_clips(
    waveform_N: npt.NDArray[np.float32], segments: Iterable[Segment], pack: BinaryIO
) -> tuple[ByteRange, ...]:
    """Write the clip of every segment to a pack and return where each lies.

    Args:
      waveform_N: the whole recording, mono at 16 kHz, shape (N,).
      segments: any number of segments of the recording, in any order.
      pack: an empty file open for writing.

    Raises:
      ValueError: a segment reaches beyond the recording.
    """
    ranges = []
    offset = 0
    for segment in segments:
        start = samples_from_sec(segment.start_sec)
        end = samples_from_sec(segment.end_sec)
        if not 0 <= start < end <= len(waveform_N):
            raise ValueError(
                f"{segment.key}: expected samples within [0, {len(waveform_N)}), "
                f"got [{start}, {end})"
            )
        clip = encode_flac(waveform_N[start:end])
        pack.write(clip)
        ranges.append(ByteRange(offset, len(clip)))
        offset += len(clip)
    return tuple(ranges)
