"""From shards of a language to its adapter: the job behind ``pericope train adapter``.

The network's own weights stay as they are; adapters and an output layer for the
language's letters are trained and written beside them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, cast

import torch

from models.checkpoints import find_checkpoint
from models.data import SpeechShards
from models.networks.adapters import Kind, add_adapter, save_adapter
from models.networks.load import load_network
from models.networks.speech_network import SpeechNetwork
from models.training.loop import LoopResult
from models.training.progress import Report
from models.training.ranks import ranks_of
from models.training.survey import Survey
from models.vocabulary import Vocabulary, vocabulary_languages
from pipelines.train_asr import AsrConfig, Ends, Tell, train_between
from schemas.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class AdapterConfig:
    """Which adapters, of which language, trained how."""

    kind: Kind = "lsah"
    language: str
    training: AsrConfig
    """``model`` of it is the network; its letters become those of the texts."""


def train_adapter(
    sources: Sequence[SpeechShards],
    held_out: Sequence[SpeechShards],
    folder: Path,
    config: AdapterConfig,
    report: Report,
    tell: Tell,
) -> LoopResult:
    """Train the adapter of a language; started again, it goes on.

    Args:
      sources: clips of the language to learn from.
      held_out: on what to measure.
      folder: that of the network itself, which then has one language more; or a new
        one, to which the network is written, too. The training's own files are in
        ``training/<language>/`` there.
      config: what and how.
      report: told how the training goes.
      tell: told what is learned from, line by line.

    Raises:
      ConfigError: no such network, or one that cannot have such adapters; the folder
        has another network, or an adapter of the language already.
      ArtifactError: a file is damaged.
      TrainingDiverged: too many losses were no numbers.
    """
    own = folder / "training" / config.language
    _check_folder(folder, own, config)
    ranks_of(config.training.loop.device).wait()  # before the first one writes there
    ends = Ends(
        partial(_begin, folder, config),
        partial(_save, folder, config.language),
        {"adapter": config.kind, "language": config.language},
    )
    job = (sources, held_out, own, config.training, report, tell)
    return train_between(*job, ends=ends)


def _check_folder(folder: Path, own: Path, config: AdapterConfig) -> None:
    """Refuse what could only be told after the training."""
    reference = config.training.model
    family, _, location = reference.partition(":")
    if family != "hf" or "#" in location:
        raise ConfigError(
            f"--model: expected hf:<folder or hub name> without a language, got "
            f"{reference!r}"
        )
    if not (folder / "config.json").is_file():
        return
    is_own = find_checkpoint(location).folder.resolve() == folder.resolve()
    is_resumed = (own / "checkpoint").is_dir()
    if not is_own and not is_resumed:
        raise ConfigError(
            f"{folder}: has a network already; give it as --model hf:{folder} to add a "
            "language to it, or choose a folder that is not there"
        )
    if is_own and config.kind == "lsah" and not vocabulary_languages(folder):
        raise ConfigError(
            f"{folder}: expected a vocab.json with a part for each language, as a "
            "network with adapters has, got one without; choose a new folder"
        )
    there = sorted(folder.glob(f"*.{config.language}.safetensors"))
    if there and not is_resumed:
        raise ConfigError(
            f"{there[0]}: is there already; delete it to train this language anew"
        )


def _begin(
    folder: Path, config: AdapterConfig, training: AsrConfig, found: Survey
) -> SpeechNetwork:
    """Return the network with fresh adapters, and write it where it has to stand."""
    torch.manual_seed(training.loop.seed)
    network: Any = load_network(training.model)
    beside = config.kind == "residual" and not (folder / "config.json").is_file()
    if beside and ranks_of(training.loop.device).is_first:
        network.save_pretrained(folder)
    add_adapter(network, config.kind, Vocabulary.from_texts(found.letters))
    return cast(SpeechNetwork, network)


def _save(folder: Path, language: str, network: Any, _: Path) -> None:
    save_adapter(network, folder, language)
