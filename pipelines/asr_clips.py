"""Which clips a model learns to spell, and on which it is measured."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from models.data import BatchPlan, SpeechShards, epoch_batches
from models.training.ctc import CtcBatch, MakeCtcBatch, Spell
from models.training.survey import Survey, survey
from models.vocabulary import Vocabulary
from models.whole_csv import write_csv
from pipelines.clip_texts import clip_texts
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
    for corpus in dict.fromkeys(source.root for source in sources):
        own = (source.languages() for source in sources if source.root == corpus)
        spoken |= spoken_texts(corpus, {code for codes in own for code in codes})
    return ClipSpeller(romanised=romanised, spoken=spoken)


def usable_clips(
    sources: Sequence[SpeechShards],
    spell: Spell,
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
      ArtifactError: a table or an index is damaged.
    """
    total, usable = Survey(), []
    lengths = (plan.min_clip_sec, plan.max_clip_sec)
    for source in sources:
        found = survey(
            clip_texts(source),
            spell,
            known,
            skips_unknown=skips_unknown,
            between_sec=lengths,
        )
        usable.append(replace(source, keys=frozenset(found.usable)))
        total.add(found)
    if not total.usable:
        reasons = ", ".join(f"{n}: {why}" for why, n in total.reasons.items())
        raise ConfigError(
            f"{'; '.join(map(_named, sources))}: expected clips whose letters are "
            f"known, found none ({reasons or 'no clips'}); another selection may keep "
            "some"
        )
    return usable, total


def held_out_batches(
    sources: Sequence[SpeechShards],
    make: MakeCtcBatch,
    plan: BatchPlan,
    clips: int | None = None,
) -> tuple[CtcBatch, ...]:
    """Return the batches to measure on, without any augmentation.

    Args:
      sources: of a split that is not learned; each has clips that can be spelled.
      make: that of the training.
      plan: likewise; short clips are measured all the same.
      clips: so many of all sources together, of each language as many, evenly in the
        order of their keys; None for all.

    Raises:
      ConfigError: no clip's text can be spelled.
    """
    plan, make = replace(plan, min_clip_sec=0.0), replace(make, augment=None)
    spell, known = make.spell, make.vocabulary
    chosen = []
    for source in sources:
        (kept,), found = usable_clips([source], spell, known, plan, skips_unknown=True)
        if clips is not None:
            kept = replace(kept, keys=_spread(found, max(1, clips // len(sources))))
        chosen.append(kept)
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
    """Choose so many clips of each language as there are for it, evenly."""
    each = max(1, clips // len(found.keys_of))
    chosen: list[str] = []
    for keys in map(sorted, found.keys_of.values()):
        chosen += keys[:: max(1, len(keys) // each)][:each]
    return frozenset(chosen)


def _named(source: SpeechShards) -> str:
    labels = "" if source.labels is None else f", labels {source.labels!r}"
    return f"{source.corpus} (split {source.split!r}{labels})"
