"""From shards to a model that tells languages: the job of ``pericope train lid``."""

import itertools
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from models.confusion import Confusion
from models.data import BatchPlan, BatchStream, Clip, SpeechShards
from models.data.files import files_below, root_of
from models.data.shards import Lane
from models.network import BLANK, LABELS
from models.networks.heads import LanguageHead
from models.networks.load import load_whole_network
from models.training.checkpoints import FOLDER as CHECKPOINTS
from models.training.checkpoints import load_weights
from models.training.config import LoopConfig
from models.training.lid import LanguageBatch, LanguageTask, MakeLanguageBatch
from models.training.lid_start import fit_language_head
from models.training.loop import LoopResult, run_loop
from models.training.progress import Report
from models.training.ranks import ranks_of
from models.vocabulary import Vocabulary
from schemas.errors import ConfigError

if TYPE_CHECKING:
    from models.networks.load import Network

_UNUSED_LETTERS = Vocabulary(LABELS, BLANK, None)
"""A network has letters; those of an encoder that was only pre-trained learn nothing
here."""
_CLIPS_A_BATCH = 8


@dataclass(frozen=True, kw_only=True)
class LidConfig:
    """What is learned.

    Raises:
      ConfigError: a value that cannot be.
    """

    model: str = "bundled"
    """A name that ``load_network`` knows: where the encoder begins."""
    crop_sec: float = 6.0
    """Longer clips are cut to so much, somewhere else each time."""
    varied: bool = True
    """Change voices, rooms and lines, so that none of them gives a language away."""
    plan: BatchPlan = field(
        default_factory=lambda: BatchPlan(batch_sec=60.0, beta_language=0.5)
    )
    validation_clips: int = 50
    """Of each language, at most."""
    first_clips: int = 100
    """Of each language, at most, to fit the head to before all weights learn."""
    workers: int = 1
    """Processes that read ahead."""
    loop: LoopConfig

    def __post_init__(self) -> None:
        if not self.crop_sec > 0:
            raise ConfigError(f"--crop-sec: expected above 0, got {self.crop_sec:g}")
        if min(self.validation_clips, self.first_clips) < 1:
            raise ConfigError(
                f"clips of each language: expected 1 or more, got "
                f"{min(self.validation_clips, self.first_clips)}"
            )

    def settings(self) -> dict[str, Any]:
        """Return what a resumed training must agree in, besides the loop's."""
        own = {k: v for k, v in asdict(self).items() if k not in ("loop", "workers")}
        return {**own, "plan": repr(self.plan)}


@dataclass(frozen=True)
class FirstClips:
    """The first clips of each language, read anew each time, always alike."""

    sources: Sequence[SpeechShards]
    make: MakeLanguageBatch
    clips: int

    def __iter__(self) -> Iterator[LanguageBatch]:
        rng = np.random.default_rng(0)
        for language in self.make.languages:
            chosen = itertools.islice(self._of(language), self.clips)
            while batch := list(itertools.islice(chosen, _CLIPS_A_BATCH)):
                yield self.make(batch, rng)

    def _of(self, language: str) -> Iterator[Clip]:
        for source in self.sources:
            if language in source.languages():
                yield from replace(source, language=language).in_order()


def sources_of(
    corpora: Iterable[Path],
    lanes: Iterable[Lane],
    split: str,
    selection: str | None = "default",
    languages: tuple[str, ...] = (),
) -> list[SpeechShards]:
    """Return what corpora have of a split; clips without text are all kept.

    Args:
      corpora: output folders of `pericope run`.
      lanes: those that a corpus does not have are passed over.
      split: train, dev or test.
      selection: of the clips with text.
      languages: only these; empty for all.

    Raises:
      ConfigError: none of the corpora has clips of one of these languages.
    """
    found = []
    for corpus, lane in itertools.product(corpora, tuple(lanes)):
        folder = f"{root_of(corpus)}/shards/{lane}"
        below = (path.removeprefix(folder).split("/") for path in files_below(folder))
        codes = {parts[1] for parts in below if parts[2:3] == [split]}
        own = tuple(sorted(codes & set(languages) if languages else codes))
        if own:
            chosen = selection if lane == "labeled" else None
            found.append(
                SpeechShards(
                    corpus=corpus,
                    lane=lane,
                    split=split,
                    selection=chosen,
                    language=own,
                )
            )
    known = {code for source in found for code in source.languages()}
    if unknown := sorted(set(languages) - known):
        raise ConfigError(
            f"--language {unknown[0]}: expected one with clips in split {split}, got "
            f"one without; there are {', '.join(sorted(known)) or 'none'}"
        )
    return found


