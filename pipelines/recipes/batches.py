"""Batches for the trainings of a recipe, and for what they are judged by."""

from collections.abc import Collection, Iterator, Sequence
from functools import partial
from itertools import chain
from typing import Any

import numpy as np

from models.data import BatchPlan, BatchStream, Clip, SpeechShards, epoch_batches
from models.data.kept_clips import clip_table
from models.networks.speech_network import SpeechNetwork
from models.training.crops import MakeBatch
from models.training.ctc import CtcBatch, MakeCtcBatch
from models.training.masks import masks_for
from models.training.ranks import Ranks
from models.training.self_labels import SelfLabeller
from models.training.slim_ipl import Closing, SlimIplBatches, SlimIplConfig, Sources
from models.vocabulary import Vocabulary
from pipelines.asr_clips import clip_speller, held_out_batches, usable_clips
from pipelines.labeled_texts import labeled_texts
from pipelines.recipes.clips import labeled_clips, unlabeled_clips
from pipelines.recipes.config import RecipeConfig
from pipelines.spelling import spelled_text

_LONGEST_SEC = 30.0


def make_batch(config: RecipeConfig, network: SpeechNetwork) -> MakeCtcBatch:
    """Return what makes clips with text, or pseudo-labels, a batch of a network."""
    return MakeCtcBatch(
        prepare=network.prepare,
        vocabulary=network.vocabulary,
        languages=network.languages,
        spell=clip_speller(
            [labeled_clips(config)], romanised=network.vocabulary.romanised
        ),
        skips_unknown=True,
        augment=masks_for(network),
    )


def learnable(
    config: RecipeConfig, source: SpeechShards, make: MakeCtcBatch
) -> SpeechShards:
    """Return a source without the clips that a network cannot learn.

    Raises:
      ConfigError: nothing is left.
    """
    spell, known, plan = make.spell, make.vocabulary, _plan(config)
    (usable,), _ = usable_clips([source], spell, known, plan, skips_unknown=True)
    return usable


def require_clips(config: RecipeConfig, split: str) -> None:
    """Return if the selection keeps clips with text of a split.

    Raises:
      ConfigError: it keeps none that could be a batch.
      ArtifactError: shards, indexes and selection do not fit each other.
    """
    plan = _plan(config)
    clip_table([labeled_clips(config, split)], plan.min_clip_sec, plan.max_clip_sec)


def held_out(
    config: RecipeConfig, make: MakeCtcBatch, split: str, clips: int | None = None
) -> tuple[CtcBatch, ...]:
    """Return clips with text of a split, unchanged; so many, spread over the split.

    Raises:
      ConfigError: none has letters that the network can learn.
    """
    return held_out_batches([labeled_clips(config, split)], make, _plan(config), clips)


def stream_of(
    config: RecipeConfig, sources: Sequence[SpeechShards], make: MakeBatch, ranks: Ranks
) -> BatchStream:
    """Return this rank's endless stream of batches."""
    return BatchStream(
        sources,
        _plan(config),
        make,
        rank=ranks.rank,
        ranks=ranks.count,
        workers=config.workers,
    )


def slim_stream(
    config: RecipeConfig,
    slim: SlimIplConfig,
    labeled: Closing,
    make: MakeBatch,
    network: Any,
    ranks: Ranks,
) -> SlimIplBatches:
    """Return this rank's stream of labeled batches and of those labeled by a network.

    Args:
      config: of the recipe.
      slim: cache and turns.
      labeled: the stream of labeled batches.
      make: makes a batch of clips that have got labels.
      network: that labels, in training.
      ranks: of the training.
    """
    return SlimIplBatches(
        Sources(
            labeled=labeled,
            unlabeled=stream_of(config, [unlabeled_clips(config)], as_they_are, ranks),
            again=partial(_clips_again, config),
            label=SelfLabeller(network, known_columns(config, network.vocabulary)),
            make=make,
            everywhere=lambda here: ranks.sums([float(not here)])[0] == 0,
        ),
        slim,
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


def _plan(config: RecipeConfig) -> BatchPlan:
    return BatchPlan(
        batch_sec=config.batch_sec,
        max_clip_sec=min(config.batch_sec, _LONGEST_SEC),
        seed=config.seed,
        beta_corpus=config.beta_corpus,
    )
