"""Labeled shards as a stream of clips: WebDataset tars filtered by a selection."""

import io
import json
import random
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile
from webdataset.tariterators import group_by_keys, tar_file_expander

from schemas.errors import ArtifactError, ConfigError
from schemas.selection import read_stored_selection
from schemas.units import SAMPLE_RATE_HZ, sec_from_samples

Verdicts = Mapping[str, bool]
"""For every key whether it is kept."""


@dataclass(frozen=True)
class Clip:
    """One sample of a shard: FLAC at 16 kHz, text and measurements."""

    key: str
    flac: bytes
    duration_sec: float
    text: str
    row: dict[str, Any]

    @cached_property
    def samples(self) -> npt.NDArray[np.float32]:
        """The audio (N,), full scale 1, decoded when it is first asked for.

        Raises:
          ArtifactError: it is damaged.
        """
        try:
            samples, _ = soundfile.read(io.BytesIO(self.flac), dtype="float32")
        except soundfile.LibsndfileError as error:
            raise _damaged(self.key, error) from error
        return samples


@dataclass(frozen=True, kw_only=True)
class SpeechShards:
    """The clips of one split of a corpus that a selection keeps."""

    corpus: Path
    """The output folder of `pericope run`."""
    split: str = "train"
    selection: str | None = "default"
    """None keeps every clip."""
    shuffle_buffer: int = 64
    """Clips of each language among which the next one is drawn."""

    def tars(self) -> dict[str, list[str]]:
        """Return the paths of the shards of each language, in order.

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

    def verdicts(self) -> Verdicts | None:
        """Return for every key whether the selection keeps it; None keeps all.

        Raises:
          ConfigError: there is no such selection.
          ArtifactError: it is damaged or of another version.
        """
        if self.selection is None:
            return None
        path = self.corpus / "selections" / f"{self.selection}.parquet"
        stored = read_stored_selection(path, self.selection, str(path), ("key", "keep"))
        keys, keeps = (column.to_pylist() for column in stored.table.columns)
        return dict(zip(keys, keeps, strict=True))

    def epoch(self, seed: int) -> Iterator[Clip]:
        """Yield every kept clip once, in a random order that the seed alone decides.

        Raises:
          ConfigError: there are no shards, or no such selection.
          ArtifactError: a shard is damaged, or the selection is of other segments.
        """
        rng = random.Random(seed)
        verdicts = self.verdicts()
        streams = []
        for tars in self.tars().values():
            rng.shuffle(tars)
            streams.append(self._shuffled(tars, verdicts, rng))
        while streams:
            stream = rng.choice(streams)
            clip = next(stream, None)
            if clip is None:
                streams.remove(stream)
            else:
                yield clip

    def in_order(self) -> Iterator[Clip]:
        """Yield every kept clip once, in the shards' own order.

        Raises:
          ConfigError: there are no shards, or no such selection.
          ArtifactError: a shard is damaged, or the selection is of other segments.
        """
        verdicts = self.verdicts()
        for tars in self.tars().values():
            for raw in self._raw(tars, verdicts):
                yield parse_clip(raw)

    def _raw(
        self, tars: list[str], verdicts: Verdicts | None
    ) -> Iterator[dict[str, Any]]:
        for tar in tars:
            try:
                # WebDataset's own reader, but for opening: it leaves files open.
                with Path(tar).open("rb") as file:
                    members = tar_file_expander([{"url": tar, "stream": file}])
                    for raw in group_by_keys(members):
                        if verdicts is None or self._keeps(raw, verdicts, tar):
                            yield raw
            except tarfile.TarError as error:
                raise ArtifactError(
                    f"{tar}: damaged shard ({error}); delete it and run `pericope run` "
                    "again"
                ) from error

    def _keeps(self, raw: dict[str, Any], verdicts: Verdicts, tar: str) -> bool:
        key = raw["__key__"]
        if key not in verdicts:
            raise ArtifactError(
                f"{tar}: the selection {self.selection!r} has no verdict on {key}; the "
                "corpus has changed since: make it anew with `pericope select`"
            )
        return verdicts[key]

    def _shuffled(
        self, tars: list[str], verdicts: Verdicts | None, rng: random.Random
    ) -> Iterator[Clip]:
        """Shuffle in a small buffer."""
        buffer: list[dict[str, Any]] = []
        for raw in self._raw(tars, verdicts):
            buffer.append(raw)
            if len(buffer) > self.shuffle_buffer:
                yield parse_clip(buffer.pop(rng.randrange(len(buffer))))
        rng.shuffle(buffer)
        for raw in buffer:
            yield parse_clip(raw)


def parse_clip(raw: dict[str, Any]) -> Clip:
    """Read one sample of a tar: the bytes of its members by suffix, and its key.

    Raises:
      ArtifactError: a member is missing or damaged, or the audio is not 16 kHz mono.
    """
    key = raw["__key__"]
    missing = [name for name in ("flac", "txt", "json") if name not in raw]
    if missing:
        raise ArtifactError(f"{key}: the shard lacks its .{', .'.join(missing)}")
    try:
        header = soundfile.info(io.BytesIO(raw["flac"]))
        text, row = raw["txt"].decode(), json.loads(raw["json"])
    except (soundfile.LibsndfileError, ValueError) as error:
        raise _damaged(key, error) from error
    if (header.samplerate, header.channels) != (SAMPLE_RATE_HZ, 1):
        raise ArtifactError(
            f"{key}: expected 16 kHz mono, got {header.samplerate} Hz in "
            f"{header.channels} channels"
        )
    return Clip(key, raw["flac"], sec_from_samples(header.frames), text, row)


def _damaged(key: str, error: Exception) -> ArtifactError:
    return ArtifactError(
        f"{key}: damaged in its shard ({error}); delete the shard and run "
        "`pericope run` again"
    )