def train_lid(
    sources: Sequence[SpeechShards],
    held_out: Sequence[SpeechShards],
    folder: Path,
    config: LidConfig,
    report: Report,
) -> tuple[LoopResult, Confusion]:
    """Train a network to tell the languages of its sources; started again, it goes on.

    Args:
      sources: clips with and without text; they decide which languages there are.
      held_out: on what to measure.
      folder: gets ``checkpoint/``, ``metrics.csv``, ``confusion.csv`` and ``model/``,
        the weights that did best on the held-out clips.
      config: what and how.
      report: told how the training goes.

    Returns:
      How it went, and what the held-out clips are taken for by the best weights.

    Raises:
      ConfigError: there are no such shards or model, fewer than two languages, no clips
        to measure on, or the folder has a training of other settings.
      ArtifactError: a file is damaged.
      TrainingDiverged: too many losses were no numbers.
    """
    languages = _languages_of(sources)
    network, head = _network(config, languages)
    make = MakeLanguageBatch(
        prepare=network.prepare,
        languages=languages,
        crop_sec=config.crop_sec,
        varied=config.varied,
    )
    whole = replace(make, crop_sec=None, varied=False)
    task = _task(config, languages, held_out, whole)
    ranks = ranks_of(config.loop.device)
    of_ranks = {"rank": ranks.rank, "ranks": ranks.count}
    batches = BatchStream(
        sources, config.plan, make, workers=config.workers, **of_ranks
    )
    if not any((folder / CHECKPOINTS).glob("step-*")):  # a resumed one has its head
        network.to(ranks.device)
        first = (FirstClips(sources, m, config.first_clips) for m in (whole, make))
        fit_language_head(network, head, itertools.chain.from_iterable(first))
    settings = {**config.settings(), "languages": ",".join(languages)}
    result = run_loop(
        network, task, batches, folder, config.loop, report, settings=settings
    )
    batches.close()
    if result.best is not None:
        load_weights(network, result.best)
    confusion = task.confusion(network)
    if result.is_first:
        _save(network, folder / "model")
        confusion.write_csv(folder / "confusion.csv")
    return result, confusion


def _languages_of(sources: Sequence[SpeechShards]) -> tuple[str, ...]:
    languages = tuple(sorted({code for of in sources for code in of.languages()}))
    if len(languages) < 2:
        raise ConfigError(
            f"train lid: expected clips of two languages or more, got "
            f"{', '.join(languages) or 'none'}"
        )
    return languages


def _task(
    config: LidConfig,
    languages: tuple[str, ...],
    held_out: Sequence[SpeechShards],
    whole: MakeLanguageBatch,
) -> LanguageTask:
    """Return the job; it is measured on some clips of each language as they are."""
    clips = FirstClips(held_out, whole, config.validation_clips)
    if next(iter(clips), None) is None:
        raise ConfigError("train lid: expected clips in split 'dev', found none")
    return LanguageTask(languages=languages, held_out=clips)


def _network(
    config: LidConfig, languages: tuple[str, ...]
) -> "tuple[Network, LanguageHead]":
    """Return a network whose encoder and language head learn, and the fresh head."""
    torch.manual_seed(config.loop.seed)
    network = load_whole_network(
        config.model, vocabulary=_UNUSED_LETTERS, languages=languages
    )
    assert network.language_head is not None, "languages were asked for"
    features = network.language_head.layer.in_features
    head = LanguageHead(features, languages, spread=True)
    network.language_head = head
    for name, weights in network.named_parameters():
        if not (network.is_encoder(name) or name.startswith("language_head.")):
            weights.requires_grad_(False)
    return network, head


def _save(network: "Network", folder: Path) -> None:
    temporary = folder.with_name(f".{folder.name}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    network.save_pretrained(temporary)
    shutil.rmtree(folder, ignore_errors=True)
    os.replace(temporary, folder)
