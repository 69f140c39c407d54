"""Which language is heard in clips without text, if anybody is asked."""

import math
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

from models.devices import choose_device
from pipelines.context import RunContext
from pipelines.unlabeled_config import UnlabeledConfig
from pipelines.waveforms import Waveform
from schemas.segment import Segment
from schemas.units import rounded, samples_from_sec

if TYPE_CHECKING:
    from models.language_identifier import LanguageIdentifier

_DECIMALS = 5


def identifier_fingerprint(config: UnlabeledConfig, device: str) -> str:
    """Return the fingerprint of the identifier that is asked, "" if none is.

    It is loaded, so that a wrong name is told before any work is done.

    Raises:
      ConfigError: there is no such identifier.
      ArtifactError: its files are damaged.
    """
    if not config.identifier:
        return ""
    return loaded_identifier(config.identifier, device).fingerprint


def identified(
    segments: tuple[Segment, ...], waveform_N: Waveform, context: RunContext
) -> tuple[Segment, ...]:
    """Return segments with the likeliest language and the posterior of their own."""
    if not context.identifier_fingerprint:
        return segments
    identifier = loaded_identifier(context.unlabeled.identifier, context.device)
    found = []
    for segment in segments:
        start = samples_from_sec(segment.start_sec)
        end = samples_from_sec(segment.end_sec)
        verdict = identifier.identify(waveform_N[start:end])
        found.append(with_verdict(segment, verdict))
    return tuple(found)


def with_verdict(segment: Segment, posteriors: Mapping[str, float]) -> Segment:
    """Return a segment with a verdict; NaN if its language is not among those known."""
    likeliest, own = verdict_of(posteriors, segment.language)
    return replace(segment, lid_language=likeliest, lid_score=own)


def verdict_of(posteriors: Mapping[str, float], language: str) -> tuple[str, float]:
    """Return the likeliest language, and the posterior of one; NaN if it has none."""
    likeliest = max(sorted(posteriors), key=posteriors.__getitem__)
    own = float(posteriors.get(language, math.nan))
    return likeliest, rounded(own, _DECIMALS)


@cache
def loaded_identifier(reference: str, device: str) -> "LanguageIdentifier":
    """Return this process's identifier of a name."""
    from models.language_identifier import load_language_identifier

    return load_language_identifier(reference, choose_device(device))
