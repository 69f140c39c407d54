"""Labeled shards as a stream of clips: WebDataset tars filtered by a selection."""

import io
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq
import soundfile
import webdataset

from schemas.errors import ArtifactError, ConfigError
from schemas.units import SAMPLE_RATE_HZ


@dataclass(frozen=True)
class Clip:
    """One sample of a shard: audio float32 (N,) at 16 kHz, text and measurements."""

    key: str
    samples: npt.NDArray[np.float32]
    text: str
    row: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class SpeechShards:
    """The clips of one split of a corpus that a selection keeps."""

    corpus: Path
    split: str = "train"
    selection: str | None = "default"
    shuffle_buffer: int = 64

    def tars(self) -> dict[str, list[str]]:
        """Return the shards of each language.

        Raises:
          ConfigError: there is none.
        """
        found: dict[str, list[str]] = {}
        for path in sorted(self.corpus.glob(f"shards/labeled/*/{self.split}/*.tar")):
            found.setdefault(path.parent.parent.name, []).append(str(path))
        if not found:
            raise ConfigError(
                f"{self.corpus}: no shards/labeled/<language>/{self.split}/*.tar; "
                "write the corpus first with `pericope run`"
            )
        return found

    def kept_keys(self) -> frozenset[str] | None:
        """Return the keys that the selection keeps; None keeps all.

        Raises:
          ConfigError: there is no such selection.
        """
        if self.selection is None:
            return None
        path = self.corpus / "selections" / f"{self.selection}.parquet"
        if not path.is_file():
            raise ConfigError(
                f"{path}: no such selection; see `pericope select --help`"
            )
        table = pq.read_table(path, columns=["key", "keep"])
        rows = zip(table["key"].to_pylist(), table["keep"].to_pylist(), strict=True)
        return frozenset(key for key, keep in rows if keep)

    def epoch(self, seed: int) -> Iterator[Clip]:
        """Yield every kept clip once, languages and clips in a random order."""
        rng = random.Random(seed)
        kept = self.kept_keys()
        streams = []
        for tars in self.tars().values():
            rng.shuffle(tars)
            streams.append(self._shuffled(tars, kept, rng))
        while streams:
            stream = rng.choice(streams)
            clip = next(stream, None)
            if clip is None:
                streams.remove(stream)
            else:
                yield clip

    def in_order(self) -> Iterator[Clip]:
        """Yield every kept clip once, in the shards' own order."""
        kept = self.kept_keys()
        for tars in self.tars().values():
            for raw in self._raw(tars, kept):
                yield decode_clip(raw)

    def _raw(
        self, tars: list[str], kept: frozenset[str] | None
    ) -> Iterator[dict[str, Any]]:
        stream = webdataset.WebDataset(
            tars, shardshuffle=False, empty_check=False, workersplitter=None
        )
        for raw in stream:
            if kept is None or raw["__key__"] in kept:
                yield raw

    def _shuffled(
        self, tars: list[str], kept: frozenset[str] | None, rng: random.Random
    ) -> Iterator[Clip]:
        """Shuffle in a small buffer; clips are decoded as they leave it."""
        buffer: list[dict[str, Any]] = []
        for raw in self._raw(tars, kept):
            buffer.append(raw)
            if len(buffer) > self.shuffle_buffer:
                yield decode_clip(buffer.pop(rng.randrange(len(buffer))))
        rng.shuffle(buffer)
        for raw in buffer:
            yield decode_clip(raw)


def decode_clip(raw: dict[str, Any]) -> Clip:
    """Decode one sample of a tar.

    Raises:
      ArtifactError: a member is missing, or the audio is not 16 kHz mono.
    """
    key = raw["__key__"]
    missing = [name for name in ("flac", "txt", "json") if name not in raw]
    if missing:
        raise ArtifactError(f"{key}: the shard lacks its .{', .'.join(missing)}")
    samples, rate_hz = soundfile.read(io.BytesIO(raw["flac"]), dtype="float32")
    if rate_hz != SAMPLE_RATE_HZ or samples.ndim != 1:
        raise ArtifactError(f"{key}: expected 16 kHz mono, got {rate_hz} Hz")
    return Clip(key, samples, raw["txt"].decode(), json.loads(raw["json"]))
