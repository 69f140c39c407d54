"""One training of a recipe: which network learns from which clips, for how long."""

import shutil
from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import torch

from models.data import BatchPlan, BatchStream, Clip, SpeechShards, epoch_batches
from models.networks.load import load_network, saved_reference
from models.networks.pieces import share_at
from models.networks.speech_network import SpeechNetwork
from models.training.checkpoints import load_weights
from models.training.config import LoopConfig
from models.training.crops import MakeOfCrops
from models.training.ctc import CtcBatch, CtcTask, MakeCtcBatch
from models.training.dropout import set_dropout
from models.training.loop import LoopResult, run_loop
from models.training.masks import Masks
from models.training.noise import MakeOfNoise
from models.training.progress import progress_lines
from models.training.ranks import Ranks, ranks_of
from models.training.self_labels import SelfLabeller
from models.training.slim_ipl import SlimIplBatches, SlimIplConfig, Sources
from models.training.task import Batches
from models.vocabulary import Vocabulary
from pipelines.labeled_texts import labeled_texts
from pipelines.recipes.clips import (
    clips_digest,
    labeled_clips,
    model_digest,
    pseudo_labeled_clips,
    unlabeled_clips,
)
from pipelines.recipes.config import RecipeConfig, rounds
from pipelines.recipes.plan import Result, Step, Workplace
from pipelines.spelling import spelled_text
from pipelines.train_asr import clip_speller

NETWORK = "network"
"""Folder of a lesson's network, as ``save_pretrained`` writes it."""
_LONGEST_SEC = 30.0


@dataclass(frozen=True, kw_only=True)
class Lesson:
    """A network's start, its clips, and how it learns."""

    start: str | Step
    """A network's name, or the lesson whose network goes on."""
    labels: Step | None = None
    """Whose pseudo-labels are learned beside the clips with text."""
    slim: SlimIplConfig | None = None
    """The network labels clips without text itself."""
    crop_sec: float | None = None
    short_context_steps: int = 0
    """Updates in which attention reaches over a share of the clip that rises to all."""
    noise: bool = False
    """Clips are made to sound as in other rooms, on other lines."""
    steps: int
    learning_rate: float
    dropout: float


def lesson_step(name: str, config: RecipeConfig, lesson: Lesson) -> Step:
    """Return the training as a step of a recipe; its result has the error on dev.

    Raises:
      ConfigError: the corpus has nothing to learn from.
      ArtifactError: a table of the corpus is damaged.
    """
    start = lesson.start if isinstance(lesson.start, str) else ""
    steps = (lesson.start, lesson.labels)
    settings: dict[str, Any] = {
        **rounds(config),
        "clips": clips_digest(config),
        "start": model_digest(start) if start else "",
        "letters": model_digest(config.model),
        "steps": lesson.steps,
        "learning_rate": lesson.learning_rate,
        "dropout": lesson.dropout,
        "crop_sec": lesson.crop_sec,
        "short_context_steps": lesson.short_context_steps,
        "noise": lesson.noise,
        "beta_corpus": config.beta_corpus if lesson.labels is not None else None,
    }
    if lesson.slim is not None:
        settings["slim"] = asdict(lesson.slim)
    return Step(
        name,
        _says(lesson),
        settings,
        partial(_learn, config, lesson),
        tuple(step for step in steps if isinstance(step, Step)),
        updates=lesson.steps,
        is_for_all_ranks=True,
    )


def network_of(place: Workplace, step: Step) -> str:
    """Return the name of a lesson's network."""
    return saved_reference(place.folder_of(step) / NETWORK)


def _says(lesson: Lesson) -> str:
    start = lesson.start if isinstance(lesson.start, str) else lesson.start.name
    learned = "speech with text"
    if lesson.crop_sec is not None:
        learned = f"crops of {lesson.crop_sec:g} s of {learned}"
    if lesson.labels is not None:
        learned += f" and of {lesson.labels.name}"
    if lesson.slim is not None:
        slim = lesson.slim
        learned += f" and speech that it labels itself ({slim.supervised}:"
        learned += f"{slim.unsupervised}, cache {slim.cache}, p {slim.replacement:g})"
    if lesson.noise:
        learned += ", with noise"
    return f"{lesson.steps:,} updates from {start} on {learned}"


