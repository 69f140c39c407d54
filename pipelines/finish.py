"""The end of a run: selections and corpus.json, made from the tables."""

import json
import logging
from importlib.metadata import version
from typing import Any

from pipelines.config import CorpusConfig
from pipelines.context import RunContext
from pipelines.manifest import Manifest
from pipelines.select import select_segments
from pipelines.store import local_copy, write_atomic
from pipelines.summary import LanguageSummary, summarise
from pipelines.tables import segments_dataset
from schemas.errors import ArtifactError, ConfigError
from schemas.tables import SCHEMA_VERSION, SEGMENTS

FORMAT = "pericope-corpus/1"
DESCRIPTION = "corpus.json"
_LOG = logging.getLogger(__name__)


def finish_corpus(
    config: CorpusConfig, manifest: Manifest, context: RunContext, threshold: float
) -> int:
    """Write the configured selections and corpus.json; returns the number of rejects.

    Args:
      config: the choices.
      manifest: what went in.
      context: where the corpus is.
      threshold: the score that is stored with the model.
    """
    root = context.output
    summaries = summarise(root)
    has_segments = any(summary.segments for summary in summaries)
    segments = segments_dataset(root) if has_segments else SEGMENTS.empty_table()
    for name, selection in sorted(config.select.items()):
        if selection.labels:
            continue  # they are made of a finished corpus: `pericope select`
        criteria = selection.criteria(threshold)
        # Hours of work are behind it: rules that keep nothing are told, no more.
        made = select_segments(
            root, name, criteria, allow_empty=True, compare=False, segments=segments
        )
        if made.summary["languages"] and made.keeps_nothing:
            _LOG.warning("selection %s: %s", name, "; ".join(made.warnings))
    document = _description(config, manifest, context, summaries, threshold)
    if context.second is not None:
        document["second_round"] = {
            "fingerprint": context.second.model_fingerprint,
            "languages": sorted(context.second_languages),
        }
    text = json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False)
    write_atomic(f"{root}/{DESCRIPTION}", f"{text}\n".encode())
    return sum(summary.rejects for summary in summaries)


def refuse_second_round(root: str) -> None:
    """Return unless a corpus is the second round of another one.

    Raises:
      ConfigError: it is; a run would undo it.
    """
    try:
        with local_copy(f"{root}/{DESCRIPTION}") as path:
            document = json.loads(path.read_bytes())
    except (OSError, ValueError):  # none, or a damaged one that is written anew
        return
    if "second_round" in document:
        raise ConfigError(
            f"{root}: is the second round of a corpus and made by `pericope realign`; "
            "name the first round's folder as corpus.output and say that again"
        )


def model_threshold(root: str) -> float:
    """Return the score that is stored with the model that a corpus was made with.

    Raises:
      ArtifactError: there is no finished corpus, or one of an earlier version.
    """
    uri = f"{root}/{DESCRIPTION}"
    try:
        with local_copy(uri) as path:
            return float(json.loads(path.read_bytes())["model"]["score_threshold"])
    except FileNotFoundError as error:
        raise ArtifactError(
            f"{uri}: expected a finished corpus, found none; say `pericope run` first"
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise ArtifactError(
            f"{uri}: expected the model's score_threshold ({error!r}); say "
            "`pericope run` again, which writes it anew"
        ) from error


def _description(
    config: CorpusConfig,
    manifest: Manifest,
    context: RunContext,
    summaries: list[LanguageSummary],
    threshold: float,
) -> dict[str, Any]:
    """Return corpus.json: nothing in it depends on the time or the machine."""
    return {
        "format": FORMAT,
        "name": config.corpus.name,
        "pericope": version("pericope"),
        "schema_version": SCHEMA_VERSION,
        "configuration": config.as_dict(),
        "manifest_sha256": manifest.digest,
        "model": {
            "name": context.model_name,
            "fingerprint": context.model_fingerprint,
            "licence": context.model_licence,
            "score_threshold": threshold,
        },
        "languages": {
            summary.language: {
                "recordings": summary.recordings,
                "rejects": summary.rejects,
                "segments": summary.segments,
                "hours": round(summary.hours, 6),
                "labeled_hours": round(summary.labeled_hours, 6),
                "unlabeled_hours": round(summary.unlabeled_hours, 6),
            }
            for summary in summaries
        },
    }
