"""corpus.toml: what a corpus is made of; anything wrong in it is told at once.

A file with only a [corpus] section is complete. Paths are relative to the file.
"""

import difflib
import json
import os
import re
import tomllib
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError, with_config
from pydantic_core import ErrorDetails

from aligner.config import AlignConfig, SegmentConfig
from pipelines.adapt_config import AdaptConfig
from pipelines.addresses import (
    OBJECT_SCHEMES,
    check_remote_uri,
    local_path_of,
    redact_uri,
    scheme_of,
)
from pipelines.fetch_limits import FetchLimits
from pipelines.identity_config import IdentityConfig
from pipelines.label_config import LabelConfig
from pipelines.opinion_config import OpinionConfig
from pipelines.select_config import SelectionConfig, check_rules
from pipelines.unlabeled_config import UnlabeledConfig
from schemas.errors import ConfigError, SourceRefused

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


@dataclass(frozen=True, kw_only=True)
class CorpusSection:
    """[corpus]: what goes in and where it comes out."""

    name: str
    manifest: str
    """A csv, jsonl or parquet file; absolute once loaded."""
    output: str
    """A folder (absolute once loaded) or s3:// or gs:// address."""
    allow_outside: bool = False
    """Let the manifest name local files outside of its folder."""
    licence: str = ""
    """Of recordings whose row names none."""

    def __post_init__(self) -> None:
        _check_name("corpus.name", self.name)
        for key in ("manifest", "output"):
            if not getattr(self, key):
                raise ConfigError(f"corpus.{key}: expected a path, got ''")


@dataclass(frozen=True, kw_only=True)
class FetchConfig(FetchLimits):
    """[fetch]: limits of one source; see ``FetchLimits``."""

    max_hours: float = 12.0
    """Longer recordings are rejected."""
    check_again: bool = False
    """Ask in every run whether remote sources have changed since they were fetched."""

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_above_zero("fetch.max_hours", self.max_hours)


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """[model]: the acoustic model and where it runs."""

    name: str = "bundled"
    """bundled, mms-fa, hf:<repo or folder>[#<adapter language>], bundled:<file>."""
    device: str = "auto"
    keep_emissions: bool = True
    """Keep the model's output, 10 MB an hour, so that other texts and other scores need
    no model; the corpus does not depend on it."""


@dataclass(frozen=True, kw_only=True)
class ShardsConfig:
    """[shards]: how the corpus is packed."""

    samples_per_shard: int = 1000

    def __post_init__(self) -> None:
        _check_above_zero("shards.samples_per_shard", self.samples_per_shard)


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """[run]: how this machine is used; the corpus does not depend on it."""

    workers: int = 0
    """0: as many as there are cores, and one more where the model has a GPU."""
    gpus: int = 0
    """A worker process for each of so many GPUs; 0: for all that are visible."""
    accelerator: str = ""
    """What workers of a cluster have: on Dataflow Beam's hint of that name; on Flink
    anything tells that the slots of a TaskManager are to share one model."""
    max_audio_hours_in_flight: float = 0.0
    """Audio in memory at a time, of all workers together; 0: an hour, or a quarter of
    an hour for each worker if that is more."""

    def __post_init__(self) -> None:
        if self.workers < 0:
            raise ConfigError(f"run.workers: expected 0 or above, got {self.workers}")
        if self.gpus < 0:
            raise ConfigError(f"run.gpus: expected 0 or above, got {self.gpus}")
        if self.max_audio_hours_in_flight < 0:
            raise ConfigError(
                "run.max_audio_hours_in_flight: expected 0 or above, got "
                f"{self.max_audio_hours_in_flight}"
            )


