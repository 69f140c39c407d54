"""Which languages are taken for which."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from models.whole_csv import write_csv


@dataclass(frozen=True)
class Confusion:
    """How often clips of each language were taken for each."""

    counts: Counter[tuple[str, str]]
    """By the true language and the one that was heard."""

    @classmethod
    def of(cls, pairs: Iterable[tuple[str, str]]) -> "Confusion":
        """Count pairs of the true and the heard language."""
        return cls(Counter(pairs))

    @property
    def languages(self) -> list[str]:
        """All that are true somewhere, in order."""
        return sorted({true for true, _ in self.counts})

    def clips(self, language: str | None = None) -> int:
        """Return how many clips there are, of a language or of all."""
        return sum(
            count
            for (true, _), count in self.counts.items()
            if language in (None, true)
        )

    def accuracy(self, language: str | None = None) -> float:
        """Return the share of clips, of a language or of all, that is told right.

        NaN without clips.
        """
        clips = self.clips(language)
        right = sum(
            count
            for (true, heard), count in self.counts.items()
            if true == heard and language in (None, true)
        )
        return right / clips if clips else float("nan")

    def worst_pairs(self, most: int = 10) -> list[tuple[str, str, float]]:
        """Return true language, heard language and the share of the true one's clips.

        The largest shares first; nothing that never happened.
        """
        shares = [
            (true, heard, count / self.clips(true))
            for (true, heard), count in self.counts.items()
            if true != heard
        ]
        return sorted(shares, key=lambda row: (-row[2], row[0], row[1]))[:most]

    def write_csv(self, path: Path) -> None:
        """Write a row for each true language and a column for each that was heard."""
        heard = sorted({language for pair in self.counts for language in pair})
        rows = [
            [
                true,
                str(self.clips(true)),
                str(round(self.accuracy(true), 4)),
                *(str(self.counts[true, column]) for column in heard),
            ]
            for true in self.languages
        ]
        write_csv(path, [["true", "clips", "accuracy", *heard], *rows])
