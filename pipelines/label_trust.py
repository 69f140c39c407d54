"""How far a teacher can be trusted: learnt from clips whose text is known."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from aligner.expected_cer import (
    LEAST_CLIPS,
    CerModel,
    ExpectedCer,
    Foretold,
    bias,
    fit_cer,
    mean_absolute_error,
    of_languages,
)
from pipelines.label_clips import HeardUnit, LabelContext, read_result
from schemas.labels import PseudoLabel
from schemas.units import rounded

_PASSED, _BAD = 0.1, 0.2
_DECIMALS = 5


@dataclass(frozen=True)
class Trust:
    """What known clips show of a teacher."""

    model: CerModel | None
    """None where there are too few of them."""
    foretold: Foretold | None
    known_clips: int

    def expected(self, label: PseudoLabel, reader: str) -> ExpectedCer:
        """Return the error rate to be expected of a label.

        An empty one lacks all that may have been said.
        """
        if label.is_empty:
            return ExpectedCer(1.0, 1.0)
        if self.model is None:
            return ExpectedCer(math.nan, math.nan)
        name = reader or label.recording_id
        return self.model.expected(label.sampled_cer, label.language, name)

    def told(self) -> dict[str, Any]:
        """Return the line and how well it foretold what was kept from it, for JSON."""
        if self.model is None or self.foretold is None:
            return {
                "clips": self.known_clips,
                "note": f"expected {LEAST_CLIPS} or more aligned clips that the "
                f"teacher was not trained on, got {self.known_clips}: expected_cer is "
                "not known",
            }
        model = self.model
        readers = {f"{a}/{b}": offset for (a, b), offset in model.of_reader.items()}
        return {
            "clips": self.known_clips,
            "offset": _short(model.offset),
            "slope": _short(model.slope),
            "of_language": {k: _short(v) for k, v in model.of_language.items()},
            "of_reader": {k: _short(v) for k, v in readers.items()},
            "reach_recording": _short(model.reach_recording),
            "reach_reader": _short(model.reach_reader),
            "reach_language": _short(model.reach_language),
            "other_recordings": _checked(self.foretold),
            "languages": {
                code: _checked(part)
                for code, part in of_languages(
                    self.foretold, sorted(model.of_language)
                ).items()
            },
        }


def learn_trust(units: Iterable[HeardUnit], context: LabelContext) -> Trust:
    """Learn from the known clips of all languages together."""
    known = [
        clip
        for heard in units
        if heard.unit.is_known
        for clip in read_result(heard, context.store).known
    ]
    clips = sum(not clip.is_noised for clip in known)
    if clips < LEAST_CLIPS:
        return Trust(None, None, clips)
    return Trust(*fit_cer(known), clips)


def _checked(told: Foretold) -> dict[str, Any]:
    """Return how what was foretold of clips compares with the truth."""
    passed = told.true[told.expected < _PASSED]
    letters = sum(clip.letters for clip in told.clips)
    errors = sum(clip.errors for clip in told.clips)
    return {
        "clips": len(told.clips),
        "cer": _short(errors / letters) if letters else math.nan,
        "mean_absolute_error": _short(mean_absolute_error(told)),
        "bias": _short(bias(told)),
        "expected_below_0.1": len(passed),
        "of_them_above_0.2": int((passed > _BAD).sum()),
    }


def _short(value: float) -> float:
    return rounded(value, _DECIMALS)
