"""Single clips read from the middle of their shards."""

import io
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from webdataset.tariterators import group_by_keys

from models.data.clip import Clip, parse_clip
from models.data.clip_table import ClipPlace, Shard
from models.data.files import read_range
from models.data.labels import REJECTED
from models.data.shards import damaged_shard
from schemas.errors import ArtifactError

_TOLERANCE_SEC = 0.002  # a key counts in milliseconds, at both ends


def read_clip(shard: Shard, place: ClipPlace) -> Clip:
    """Read a clip where the plan says it is.

    Raises:
      ArtifactError: the shard is gone or damaged, or has another clip there.
    """
    samples = list(group_by_keys(_members(shard.path, _read_bytes(shard.path, place))))
    if len(samples) != 1:
        raise _not_there(shard, place, f"{len(samples)} samples")
    clip = parse_clip(samples[0], shard.language)
    planned_sec = place.duration_msec / 1000
    if abs(clip.duration_sec - planned_sec) > _TOLERANCE_SEC:
        raise _not_there(
            shard,
            place,
            f"{clip.key} of {clip.duration_sec:.3f} s, not {planned_sec:g}",
        )
    if place.text is None:
        return clip
    source = REJECTED if shard.is_rejected else clip.source
    return replace(clip, text=place.text, source=source)


def _read_bytes(path: str, place: ClipPlace) -> bytes:
    try:
        data = read_range(path, place.offset, place.length)
    except FileNotFoundError as error:
        raise damaged_shard(path, "it is gone") from error
    if len(data) != place.length:
        raise damaged_shard(path, f"it ends before byte {place.offset + place.length}")
    return data


def _members(path: str, data: bytes) -> Iterator[dict[str, Any]]:
    """Yield the members of a small tar as WebDataset does."""
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as tar:
            for member in tar:
                start = member.offset_data
                yield {
                    "fname": member.name,
                    "data": data[start : start + member.size],
                    "__url__": path,
                }
    except tarfile.TarError as error:
        raise damaged_shard(path, error) from error


def _not_there(shard: Shard, place: ClipPlace, found: str) -> ArtifactError:
    return damaged_shard(shard.path, f"at byte {place.offset} it has {found}")
