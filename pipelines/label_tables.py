"""From what a teacher heard to its tables: places, expected errors, a summary."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from typing import Any

import numpy as np

from aligner.rates import place_of
from pipelines.label_clips import VERSION, HeardUnit, LabelContext, read_result
from pipelines.label_store import write_document, write_parts
from pipelines.label_trust import Trust
from pipelines.labeled_texts import Rates, rates_of
from pipelines.tables import language_table
from schemas.labels import PseudoLabel
from schemas.segment import Reject
from schemas.tables import SEGMENT_TABLE
from schemas.units import rounded

FORMAT = "pericope-labels/1"
_DECIMALS = 5


@dataclass(frozen=True)
class LanguageLabels:
    """What one language has now."""

    language: str
    summary: dict[str, Any]
    rejects: tuple[Reject, ...]


def write_language_labels(
    language: str, units: Iterable[HeardUnit], trust: Trust, context: LabelContext
) -> LanguageLabels:
    """Write the labels of one language, complete."""
    units = sorted(units, key=lambda heard: heard.unit.digest)
    results = [read_result(heard, context.store) for heard in units]
    rates = rates_of(context.root, language, romanised=units[0].romanised)
    readers = _readers(context.root, language)
    labels = sorted(
        (
            _complete(label, rates, trust, readers.get(label.key, ""))
            for result in results
            for label in result.labels
        ),
        key=lambda label: label.key,
    )
    digest = write_parts(context.root, context.name, language, labels)
    rejects = tuple(sorted(r for result in results for r in result.rejects))
    clips = sum(heard.unit.clips for heard in units if not heard.unit.is_known)
    # Clips of known text may be damaged as well; they are no one's labels.
    lost = clips - len(labels)
    assert 0 <= lost <= len(rejects), (clips, len(labels), len(rejects))
    summary = _summary(units[0], labels, rates, digest)
    return LanguageLabels(language, summary, rejects)


def write_summary(
    languages: Iterable[LanguageLabels], trust: Trust, context: LabelContext
) -> dict[str, Any]:
    """Write ``labels/<name>.json``: how it was made, hours, trust, rejects."""
    languages = sorted(languages, key=lambda found: found.language)
    settings = asdict(context.config)
    for name in ("teacher", "lm", "identifier"):
        del settings[name]  # places of files; what is in them is named otherwise
    document = {
        "format": FORMAT,
        "name": context.name,
        "pericope": version("pericope"),
        "stage_version": VERSION,
        "teacher": context.teacher,
        "settings": settings,
        "languages": {found.language: found.summary for found in languages},
        "trust": trust.told(),
        "rejects": [asdict(reject) for found in languages for reject in found.rejects],
    }
    write_document(context.root, context.name, document)
    return document


def _readers(root: str, language: str) -> dict[str, str]:
    table = language_table(root, SEGMENT_TABLE, language, ["key", "reader"])
    keys, readers = (table[name].to_pylist() for name in ("key", "reader"))
    return dict(zip(keys, readers, strict=True))


def _complete(
    label: PseudoLabel, rates: Rates, trust: Trust, reader: str
) -> PseudoLabel:
    expected = trust.expected(label, reader)
    return replace(
        label,
        chars_per_sec_z=place_of(label.chars_per_sec, rates.letters),
        words_per_sec_z=place_of(label.words_per_sec, rates.words),
        expected_cer=rounded(expected.mean, _DECIMALS),
        expected_cer_high=rounded(expected.high, _DECIMALS),
    )


def _summary(
    heard: HeardUnit, labels: Sequence[PseudoLabel], rates: Rates, digest: str
) -> dict[str, Any]:
    durations_sec = np.array([label.duration_sec for label in labels])
    expected = np.array([label.expected_cer for label in labels])
    return {
        "labels": len(labels),
        "hours": round(float(durations_sec.sum()) / 3600, 6),
        "empty": sum(label.is_empty for label in labels),
        "hours_expected_below": {
            str(most): round(float(durations_sec[expected < most].sum()) / 3600, 6)
            for most in (0.05, 0.1, 0.2)
        },
        "fingerprint": heard.fingerprint,
        "decoder": heard.decoder,
        "letters": heard.letters or "all",
        "has_rates": rates.letters is not None,
        "digest": digest,
    }
