"""The end of a run: selections and corpus.json, made from the tables."""

import json
from collections.abc import Iterable
from importlib.metadata import version
from typing import Any

from pipelines.config import CorpusConfig
from pipelines.context import RunContext
from pipelines.manifest import Manifest
from pipelines.selections import select_by_score, write_selection
from pipelines.store import local_copy, write_atomic
from pipelines.summary import LanguageSummary, summarise
from pipelines.tables import read_segments
from schemas.errors import ConfigError
from schemas.segment import Segment
from schemas.tables import SCHEMA_VERSION

FORMAT = "pericope-corpus/1"


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
    for name, selection in sorted(config.select.items()):
        min_score = selection.min_score(threshold)
        has_segments = any(summary.segments for summary in summaries)
        segments = read_segments(root) if has_segments else iter(())
        _write_selection(root, name, segments, min_score)
    document = _description(config, manifest, context, summaries)
    if context.second is not None:
        document["second_round"] = {
            "fingerprint": context.second.model_fingerprint,
            "languages": sorted(context.second_languages),
        }
    text = json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False)
    write_atomic(f"{root}/corpus.json", f"{text}\n".encode())
    return sum(summary.rejects for summary in summaries)


def refuse_second_round(root: str) -> None:
    """Return unless a corpus is the second round of another one.

    Raises:
      ConfigError: it is; a run would undo it.
    """
    try:
        with local_copy(f"{root}/corpus.json") as path:
            document = json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError):  # a damaged one will be written anew
        return
    if "second_round" in document:
        raise ConfigError(
            f"{root}: is the second round of a corpus and made by `pericope realign`; "
            "name the first round's folder as corpus.output and say that again"
        )


def _write_selection(
    root: str, name: str, segments: Iterable[Segment], min_score: float
) -> None:
    labeled = [segment for segment in segments if segment.text]
    verdicts = select_by_score(labeled, min_score)
    judged = zip(labeled, verdicts, strict=True)
    write_selection(root, name, judged, {"score": {"min": min_score}})


def _description(
    config: CorpusConfig,
    manifest: Manifest,
    context: RunContext,
    summaries: list[LanguageSummary],
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
