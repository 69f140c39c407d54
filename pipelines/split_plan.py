"""Which split each recording is in, and which languages have unlabeled audio at all."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from aligner.splits import plan_splits
from pipelines.cut_recording import CutRecording


@dataclass(frozen=True)
class SplitPart:
    """What a recording has to do with splits, a hundred bytes."""

    language: str
    unit: str
    labeled: bool
    duration_sec: float
    unlabeled_sec: float
    book: str = ""

    @classmethod
    def of(cls, cut: CutRecording) -> "SplitPart":
        """Return the part of a cut recording."""
        seconds = cut.duration_sec, cut.unlabeled_sec
        return cls(cut.language, cut.unit, cut.labeled, *seconds, cut.book.upper())


@dataclass(frozen=True)
class SplitPlan:
    """The splits of a corpus, by language and unit."""

    labeled: Mapping[tuple[str, str], str] = field(default_factory=dict)
    unlabeled: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """Of recordings that were not aligned; their unit is their id."""
    too_small: frozenset[str] = frozenset()
    """Languages whose unlabeled audio is dropped."""

    def split_of(self, cut: CutRecording | SplitPart) -> str:
        """Return the split of a recording, with and without text."""
        splits = self.labeled if cut.labeled else self.unlabeled
        return splits[cut.language, cut.unit]

    def has_unlabeled(self, language: str) -> bool:
        """Tell whether a language keeps its audio without text."""
        return language not in self.too_small


def plan_all_splits(
    parts: Iterable[SplitPart], min_language_minutes: float
) -> SplitPlan:
    """Plan the splits of a corpus; the order of the parts does not matter.

    Aligned recordings are split by units, and what they leave over goes with them.
    Others go with the aligned recordings of their book, so that what is tested is not
    heard in training; where there is none, they are split by recording, a tenth of
    their language's clips for development and for testing each.

    Args:
      parts: all recordings that were cut.
      min_language_minutes: a language with less unlabeled audio for training has none.
    """
    parts = list(parts)
    labeled = plan_splits(
        (p.language, p.unit, p.duration_sec) for p in parts if p.labeled
    )
    others = [part for part in parts if not part.labeled]
    of_books = {
        (p.language, p.unit): labeled[p.language, p.book]
        for p in others
        if (p.language, p.book) in labeled
    }
    unlabeled = plan_splits(
        (
            (p.language, p.unit, p.unlabeled_sec)
            for p in others
            if (p.language, p.unit) not in of_books
        ),
        named={},
        enough_sec=math.inf,
    )
    plan = SplitPlan(labeled, {**unlabeled, **of_books})
    training_sec: dict[str, list[float]] = {part.language: [] for part in parts}
    for part in parts:
        if plan.split_of(part) == "train":
            training_sec[part.language].append(part.unlabeled_sec)
    too_small = frozenset(
        language
        for language, seconds in training_sec.items()
        # fsum is exact, so the sum does not depend on the order.
        if math.fsum(seconds) < 60 * min_language_minutes
    )
    return SplitPlan(plan.labeled, plan.unlabeled, too_small)