@with_config(ConfigDict(extra="forbid", strict=True, allow_inf_nan=False))
@dataclass(frozen=True, kw_only=True)
class CorpusConfig:
    """All of corpus.toml, checked."""

    corpus: CorpusSection
    fetch: FetchConfig = field(default_factory=FetchConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    align: AlignConfig = field(default_factory=AlignConfig)
    adapt: AdaptConfig = field(default_factory=AdaptConfig)
    segment: SegmentConfig = field(default_factory=SegmentConfig)
    opinion: OpinionConfig = field(default_factory=OpinionConfig)
    select: dict[str, SelectionConfig] = field(default_factory=dict)
    """By name; one called default is always there."""
    shards: ShardsConfig = field(default_factory=ShardsConfig)
    run: RunConfig = field(default_factory=RunConfig)
    identity: IdentityConfig = field(default_factory=IdentityConfig)
    unlabeled: UnlabeledConfig = field(default_factory=UnlabeledConfig)
    label: LabelConfig = field(default_factory=LabelConfig)

    def __post_init__(self) -> None:
        for name, selection in self.select.items():
            _check_name(f"select.{name}", name)
            check_rules(name, selection)
        selections = {"default": SelectionConfig(), **self.select}
        object.__setattr__(self, "select", selections)

    def as_dict(self) -> dict[str, Any]:
        """Return the choices that shape the corpus, ready for JSON.

        Left out is what only says where and how it is made (folders, patience, device,
        workers), so that the same corpus made elsewhere has the same description.
        """
        choices = asdict(self)
        for key in ("manifest", "output"):
            del choices["corpus"][key]
        choices["fetch"] = {
            key: choices["fetch"][key] for key in ("max_bytes", "max_hours")
        }
        for key in ("device", "keep_emissions"):
            del choices["model"][key]
        for key in ("run", "label"):
            del choices[key]
        for selection in choices["select"].values():
            selection["where"] = list(selection["where"])
        choices["unlabeled"]["harvest"] = list(choices["unlabeled"]["harvest"])
        return choices


def load_config(path: Path) -> CorpusConfig:
    """Read corpus.toml.

    Raises:
      ConfigError: the file cannot be read, or keys or values are wrong; every line of
        the message names the file, the key, what was expected and what came.
    """
    try:
        document = tomllib.loads(path.read_bytes().decode())
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: expected TOML in UTF-8: {error}") from error
    try:
        # Only from JSON do pydantic's strict types take a table for a dataclass.
        text = json.dumps(document, default=str)
        config = TypeAdapter(CorpusConfig).validate_json(text)
        return _with_absolute_paths(config, path)
    except ValidationError as error:
        problems = error.errors(include_url=False)
        raise ConfigError(
            "\n".join(f"{path}: {_told(problem)}" for problem in problems)
        ) from error
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error


def _with_absolute_paths(config: CorpusConfig, path: Path) -> CorpusConfig:
    corpus, folder = config.corpus, os.path.realpath(path.parent)
    if scheme_of(corpus.manifest) not in ("", "file", *OBJECT_SCHEMES):
        raise ConfigError(
            "corpus.manifest: expected a path, s3:// or gs://, got "
            f"{redact_uri(corpus.manifest)!r}"
        )
    if scheme_of(corpus.output) not in ("", "file", *OBJECT_SCHEMES):
        raise ConfigError(
            f"corpus.output: expected a folder, s3:// or gs://, got "
            f"{redact_uri(corpus.output)!r}"
        )
    manifest = _absolute("manifest", corpus.manifest, folder)
    output = _absolute("output", corpus.output, folder)
    return replace(config, corpus=replace(corpus, manifest=manifest, output=output))


def _absolute(key: str, address: str, folder: str) -> str:
    try:
        path = local_path_of(address)
        if path is None:
            check_remote_uri(f"{address}/any")  # a whole bucket will do as well
            return address
    except SourceRefused as error:
        raise ConfigError(f"corpus.{key}: {error}") from error
    return os.path.normpath(os.path.join(folder, path))


def _told(problem: ErrorDetails) -> str:
    """Return one problem as "key: expected …, got …"."""
    names = [str(name) for name in problem["loc"]]
    key = ".".join(names)
    if problem["type"] == "unexpected_keyword_argument":
        return f"{key}: unknown key, expected {_known_keys(names)}"
    if problem["type"] == "missing":
        return f"{key}: expected a value, got none"
    expected = problem["msg"].removeprefix("Input should be ")
    if problem["type"] in ("dataclass_type", "dict_type"):
        expected = f"a section [{key}]"
    return f"{key}: expected {expected}, got {problem['input']!r:.80}"


_SECTIONS: dict[str, Any] = {
    "corpus": CorpusSection,
    "fetch": FetchConfig,
    "model": ModelConfig,
    "align": AlignConfig,
    "adapt": AdaptConfig,
    "segment": SegmentConfig,
    "opinion": OpinionConfig,
    "select": SelectionConfig,
    "shards": ShardsConfig,
    "run": RunConfig,
    "identity": IdentityConfig,
    "unlabeled": UnlabeledConfig,
    "label": LabelConfig,
}


def _known_keys(names: list[str]) -> str:
    owner = CorpusConfig if len(names) == 1 else _SECTIONS[names[0]]
    known = [entry.name for entry in fields(owner)]
    close = difflib.get_close_matches(names[-1], known, n=1)
    hint = f"; did you mean {close[0]}?" if close else ""
    return f"one of {', '.join(known)}{hint}"


def _check_name(key: str, name: str) -> None:
    if not _NAME.fullmatch(name):
        raise ConfigError(
            f"{key}: expected a name for files, 1 to 64 of A-Z a-z 0-9 _ - beginning "
            f"with a letter or digit, got {name!r}"
        )


def _check_above_zero(key: str, value: float) -> None:
    if not value > 0:
        raise ConfigError(f"{key}: expected above 0, got {value!r}")
