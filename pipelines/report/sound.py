"""The sound of shown segments: out of the shards, small enough for a page."""

import io
import tarfile
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq
import soundfile

from pipelines.shards import FOLDER
from pipelines.store import filesystem_of
from pipelines.tables import damaged
from schemas.errors import ArtifactError
from schemas.tables import INDEX_TABLE, IndexEntry
from schemas.units import SAMPLE_RATE_HZ

COLUMNS = 240
"""Of a waveform's picture."""
_HEIGHT = 100
# A variable rate of about 30 kbit/s. The encoder's delay is written down only where the
# rate varies, and players need it to be in time with the words.
_COMPRESSION_LEVEL = 0.7


@dataclass(frozen=True)
class Sound:
    """A clip for the page: MP3 and the loudest sample of each column, 0 to 100."""

    mp3: bytes
    peaks: tuple[int, ...]


def find_places(
    root: str, language: str, keys: Collection[str]
) -> dict[str, IndexEntry]:
    """Return where samples of a language lie, by the shards' indexes.

    A corpus without shards has none.
    """
    filesystem, folder = filesystem_of(f"{root}/{FOLDER}")
    indexes = [
        *filesystem.glob(f"{folder}/labeled/{language}/*/index-*.parquet"),
        *filesystem.glob(f"{folder}/unlabeled/{language}/*/index-*.parquet"),
    ]
    found: dict[str, IndexEntry] = {}
    wanted = [("key", "in", sorted(keys))]
    for index in sorted(indexes) if keys else ():
        with filesystem.open(index, "rb") as file:
            try:
                table = pq.read_table(file, filters=wanted)
            except OSError as error:  # ArrowInvalid is none
                raise damaged(index, error) from error
        for entry in INDEX_TABLE.records(table, index):
            found[entry.key] = entry
    return found


def read_sound(root: str, entry: IndexEntry) -> Sound | None:
    """Return a clip for the page, None where its shard is no longer there.

    Raises:
      ArtifactError: the shard is damaged.
    """
    filesystem, path = filesystem_of(f"{root}/{entry.shard}")
    try:
        start = entry.offset
        data = filesystem.cat_file(path, start=start, end=start + entry.length)
    except FileNotFoundError:
        return None
    try:
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            member = tar.extractfile(f"{entry.key}.flac")
            assert member is not None
            samples, _ = soundfile.read(io.BytesIO(member.read()), dtype="float32")
    except (tarfile.TarError, KeyError, soundfile.LibsndfileError) as error:
        raise ArtifactError(
            f"{entry.shard}: expected the clip {entry.key} at byte {start}, got "
            f"{error}; delete the shard and run the corpus again"
        ) from error
    return Sound(encode_mp3(samples), peaks_of(samples))


def encode_mp3(samples_N: npt.NDArray[np.float32]) -> bytes:
    """Return samples (mono, 16 kHz) as MP3; equal samples give equal bytes."""
    buffer = io.BytesIO()
    soundfile.write(
        buffer,
        samples_N,
        SAMPLE_RATE_HZ,
        format="MP3",
        subtype="MPEG_LAYER_III",
        compression_level=_COMPRESSION_LEVEL,
        bitrate_mode="VARIABLE",
    )
    return buffer.getvalue()


def peaks_of(samples_N: npt.NDArray[np.float32]) -> tuple[int, ...]:
    """Return the loudest sample of each column; 100 is the loudest of all."""
    if not len(samples_N):
        return (0,) * COLUMNS
    starts = np.arange(COLUMNS) * len(samples_N) // COLUMNS
    loudest = np.maximum.reduceat(np.abs(samples_N), starts)
    scaled = loudest / max(float(loudest.max()), 1e-9) * _HEIGHT
    return tuple(np.rint(scaled).astype(int).tolist())
