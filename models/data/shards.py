"""Shards of a corpus as a stream of clips: WebDataset tars filtered by a selection."""

import random
import re
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from webdataset.tariterators import group_by_keys, tar_file_expander

from models.data.clip import Clip, parse_clip
from models.data.files import files_below, local_copy, open_file, root_of
from models.data.labels import (
    check_judged_labels,
    labeled_languages,
    of_split,
    read_labels,
)
from schemas.errors import ArtifactError, ConfigError
from schemas.selection import (
    StoredSelection,
    no_selection,
    read_stored_selection,
)

_SHARD = re.compile(r"[^/]+/[^/]+\.tar")
Verdicts = Mapping[str, bool]
"""For every key whether it is kept."""
Lane = Literal["labeled", "unlabeled"]
_Texts = Mapping[str, tuple[str, str]]
"""Source and text of every labeled key."""


@dataclass(frozen=True, kw_only=True)
class SpeechShards:
    """The clips of one split of a corpus that a selection keeps."""

    corpus: Path | str
    """The output of `pericope run`: a folder, or s3:// or gs://."""
    split: str = "train"
    """"*" stands for all of them."""
    selection: str | None = "default"
    """None keeps every clip."""
    language: str | tuple[str, ...] = "*"
    """The code of the only one, the codes of several, or "*" for all."""
    keys: frozenset[str] | None = None
    """Only these of what the selection keeps; None for all of it."""
    shuffle_buffer: int = 64
    """Clips of each language among which the next one is drawn by ``epoch``."""
    lane: Lane = "labeled"
    """With text, or without."""
    labels: str | None = None
    """Of the unlabeled lane only the clips with such a pseudo-label, which is their
    text; and of the labeled one those that were rejected and labeled anew."""

    def __post_init__(self) -> None:
        if self.lane not in ("labeled", "unlabeled"):
            raise ConfigError(
                f'lane: expected "labeled" or "unlabeled", got {self.lane!r}'
            )
        if self.labels is not None and self.lane == "labeled":
            raise ConfigError(
                f"labels {self.labels!r}: they are of audio without text; say "
                'lane="unlabeled", or leave the labels out'
            )

    @property
    def root(self) -> str:
        """The corpus as a path or URI."""
        return root_of(self.corpus)

    def languages(self) -> tuple[str, ...]:
        """Return the codes of the languages that were asked for, in order.

        Raises:
          ConfigError: a language is not there; the message names those that are.
        """
        if self.labels is not None:
            known = labeled_languages(self.root, self.labels)
        else:
            lane = f"{self.root}/shards/{self.lane}/"
            below = (path.removeprefix(lane) for path in files_below(lane[:-1]))
            known = tuple(sorted({path.partition("/")[0] for path in below}))
        if self.language == "*":
            return known
        asked = self.language if isinstance(self.language, tuple) else (self.language,)
        if unknown := sorted(set(asked) - set(known)):
            kind = self.lane if self.labels is None else f"labels/{self.labels}"
            raise ConfigError(
                f"{self.corpus}: no {kind} clips of language {', '.join(unknown)}; "
                f"there are {', '.join(known) or 'none at all'}"
            )
        return tuple(sorted(set(asked)))

    def tars(self) -> dict[str, list[str]]:
        """Return the paths of the shards of each language, in order.

        With pseudo-labels these are the shards of both lanes.

        Raises:
          ConfigError: there is none, or none of a language that was asked for.
        """
        found = {}
        for language in self.languages():
            paths = self.shard_paths(language)
            if paths:
                found[language] = paths
            elif self.language != "*":
                raise self._no_shards(language)
        if not found:
            raise self._no_shards("<language>")
        return found

    def shard_paths(self, language: str) -> list[str]:
        """Return the shards of one language, the unlabeled ones last."""
        lanes = [self.lane] if self.labels is None else ["labeled", "unlabeled"]
        folders = [f"{self.root}/shards/{lane}/{language}" for lane in lanes]
        return [
            path
            for folder in folders
            for path in files_below(folder)
            if _SHARD.fullmatch(path.removeprefix(f"{folder}/"))
            and self.split in ("*", path.split("/")[-2])
        ]

    def _no_shards(self, language: str) -> ConfigError:
        return ConfigError(
            f"{self.corpus}: no shards/{self.lane}/{language}/{self.split}/*.tar; "
            "write the corpus first with `pericope run`"
        )

    def stored_selection(self) -> StoredSelection | None:
        """Return key and keep of the selection; None keeps all.

        Raises:
          ConfigError: there is no such selection, or it is of other labels.
          ArtifactError: it is damaged, of another version, or of labels that have
            changed since.
        """
        if self.selection is None:
            return None
        path = f"{self.root}/selections/{self.selection}.parquet"
        try:
            with local_copy(path) as copy:
                stored = read_stored_selection(
                    copy, self.selection, path, ("key", "keep")
                )
        except FileNotFoundError as error:  # in a bucket
            raise no_selection(self.selection, path) from error
        if self.labels is not None:
            check_judged_labels(self.root, self.labels, self.selection, stored.summary)
        return stored

    def verdicts(self) -> Verdicts | None:
        """Return for every key whether the selection keeps it; None keeps all.

        Raises:
          PericopeError: as in ``stored_selection``.
        """
        stored = self.stored_selection()
        if stored is None:
            return None
        keys, keeps = (column.to_pylist() for column in stored.table.columns)
        return dict(zip(keys, keeps, strict=True))

    def epoch(self, seed: int) -> Iterator[Clip]:
        """Yield every kept clip once, in a random order that the seed alone decides.

        Shards are read from start to end, one of each language at a time.

        Raises:
          ConfigError: there are no shards, or no such selection.
          ArtifactError: a shard is damaged, or the selection is of other segments.
        """
        rng = random.Random(seed)
        verdicts = self.verdicts()
        streams = []
        for language, tars in self.tars().items():
            rng.shuffle(tars)
            clips = self._clips(language, tars, verdicts)
            streams.append(_shuffled(clips, self.shuffle_buffer, rng))
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
        for language, tars in self.tars().items():
            yield from self._clips(language, tars, verdicts)

    def _clips(
        self, language: str, tars: list[str], verdicts: Verdicts | None
    ) -> Iterator[Clip]:
        texts = self._texts(language)
        for tar in tars:
            for raw in _samples(tar):
                key = raw["__key__"]
                if self.keys is not None and key not in self.keys:
                    continue
                if texts is not None and key not in texts:
                    continue
                if verdicts is None or self._keeps(key, verdicts, tar):
                    clip = parse_clip(raw, language)
                    yield clip if texts is None else with_label(clip, *texts[key])

    def _texts(self, language: str) -> _Texts | None:
        if self.labels is None:
            return None
        table = of_split(read_labels(self.root, self.labels, language), self.split)
        keys, sources, texts = (
            table[name].to_pylist() for name in ("key", "source", "text")
        )
        return dict(zip(keys, zip(sources, texts, strict=True), strict=True))

    def _keeps(self, key: str, verdicts: Verdicts, tar: str) -> bool:
        if key not in verdicts:
            raise no_verdict(tar, self.selection, key)
        return verdicts[key]


