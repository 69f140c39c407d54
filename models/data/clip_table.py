"""All clips that a job may draw from, as columns: what an epoch is planned from."""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Rows = npt.NDArray[np.int64]


class Stratum(NamedTuple):
    """The clips of one language of one source: rows [first, end) of the table."""

    source: int
    language: str
    first: int
    end: int


class Shard(NamedTuple):
    """A tar, the language of its clips, and whether their text is a pseudo-label."""

    path: str
    language: str
    is_rejected: bool
    """Its clips have a text of their own that no selection keeps."""


class ClipPlace(NamedTuple):
    """Where one clip is read: all that travels to a worker."""

    shard: int
    offset: int
    length: int
    duration_msec: int
    text: str | None
    """That of its pseudo-label, None without labels."""


@dataclass(frozen=True, eq=False)
class ClipTable:
    """n clips ordered by stratum, shard and place."""

    strata: tuple[Stratum, ...]
    shards: tuple[Shard, ...]
    shard: npt.NDArray[np.uint32]
    offset: npt.NDArray[np.int64]
    length: npt.NDArray[np.uint32]
    duration_msec: npt.NDArray[np.uint32]
    texts: pa.Array | None
    """Large strings; None for a clip whose source has no labels."""
    left_out: int
    """Kept by their selection, but shorter or longer than the plan takes."""

    def __len__(self) -> int:
        return len(self.duration_msec)

    def places(self, rows: Rows) -> list[ClipPlace]:
        """Return where the clips of some rows are."""
        columns: list[list] = [
            column[rows].tolist()
            for column in (self.shard, self.offset, self.length, self.duration_msec)
        ]
        texts = [None] * len(rows)
        if self.texts is not None:
            texts = self.texts.take(pa.array(rows)).to_pylist()
        return [ClipPlace(*place) for place in zip(*columns, texts, strict=True)]

    @cached_property
    def firsts(self) -> npt.NDArray[np.int64]:
        """The first row of each stratum."""
        return np.array([stratum.first for stratum in self.strata])

    @cached_property
    def strata_msec(self) -> npt.NDArray[np.int64]:
        """How much audio each stratum has."""
        return np.array(
            [
                self.duration_msec[stratum.first : stratum.end].sum(dtype=np.int64)
                for stratum in self.strata
            ],
            dtype=np.int64,
        )

    def digest(self) -> str:
        """Name these very clips, wherever the corpus lies; new labels are others."""
        name = hashlib.blake2b(digest_size=16)
        name.update(repr(self.strata).encode())
        for shard in self.shards:
            name.update("/".join(shard.path.split("/")[-4:]).encode())
        for column in (self.shard, self.offset, self.length, self.duration_msec):
            name.update(column.tobytes())
        if self.texts is not None:
            for buffer in filter(None, self.texts.buffers()):
                name.update(buffer)
        return name.hexdigest()
