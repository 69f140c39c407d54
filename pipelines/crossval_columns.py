"""The columns ``cv_cer`` and ``cv_recording_cer``: what was heard joins segments."""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from pipelines.tables import read_if_there
from schemas.crossval import CROSSVAL_TABLE, HeardClip
from schemas.segment import Segment


def read_heard(root: str, language: str) -> Iterator[HeardClip]:
    """Yield what `pericope crossval` has heard of a language, nothing before it ran.

    Raises:
      ArtifactError: the table is of another version.
    """
    return read_if_there(root, CROSSVAL_TABLE, language)


def with_cross_validation(
    segments: Iterable[Segment],
    heard: Iterable[HeardClip],
    alignments: Mapping[str, str],
) -> list[Segment]:
    """Return the segments with their letter error rates.

    Those of a recording are pooled: all edits by all letters. What was heard of a
    recording that is aligned otherwise by now does not count; without it the columns
    are NaN, as they are of clips that were not heard.

    Args:
      segments: of one language.
      heard: clips of the language, as they were heard.
      alignments: the digest of each recording's alignment today.
    """
    known: dict[str, HeardClip] = {}
    errors: Counter[str] = Counter()
    letters: Counter[str] = Counter()
    for clip in heard:
        if alignments.get(clip.recording_id) == clip.alignment:
            known[clip.key] = clip
            errors[clip.recording_id] += clip.errors
            letters[clip.recording_id] += clip.letters

    def rated(segment: Segment) -> Segment:
        clip, recording = known.get(segment.key), segment.recording_id
        return replace(
            segment,
            cv_cer=math.nan if clip is None else error_rate(clip.errors, clip.letters),
            cv_recording_cer=error_rate(errors[recording], letters[recording])
            if segment.text
            else math.nan,
        )

    return [rated(segment) for segment in segments]


def error_rate(errors: int, letters: int) -> float:
    """Return wrong letters of all letters; NaN without any."""
    return errors / letters if letters else math.nan