def with_label(clip: Clip, source: str, text: str) -> Clip:
    """Return a clip with the text of its pseudo-label."""
    return replace(clip, text=text, source=source)


def no_verdict(where: str, selection: str | None, key: str) -> ArtifactError:
    """Return the error of a selection that was made of other segments."""
    return ArtifactError(
        f"{where}: the selection {selection!r} has no verdict on {key}; the corpus has "
        "changed since, or the selection is of other clips (of another lane, of "
        "labels): make it anew with `pericope select`"
    )


def damaged_shard(where: str, error: object) -> ArtifactError:
    """Return the error of a shard that cannot be read."""
    return ArtifactError(
        f"{where}: damaged shard ({error}); delete it and run `pericope run` again"
    )


def _samples(tar: str) -> Iterator[dict[str, Any]]:
    try:
        # WebDataset's own reader, but for opening: it leaves files open.
        with open_file(tar) as file:
            yield from group_by_keys(tar_file_expander([{"url": tar, "stream": file}]))
    except tarfile.TarError as error:
        raise damaged_shard(tar, error) from error


def _shuffled(clips: Iterator[Clip], size: int, rng: random.Random) -> Iterator[Clip]:
    """Shuffle in a small buffer."""
    buffer: list[Clip] = []
    for clip in clips:
        buffer.append(clip)
        if len(buffer) > size:
            yield buffer.pop(rng.randrange(len(buffer)))
    rng.shuffle(buffer)
    yield from buffer
