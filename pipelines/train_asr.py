"""From shards to a model that spells: the job behind ``pericope train asr``."""

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal, cast

import torch

from models.data import BatchPlan, BatchStream, SpeechShards
from models.networks.heads import give_language_head
from models.networks.load import load_whole_network
from models.networks.pieces import widen_context
from models.networks.speech_network import SpeechNetwork
from models.training.checkpoints import load_weights
from models.training.config import LoopConfig
from models.training.ctc import CtcTask, MakeCtcBatch
from models.training.loop import LoopResult, run_loop
from models.training.masks import Masks, masks_for
from models.training.progress import Report
from models.training.ranks import ranks_of
from models.training.survey import Survey
from models.vocabulary import Vocabulary
from pipelines.asr_clips import (
    Tell,
    clip_speller,
    held_out_batches,
    tell_survey,
    usable_clips,
)
from pipelines.spelling import ClipSpeller
from schemas.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class AsrConfig:
    """What is learned from what.

    Raises:
      ConfigError: a value that cannot be.
    """

    model: str = "bundled"
    """A name that ``load_network`` knows: where the weights begin."""
    letters: Literal["romanised", "own"] = "romanised"
    """a-z and the apostrophe, or those of each language."""
    new_letters: bool = False
    """Give the model the letters of the texts; else they have to be its own."""
    skip_unknown: bool = False
    """Leave clips out whose letters the model lacks, instead of an error."""
    tells_languages: bool = False
    """Give the model a head for the languages of the clips."""
    gamma: float = 1.0
    """Weight of the loss of the language, where the model tells it."""
    short_context_steps: int = 0
    """First steps in which attention reaches over a share of the clip that rises from
    a quarter to all."""
    masks: bool | None = None
    """Hide parts of the inputs (SpecAugment); None: unless the network does by itself.
    """
    plan: BatchPlan = field(default_factory=lambda: BatchPlan(batch_sec=60.0))
    validation_clips: int = 200
    """Of the split dev, spread over the languages."""
    workers: int = 1
    """Processes that read ahead."""
    loop: LoopConfig

    def __post_init__(self) -> None:
        if self.letters not in ("romanised", "own"):
            raise ConfigError(
                f"--letters: expected romanised or own, got {self.letters!r}"
            )
        if self.short_context_steps < 0:
            raise ConfigError(
                "--short-context-steps: expected 0 or more, got "
                f"{self.short_context_steps}"
            )
        if self.validation_clips < 1:
            raise ConfigError(
                f"validation clips: expected 1 or more, got {self.validation_clips}"
            )

    def settings(self) -> dict[str, Any]:
        """Return what a resumed training must agree in, besides the loop's."""
        own = {k: v for k, v in asdict(self).items() if k not in ("loop", "workers")}
        return {**own, "plan": repr(self.plan)}


