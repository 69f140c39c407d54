"""Names that tie files together: recording ids, segment keys, digests."""

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any

from schemas.errors import KeyUnusable
from schemas.units import msec_from_sec

# WebDataset splits a member's name at its first dot, tar readers choke on slashes.
_RECORDING_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")
_SEGMENT_KEY = re.compile(r"(?P<recording_id>.+)_(?P<start>\d+)_(?P<end>\d+)")


def check_recording_id(recording_id: str) -> str:
    """Return the id unchanged.

    Raises:
      KeyUnusable: it has characters that are not safe in a shard.
    """
    if not _RECORDING_ID.fullmatch(recording_id):
        raise KeyUnusable(
            f"recording_id {recording_id!r}: expected 1 to 100 of A-Z a-z 0-9 _ - "
            "beginning with a letter or digit; rename it in the manifest"
        )
    return recording_id


@dataclass(frozen=True, order=True)
class SegmentKey:
    """Identity of a segment: its recording and its interval in milliseconds.

    >>> str(SegmentKey("swh-mrk-001", 1200, 13450))
    'swh-mrk-001_0001200_0013450'
    >>> SegmentKey.parse("swh-mrk-001_0001200_0013450").end_msec
    13450
    """

    recording_id: str
    start_msec: int
    end_msec: int

    @classmethod
    def of(cls, recording_id: str, start_sec: float, end_sec: float) -> "SegmentKey":
        """Build a key from times in seconds."""
        return cls(recording_id, msec_from_sec(start_sec), msec_from_sec(end_sec))

    @classmethod
    def parse(cls, text: str) -> "SegmentKey":
        """Read a key back from its text form.

        Raises:
          KeyUnusable: the text is not a segment key.
        """
        match = _SEGMENT_KEY.fullmatch(text)
        if match is None:
            raise KeyUnusable(
                f"segment key {text!r}: expected <recording_id>_<start msec>_<end msec>"
            )
        return cls(match["recording_id"], int(match["start"]), int(match["end"]))

    def __str__(self) -> str:
        # Seven digits hold 2.7 hours, so that keys sort in time order as text.
        return f"{self.recording_id}_{self.start_msec:07d}_{self.end_msec:07d}"


def digest_of(*parts: Any) -> str:
    """Return the SHA-256 (hex) of JSON-able parts: the name of a stage's result."""
    text = json.dumps(parts, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def stable_bucket(key: str, buckets: int) -> int:
    """Return the bucket of a key, equal on every machine and in every order."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8]) % buckets
