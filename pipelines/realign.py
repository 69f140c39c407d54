"""MMS's second round: train on what is kept, align all of it anew, keep the better.

The result is a corpus of its own beside the first, in ``<output>/round2``, which shares
the first one's store: nothing is fetched again, and what both rounds have in common is
there once. Languages that gain nothing keep their first round in it.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace

from models.training.progress import Progress
from pipelines.alone import alone_in
from pipelines.compare_languages import Rounds, compare_languages
from pipelines.compare_rounds import LanguageComparison
from pipelines.config import CorpusConfig
from pipelines.context import RunContext, loaded_model
from pipelines.criteria import BELOW_THRESHOLD, Rule, score_rule
from pipelines.job import Job, prepare_job
from pipelines.second_model import (
    STAGE,
    VERSION,
    RealignConfig,
    RoundClips,
    round_clips,
    second_model,
)
from pipelines.start_weights import StartWeights, local_root, start_weights
from pipelines.tables import read_columns
from schemas.errors import ArtifactError
from schemas.keys import digest_of
from schemas.tables import ALIGNMENT_TABLE

FOLDER = "round2"
_SUFFIX = ".json"


@dataclass(frozen=True)
class Realigned:
    """Where the second round's corpus is, what was compared, and its rejects."""

    output: str
    languages: list[LanguageComparison]
    rejects: int


def realign(
    config: CorpusConfig,
    options: RealignConfig,
    run: Callable[[Job], int],
    report: Callable[[Progress], None],
    *,
    workers: int = 0,
    start: StartWeights | None = None,
) -> Realigned:
    """Make the second round of a finished corpus; what is done is not done again.

    Args:
      config: of the first round.
      options: how to train.
      run: builds a corpus as ``run_job`` does, and returns the number of rejects.
      report: told how the training goes.
      workers: recordings side by side.
      start: the first weights; None takes those of the configured model.

    Raises:
      ConfigError: there is nothing to learn from, or the corpus is not on this machine.
      ArtifactError: the first round is not finished, or a file is damaged.
    """
    first = prepare_job(config, workers)
    root = local_root(config.corpus.output)
    with alone_in(root):
        clips = round_clips(root, options.selection)
        name = config.model.name
        start = start or start_weights(
            name, options.seed, from_scratch=options.from_scratch
        )
        path = second_model(root, clips, options, start, report)
        second = _second_job(first, f"bundled:{path}")
        digest = _comparison_digest(first, second, clips, options)
        if not first.context.store.has(STAGE, digest, _SUFFIX):
            run(second)
            rounds = Rounds(
                first=first,
                second=second,
                clips=clips,
                old=clips.alignments,
                new=_digests(second.context.output),
                least_verses=options.least_verses,
            )
            rows = [asdict(row) for row in compare_languages(rounds)]
            text = json.dumps(rows, sort_keys=True)
            first.context.store.write_bytes(text.encode(), STAGE, digest, _SUFFIX)
        languages = _read_comparison(first.context, digest)
        rejects = run(_mixed_job(first, second, languages))
    return Realigned(second.context.output, languages, rejects)


def _second_job(first: Job, model_name: str) -> Job:
    """Return the job that aligns everything with the new model."""
    model = loaded_model(model_name, first.context.device)
    context = replace(
        first.context,
        output=f"{first.context.output}/{FOLDER}",
        store_root=first.context.output,
        model_name=model_name,
        model_fingerprint=model.fingerprint,
        criteria=first.config.select["default"].criteria(model.score_threshold),
    )
    return replace(first, context=context, threshold=model.score_threshold)


def _mixed_job(first: Job, second: Job, languages: list[LanguageComparison]) -> Job:
    """Return the job in which every language has the round that it keeps."""
    newer = frozenset(row.language for row in languages if row.keep == 2)
    config = _with_both_thresholds(first, second, newer)
    criteria = config.select["default"].criteria(first.threshold)
    context = replace(
        first.context,
        output=second.context.output,
        store_root=first.context.output,
        criteria=criteria,
        second=replace(second.context, criteria=criteria),
        second_languages=newer,
    )
    return replace(first, config=config, context=context)


def _with_both_thresholds(
    first: Job, second: Job, newer: frozenset[str]
) -> CorpusConfig:
    """Return the configuration with "auto" spelled out for each language."""
    if not newer:
        return first.config
    codes = ", ".join(f"'{code}'" for code in sorted(newer))
    old, new = (score_rule(job.threshold).text for job in (first, second))
    rule = Rule(
        f"(language in ({codes}) and {new}) or (language not in ({codes}) and {old})",
        BELOW_THRESHOLD,
    )
    selections = {
        name: replace(selection, score=None, where=(rule, *selection.where))
        if selection.needs_threshold
        else selection
        for name, selection in first.config.select.items()
    }
    return replace(first.config, select=selections)


def _comparison_digest(
    first: Job, second: Job, clips: RoundClips, options: RealignConfig
) -> str:
    return digest_of(
        *(STAGE, "compare", VERSION, second.context.model_fingerprint),
        *(sorted(clips.alignments.items()), sorted(clips.learned)),
        *(second.context.align_settings(), first.threshold, second.threshold),
        options.least_verses,
    )


def _read_comparison(context: RunContext, digest: str) -> list[LanguageComparison]:
    uri = context.store.uri(STAGE, digest, _SUFFIX)
    try:
        rows = json.loads(context.store.read_bytes(STAGE, digest, _SUFFIX))
        return [LanguageComparison(**row) for row in rows]
    except (ValueError, TypeError) as error:
        raise ArtifactError(f"{uri}: damaged ({error}); delete it") from error


def _digests(root: str) -> dict[str, str]:
    rows = read_columns(root, ALIGNMENT_TABLE, ["recording_id", "digest"])
    return {row["recording_id"]: row["digest"] for row in rows}
