"""One sample of a shard, and how it is read from its members."""

import io
import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import soundfile

from schemas.errors import ArtifactError
from schemas.units import SAMPLE_RATE_HZ, sec_from_samples


class ClipText(Protocol):
    """What is known of a clip without its audio: a ``Clip``, or a row of a table."""

    @property
    def key(self) -> str:
        """Recording and times."""

    @property
    def language(self) -> str:
        """Code."""

    @property
    def duration_sec(self) -> float:
        """Of its audio."""

    @property
    def text(self) -> str:
        """Its own, or that of a pseudo-label."""

    @property
    def source(self) -> str:
        """As in ``Clip``; its text is a pseudo-label unless this is empty."""

    @property
    def star_sec(self) -> float:
        """How much of it is said otherwise than written, or not written."""


@dataclass(frozen=True)
class Clip:
    """One sample of a shard: FLAC at 16 kHz, text and measurements."""

    key: str
    flac: bytes
    duration_sec: float
    text: str
    """"" without text; that of the pseudo-label, if labels were asked for."""
    row: dict[str, Any]
    language: str = ""
    source: str = ""
    """Of audio without text where it is from; "rejected" with a pseudo-label in place
    of the text that no selection keeps."""
    shard: str = ""
    """Path of the tar."""

    @property
    def star_sec(self) -> float:
        """How much of it is said otherwise than written, or not written."""
        return float(self.row["star_sec"])

    @cached_property
    def samples(self) -> npt.NDArray[np.float32]:
        """The audio (N,), full scale 1, decoded when it is first asked for.

        Raises:
          ArtifactError: it is damaged.
        """
        try:
            samples, _ = soundfile.read(io.BytesIO(self.flac), dtype="float32")
        except soundfile.LibsndfileError as error:
            raise _damaged(self.key, self.shard, error) from error
        return samples


def parse_clip(raw: dict[str, Any], language: str = "") -> Clip:
    """Read one sample of a tar: the bytes of its members by suffix, and its key.

    Only a sample with ``source`` in its row, which is audio without text, may lack its
    ``.txt``.

    Args:
      raw: the members.
      language: that of the shard, for a row that does not say it.

    Raises:
      ArtifactError: a member is missing or damaged, or the audio is not 16 kHz mono.
    """
    key, shard = raw["__key__"], raw.get("__url__", "")
    missing = [name for name in ("flac", "txt", "json") if name not in raw]
    if missing and missing != ["txt"]:
        raise _lacking(raw, missing)
    try:
        row = json.loads(raw["json"])
        header = _flac_header(raw["flac"])
        text = raw.get("txt", b"").decode()
    except ValueError as error:
        raise _damaged(key, shard, error) from error
    source = row.get("source") or ""
    if missing and not source:
        raise _lacking(raw, missing)
    if (header.rate_hz, header.channels) != (SAMPLE_RATE_HZ, 1):
        raise ArtifactError(
            f"{key}: expected 16 kHz mono, got {header.rate_hz} Hz in "
            f"{header.channels} channels in its shard {shard}; write the shard with "
            "`pericope run`"
        )
    return Clip(
        key,
        raw["flac"],
        sec_from_samples(header.samples),
        text,
        row,
        row.get("language") or language,
        source,
        shard,
    )


class _FlacHeader(NamedTuple):
    rate_hz: int
    channels: int
    samples: int


def _flac_header(flac: bytes) -> _FlacHeader:
    """Return what the STREAMINFO block says, which every FLAC begins with.

    Read here because a library opens the whole file for it: 90 us instead of 1, beside
    2500 for decoding ten seconds.

    Raises:
      ValueError: this is no FLAC.
    """
    if len(flac) < 26 or flac[:4] != b"fLaC":
        raise ValueError("no FLAC header")
    packed = int.from_bytes(flac[18:26])  # 20, 3, 5 and 36 bits
    return _FlacHeader(packed >> 44, (packed >> 41 & 7) + 1, packed & (1 << 36) - 1)


def _lacking(raw: dict[str, Any], missing: list[str]) -> ArtifactError:
    return ArtifactError(
        f"{raw['__key__']}: the shard {raw.get('__url__', '')} lacks its "
        f".{', .'.join(missing)}; delete it and run `pericope run` again"
    )


def _damaged(key: str, shard: str, error: Exception) -> ArtifactError:
    return ArtifactError(
        f"{key}: damaged in its shard {shard} ({error}); delete the shard and run "
        "`pericope run` again"
    )
