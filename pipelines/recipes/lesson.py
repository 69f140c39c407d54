"""One training of a recipe: which network learns from which clips, for how long."""

import shutil
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

from models.networks.load import load_network, load_whole_network, saved_reference
from models.networks.pieces import widen_context
from models.training.checkpoints import load_weights
from models.training.config import LoopConfig
from models.training.crops import MakeOfCrops
from models.training.ctc import CtcTask, MakeCtcBatch
from models.training.dropout import set_dropout
from models.training.loop import LoopResult, run_loop
from models.training.noise import MakeOfNoise
from models.training.progress import progress_lines
from models.training.ranks import Ranks, ranks_of
from models.training.slim_ipl import Closing, SlimIplConfig
from pipelines.recipes.batches import (
    held_out,
    learnable,
    make_batch,
    slim_stream,
    stream_of,
)
from pipelines.recipes.clips import (
    clips_digest,
    labeled_clips,
    model_digest,
    pseudo_labeled_clips,
)
from pipelines.recipes.config import RecipeConfig, rounds
from pipelines.recipes.plan import Result, Step, Workplace

NETWORK = "network"
"""Folder of a lesson's network, as ``save_pretrained`` writes it."""


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
    measured_on = held_out(config, make, "dev", config.validation_clips)
    batches = _batches(config, lesson, place, network, make, ranks)
    result = run_loop(
        network,
        CtcTask(held_out=measured_on),
        batches,
        place.folder,
        loop,
        progress_lines(place.tell),
        before_step=partial(widen_context, network, lesson.short_context_steps),
    )
    batches.close()
    _save(network, result, place.folder)
    return {
        "updates": result.steps,
        "dev_cer": result.best_measure,
        "heard_hours": round(result.heard_hours, 3),
        "updates_skipped": result.skipped,
        "clips_left_out": result.left_out,
    }


def _start(config: RecipeConfig, lesson: Lesson, place: Workplace) -> Any:
    if isinstance(lesson.start, Step):
        return load_network(network_of(place, lesson.start))
    if not lesson.start.startswith("new:"):
        return load_whole_network(lesson.start)
    torch.manual_seed(config.seed)
    letters = load_network(config.model).vocabulary
    return load_network(lesson.start, vocabulary=letters)


def _batches(
    config: RecipeConfig,
    lesson: Lesson,
    place: Workplace,
    network: Any,
    make: MakeCtcBatch,
    ranks: Ranks,
) -> Closing:
    sources = [labeled_clips(config)]
    if lesson.labels is not None:
        told = place.result_of(lesson.labels)
        sources.append(
            pseudo_labeled_clips(config, told["labels"], told.get("selection"))
        )
    sources = [learnable(config, source, make) for source in sources]
    heard = MakeOfNoise(make) if lesson.noise else make
    cut = heard if lesson.crop_sec is None else MakeOfCrops(heard, lesson.crop_sec)
    labeled = stream_of(config, sources, cut, ranks)
    if lesson.slim is None:
        return labeled
    return slim_stream(config, lesson.slim, labeled, heard, network, ranks)


def _save(network: Any, result: LoopResult, folder: Path) -> None:
    """Write the best weights as a network of its own."""
    if result.best is not None:
        load_weights(network, result.best)
    if result.is_first:
        temporary = folder / f".{NETWORK}.tmp"
        shutil.rmtree(temporary, ignore_errors=True)
        network.save_pretrained(temporary)
        shutil.rmtree(folder / NETWORK, ignore_errors=True)
        temporary.rename(folder / NETWORK)