def _learn(config: RecipeConfig, lesson: Lesson, place: Workplace) -> Result:
    network = _start(config, lesson, place)
    set_dropout(network, lesson.dropout)
    loop = LoopConfig(
        steps=lesson.steps,
        learning_rate=lesson.learning_rate,
        seed=config.seed,
        device=config.device,
        checkpoint_every=config.checkpoint_every,
        validate_every=max(1, lesson.steps // config.validations),
        report_every=max(1, lesson.steps // (5 * config.validations)),
    )
    ranks = ranks_of(config.device)
    make = make_batch(config, network)
    held_out = held_out_batches(config, network, "dev", config.validation_clips)
    result = run_loop(
        network,
        CtcTask(held_out=held_out),
        _batches(config, lesson, place, network, ranks, make),
        place.folder,
        loop,
        progress_lines(place.tell),
        before_step=partial(_widen_context, network, lesson.short_context_steps),
    )
    _save(network, result, place.folder)
    return {
        "updates": result.steps,
        "dev_cer": result.best_measure,
        "heard_hours": round(result.heard_hours, 3),
        "updates_skipped": result.skipped,
        "clips_left_out": result.left_out,
    }


def _widen_context(network: SpeechNetwork, warm_up_steps: int, step: int) -> None:
    network.context_share = share_at(step, warm_up_steps)


def _start(config: RecipeConfig, lesson: Lesson, place: Workplace) -> Any:
    if isinstance(lesson.start, Step):
        return load_network(network_of(place, lesson.start))
    if not lesson.start.startswith("new:"):
        return load_network(lesson.start)
    torch.manual_seed(config.seed)
    letters = load_network(config.model).vocabulary
    return load_network(lesson.start, vocabulary=letters)


def make_batch(
    config: RecipeConfig, network: SpeechNetwork, *, plain: bool = False
) -> MakeCtcBatch:
    """Return what makes clips with text, or pseudo-labels, a batch of a network.

    ``plain`` leaves them as they are; else parts are hidden.
    """
    return MakeCtcBatch(
        prepare=network.prepare,
        vocabulary=network.vocabulary,
        languages=network.languages,
        spell=clip_speller(
            [labeled_clips(config)], romanised=network.vocabulary.romanised
        ),
        skips_unknown=True,
        augment=None if plain else Masks(),
    )


def held_out_batches(
    config: RecipeConfig, network: SpeechNetwork, split: str, clips: int | None = None
) -> list[CtcBatch]:
    """Return clips with text of a split, unchanged; so many, spread over the split."""
    shards = labeled_clips(config, split)
    make = make_batch(config, network, plain=True)
    if clips is not None:
        keys = sorted(c.key for c in shards.in_order() if make.spell(c) is not None)
        step = max(1, len(keys) // clips)
        shards = replace(shards, keys=frozenset(keys[::step][:clips]))
    return list(epoch_batches([shards], _plan(config), make))


def _plan(config: RecipeConfig) -> BatchPlan:
    return BatchPlan(
        batch_sec=config.batch_sec,
        max_clip_sec=min(config.batch_sec, _LONGEST_SEC),
        seed=config.seed,
        beta_corpus=config.beta_corpus,
    )


def _batches(
    config: RecipeConfig,
    lesson: Lesson,
    place: Workplace,
    network: Any,
    ranks: Ranks,
    make: MakeCtcBatch,
) -> Batches:
    def stream(sources: list[SpeechShards], make: Any) -> BatchStream:
        return BatchStream(
            sources,
            _plan(config),
            make,
            rank=ranks.rank,
            ranks=ranks.count,
            workers=config.workers,
        )

    sources = [labeled_clips(config)]
    if lesson.labels is not None:
        told = place.result_of(lesson.labels)
        sources.append(
            pseudo_labeled_clips(config, told["labels"], told.get("selection"))
        )
    heard = MakeOfNoise(make) if lesson.noise else make
    cut = heard if lesson.crop_sec is None else MakeOfCrops(heard, lesson.crop_sec)
    labeled = stream(sources, cut)
    if lesson.slim is None:
        return labeled
    return SlimIplBatches(
        Sources(
            labeled=labeled,
            unlabeled=stream([unlabeled_clips(config)], as_they_are),
            again=partial(_clips_again, config),
            label=SelfLabeller(network, known_columns(config, network.vocabulary)),
            make=heard,
            everywhere=lambda here: ranks.sums([float(not here)])[0] == 0,
        ),
        lesson.slim,
        seed=config.seed * 1009 + ranks.rank,
    )


def as_they_are(clips: list[Clip], rng: np.random.Generator) -> list[Clip]:
    """Return clips as a batch of themselves."""
    return clips


def _clips_again(config: RecipeConfig, keys: Collection[str]) -> Iterator[Clip]:
    """Read clips without text by their keys; only these are read."""
    if keys:
        batches = epoch_batches(
            [unlabeled_clips(config, keys)], _plan(config), as_they_are
        )
        yield from chain.from_iterable(batches)


def known_columns(config: RecipeConfig, vocabulary: Vocabulary) -> frozenset[int]:
    """Return the letters of a network that texts of the language have."""
    columns = vocabulary.columns
    letters: set[str] = set()
    for text in labeled_texts(str(config.corpus), config.language):
        letters.update(
            spelled_text(text.text, config.language, romanised=vocabulary.romanised)
            or ""
        )
    return frozenset(columns[letter] for letter in letters if letter in columns)


def _save(network: Any, result: LoopResult, folder: Path) -> None:
    """Write the best weights as a network of its own, in place of the checkpoints."""
    if result.best is not None:
        load_weights(network, result.best)
    if result.is_first:
        temporary = folder / f".{NETWORK}.tmp"
        shutil.rmtree(temporary, ignore_errors=True)
        network.save_pretrained(temporary)
        shutil.rmtree(folder / NETWORK, ignore_errors=True)
        temporary.rename(folder / NETWORK)