@dataclass(frozen=True)
class Ends:
    """How a training begins, and what it leaves."""

    begin: Callable[[AsrConfig, Survey], SpeechNetwork]
    """Called on every rank alike."""
    save: Callable[[SpeechNetwork, Path], None]
    """Called on the first rank, with the folder of the training."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """What a resumed training must agree in, too."""
    letters: Vocabulary | None = None
    """That texts have to keep to; None where the network gets those of the texts."""


def train_asr(
    sources: Sequence[SpeechShards],
    held_out: Sequence[SpeechShards],
    folder: Path,
    config: AsrConfig,
    report: Report,
    tell: Tell,
) -> LoopResult:
    """Train all of a network on clips and save it; see ``train_between``.

    The folder gets ``model/`` as well, the weights that did best on the held-out clips,
    as ``save_pretrained`` writes them.
    """
    job = (sources, held_out, folder, config, report, tell)
    if config.new_letters:
        return train_between(*job, ends=Ends(_new_letters, _save))
    network = _loaded(config)
    ends = Ends(partial(_own_letters, network), _save, letters=network.vocabulary)
    return train_between(*job, ends=ends)


def train_between(  # noqa: PLR0913  what a job is made of
    sources: Sequence[SpeechShards],
    held_out: Sequence[SpeechShards],
    folder: Path,
    config: AsrConfig,
    report: Report,
    tell: Tell,
    *,
    ends: Ends,
) -> LoopResult:
    """Train a network on clips; started again, it goes on.

    Args:
      sources: what to learn from; pseudo-labels are learned as they are.
      held_out: on what to measure.
      folder: gets ``checkpoint/``, ``metrics.csv``, and ``unusable.csv`` with the clips
        that cannot be learned and why.
      config: what and how.
      report: told how the training goes.
      tell: told what is learned from, line by line.
      ends: where the network is from, and where the one that did best goes.

    Raises:
      ConfigError: there are no such shards, selection, labels or model, there is
        nothing to learn, or the folder has a training of other settings.
      LettersUnknown: texts have letters that the model lacks.
      ArtifactError: a file is damaged.
      TrainingDiverged: too many losses were no numbers.
    """
    ranks = ranks_of(config.loop.device)
    spell = clip_speller([*sources, *held_out], romanised=config.letters == "romanised")
    sources, found = usable_clips(
        sources, spell, ends.letters, config.plan, skips_unknown=config.skip_unknown
    )
    network = ends.begin(config, found)
    make = _make_batch(config, network, spell)
    of_ranks = {"rank": ranks.rank, "ranks": ranks.count}
    batches = BatchStream(
        sources, config.plan, make, workers=config.workers, **of_ranks
    )
    measured_on = held_out_batches(held_out, make, config.plan, config.validation_clips)
    letters = {"letters": "".join(network.vocabulary.labels)}
    result = run_loop(
        cast(torch.nn.Module, network),
        CtcTask(gamma=config.gamma, held_out=measured_on),
        batches,
        folder,
        config.loop,
        report,
        settings={**config.settings(), **letters, **ends.settings},
        begun=partial(tell_survey, found, folder, tell),
        before_step=partial(widen_context, network, config.short_context_steps),
    )
    batches.close()
    if result.is_first:
        _tell_shares(batches, tell)
        _load_best(network, result)
        ends.save(network, folder)
    return result


def _load_best(network: SpeechNetwork, result: LoopResult) -> None:
    if result.best is not None:
        load_weights(cast(torch.nn.Module, network), result.best)


def _make_batch(
    config: AsrConfig, network: SpeechNetwork, spell: ClipSpeller
) -> MakeCtcBatch:
    masks = Masks() if config.masks else None
    return MakeCtcBatch(
        prepare=network.prepare,
        vocabulary=network.vocabulary,
        languages=network.languages,
        spell=spell,
        skips_unknown=config.skip_unknown,
        augment=masks_for(network) if config.masks is None else masks,
    )


def _new_letters(config: AsrConfig, found: Survey) -> SpeechNetwork:
    """Load the network with the letters of the texts."""
    letters = Vocabulary.from_texts(found.letters)
    return _loaded(config, vocabulary=letters, languages=_codes(config, found))


def _own_letters(
    network: SpeechNetwork, config: AsrConfig, found: Survey
) -> SpeechNetwork:
    """Give a loaded network the head for languages that was asked for."""
    give_language_head(network, _codes(config, found))
    return network


def _codes(config: AsrConfig, found: Survey) -> tuple[str, ...] | None:
    return tuple(sorted(found.keys_of)) if config.tells_languages else None


def _loaded(config: AsrConfig, **changes: Any) -> SpeechNetwork:
    torch.manual_seed(config.loop.seed)
    return cast(SpeechNetwork, load_whole_network(config.model, **changes))


def _tell_shares(batches: BatchStream, tell: Tell) -> None:
    for share in batches.shares():
        tell(
            f"heard {share.hours:.2f} h of {share.language}: {share.share:.1%}, "
            f"wanted {share.wanted:.1%}"
        )


def _save(network: SpeechNetwork, folder: Path) -> None:
    """Save a model, in place of the one before."""
    temporary, model = folder / ".model.tmp", folder / "model"
    shutil.rmtree(temporary, ignore_errors=True)
    network.save_pretrained(temporary)
    shutil.rmtree(model, ignore_errors=True)
    os.replace(temporary, model)
