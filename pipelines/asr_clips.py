"""Which clips a model learns to spell, and on which it is measured."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from models.data import BatchPlan, SpeechShards, epoch_batches
from models.training.ctc import CtcBatch, MakeCtcBatch
from models.training.survey import Survey, survey
from models.training.whole_csv import write_csv
from models.vocabulary import Vocabulary
from pipelines.spelling import ClipSpeller
from pipelines.spoken_texts import spoken_texts
from schemas.errors import ConfigError

Tell = Callable[[str], None]


def clip_speller(sources: Sequence[SpeechShards], *, romanised: bool) -> ClipSpeller:
    """Return how the clips of some shards are spelled, known readings of numbers too.

    Raises:
      ConfigError: a language is not there.
      ArtifactError: a table is of another version.
    """
    spoken: dict[str, str] = {}
    for corpus in dict.fromkeys(source.corpus for source in sources):
        own = (source.languages() for source in sources if source.corpus == corpus)
        spoken |= spoken_texts(corpus, {code for codes in own for code in codes})
    return ClipSpeller(romanised=romanised, spoken=spoken)


def usable_clips(
    sources: Sequence[SpeechShards],
    spell: ClipSpeller,
    known: Vocabulary | None,
    plan: BatchPlan,
    *,
    skips_unknown: bool,
) -> tuple[list[SpeechShards], Survey]:
    """Return the sources without clips that cannot be learned, and what they are.

    Args:
      sources: all of whose texts are read.
      spell: how clips are spelled.
      known: the letters that texts have to keep to; None for any.
      plan: how short and long clips may be.
      skips_unknown: whether texts with others are left out, or an error.

    Raises:
      ConfigError: nothing is left, or there are no such shards.
      LettersUnknown: texts have letters that are not known.
      ArtifactError: a shard is damaged.
    """
    total, usable = Survey(), []
    lengths = (plan.min_clip_sec, plan.max_clip_sec)
    for source in sources:
        clips = source.in_order()
        found = survey(
            clips, spell, known, skips_unknown=skips_unknown, between_sec=lengths
        )
        usable.append(replace(source, keys=frozenset(found.usable)))
        total.add(found)
    if not total.usable:
        reasons = ", ".join(f"{n}: {why}" for why, n in total.reasons.items())
        raise ConfigError(
            "expected clips whose letters are known, found none "
            f"({reasons or 'no clips'}); another selection may keep some"
        )
    return usable, total


def held_out_batches(
    sources: Sequence[SpeechShards], make: MakeCtcBatch, plan: BatchPlan, clips: int
) -> tuple[CtcBatch, ...]:
    """Return the batches to measure on: some clips of each language, spread evenly.

    Args:
      sources: of a split that is not learned.
      make: without any augmentation.
      plan: that of the training; short clips are measured all the same.
      clips: of all languages and sources together.

    Raises:
      ConfigError: no clip's text can be spelled.
    """
    chosen = []
    for source in sources:
        found = survey(
            source.in_order(),
            make.spell,
            make.vocabulary,
            skips_unknown=True,
            between_sec=(0.0, plan.max_clip_sec),
        )
        if not found.usable:
            raise ConfigError(
                f"{source.corpus}: expected clips in split {source.split!r} of at most "
                f"{plan.max_clip_sec:g} s whose text the model can spell, found none "
                f"of {len(found.unusable)}"
            )
        keys = _spread(found, max(1, clips // len(sources)))
        chosen.append(replace(source, keys=keys))
    plan = replace(plan, min_clip_sec=0.0)
    return tuple(epoch_batches(chosen, plan, make))


def tell_survey(found: Survey, folder: Path, tell: Tell) -> None:
    """Tell what is learned from; name what is not in ``unusable.csv``."""
    folder.mkdir(parents=True, exist_ok=True)
    for code, heard_sec in sorted(found.languages.items()):
        clips = len(found.keys_of[code])
        tell(f"{code}: {clips} clips, {heard_sec / 3600:.2f} h")
    for why, clips in found.reasons.most_common():
        tell(f"left out, {why}: {clips} clips (named in {folder / 'unusable.csv'})")
    write_csv(
        folder / "unusable.csv", [("clip", "why"), *sorted(found.unusable.items())]
    )


def _spread(found: Survey, clips: int) -> frozenset[str]:
    """Choose so many clips of each language as there are for it, evenly in order."""
    each = max(1, clips // len(found.keys_of))
    chosen: list[str] = []
    for keys in found.keys_of.values():
        chosen += keys[:: max(1, len(keys) // each)][:each]
    return frozenset(chosen)
