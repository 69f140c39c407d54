"""The audio of a unit's clips, read from their shards by ranges."""

import io
import tarfile
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import soundfile

from pipelines.label_units import UnitClip
from pipelines.ranges import Piece, read_pieces
from schemas.errors import AudioUnreadable
from schemas.units import SAMPLE_RATE_HZ, samples_from_sec

_LOUDEST_NOISE_DB, _SOFTEST_NOISE_DB = 0.0, 20.0
_DAMAGE = (tarfile.TarError, soundfile.LibsndfileError, ValueError, EOFError)


def read_clips(root: str, clips: list[UnitClip]) -> Iterator[tuple[UnitClip, bytes]]:
    """Yield clips with the bytes of their samples, a few in memory at a time."""
    pieces = [Piece(f"{root}/{clip.shard}", clip.offset, clip.length) for clip in clips]
    yield from zip(clips, read_pieces(pieces), strict=True)


def decoded(clip: UnitClip, data: bytes) -> npt.NDArray[np.float32]:
    """Return the audio of a sample.

    Raises:
      AudioUnreadable: it is damaged.
    """
    try:
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            member = tar.extractfile(f"{clip.key}.flac")
            if member is None:
                raise tarfile.TarError("a member that is no file")
            samples, rate_hz = soundfile.read(member, dtype="float32")
    except (*_DAMAGE, KeyError) as error:
        raise AudioUnreadable(_told(clip, str(error))) from error
    whole = samples_from_sec(clip.duration_sec)
    if rate_hz != SAMPLE_RATE_HZ or samples.shape != (whole,):
        got = f"{samples.shape} samples at {rate_hz} Hz instead of {whole} at 16 kHz"
        raise AudioUnreadable(_told(clip, got))
    return samples


def _told(clip: UnitClip, got: str) -> str:
    return (
        f"{clip.key}: expected its FLAC in {clip.length} bytes from {clip.offset} of "
        f"{clip.shard}, got {got}; delete the shard and say `pericope run` again"
    )


def with_noise(
    waveform_N: npt.NDArray[np.float32], seed: int
) -> npt.NDArray[np.float32]:
    """Return a clip in white noise, from as loud as itself to hardly heard."""
    rng = np.random.default_rng(seed)
    below_db = rng.uniform(_LOUDEST_NOISE_DB, _SOFTEST_NOISE_DB)
    level = np.sqrt(np.mean(np.square(waveform_N, dtype=np.float64)))
    noise_N = rng.standard_normal(len(waveform_N), dtype=np.float32)
    return waveform_N + noise_N * np.float32(level * 10 ** (-below_db / 20))
