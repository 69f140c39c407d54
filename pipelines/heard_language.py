"""Which language is heard in clips without text, if anybody is asked."""

import math
import threading
from collections.abc import Mapping
from dataclasses import replace
from functools import cache

from models.devices import choose_device
from models.language_identifier import LanguageIdentifier, load_language_identifier
from pipelines.context import RunContext
from pipelines.sharing import gate_of
from pipelines.unlabeled_config import UnlabeledConfig
from pipelines.waveforms import Waveform
from schemas.errors import ArtifactError, ConfigError
from schemas.segment import Segment
from schemas.units import rounded, samples_from_sec

_DECIMALS = 5
_LOADING = threading.Lock()


def identifier_fingerprint(config: UnlabeledConfig, device: str) -> str:
    """Return the fingerprint of the identifier that is asked, "" if none is.

    It is loaded, so that a wrong name is told before any work is done.

    Raises:
      ConfigError: there is no such identifier.
      ArtifactError: its files are damaged.
    """
    if not config.identifier:
        return ""
    try:
        return loaded_identifier(config.identifier, device).fingerprint
    except (ConfigError, ArtifactError) as error:
        told = str(error).removeprefix("model.name: ")
        raise type(error)(f"unlabeled.identifier: {told}") from error


def identified(
    segments: tuple[Segment, ...], waveform_N: Waveform, context: RunContext
) -> tuple[Segment, ...]:
    """Return segments with the likeliest language and the posterior of their own."""
    if not context.identifier_fingerprint:
        return segments
    identifier = loaded_identifier(context.unlabeled.identifier, context.device)
    found = []
    with gate_of(choose_device(context.device)):
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
    """Return the likeliest language, and the posterior of one; NaN if it has none.

    An identifier that knows no scripts is asked for the language alone.
    """
    likeliest = max(sorted(posteriors), key=posteriors.__getitem__)
    plain = language.partition("-")[0]
    own = float(posteriors.get(language, posteriors.get(plain, math.nan)))
    return likeliest, rounded(own, _DECIMALS)


def loaded_identifier(reference: str, device: str) -> LanguageIdentifier:
    """Return this process's identifier of a name."""
    with _LOADING:  # two threads must not load it each
        return _identifier(reference, device)


@cache
def _identifier(reference: str, device: str) -> LanguageIdentifier:
    return load_language_identifier(reference, device)
