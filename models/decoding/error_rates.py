"""Error rates of transcripts, as counts that are pooled over clips and never averaged.

jiwer aligns each pair. A clip without reference text adds its insertions and no length.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, fields

import jiwer
from rapidfuzz.distance import Levenshtein


@dataclass(frozen=True, kw_only=True)
class EditCounts:
    """Letters or words of references, and what became of them; adding pools."""

    hits: int = 0
    substitutions: int = 0
    deletions: int = 0
    insertions: int = 0

    def __add__(self, other: "EditCounts") -> "EditCounts":
        names = [field.name for field in fields(self)]
        return EditCounts(**{n: getattr(self, n) + getattr(other, n) for n in names})

    @property
    def length(self) -> int:
        """Letters or words of the references."""
        return self.hits + self.substitutions + self.deletions

    @property
    def errors(self) -> int:
        """Edits from the references to what was heard."""
        return self.substitutions + self.deletions + self.insertions

    @property
    def rate(self) -> float:
        """Errors over the length; NaN without one."""
        return self.errors / self.length if self.length else float("nan")


def letter_edits(reference: str, heard: str) -> EditCounts:
    """Count the fewest edits from one string of letters to another."""
    edits = Counter(edit.tag for edit in Levenshtein.editops(reference, heard))
    changed, gone = edits["replace"], edits["delete"]
    return EditCounts(
        hits=len(reference) - changed - gone,
        substitutions=changed,
        deletions=gone,
        insertions=edits["insert"],
    )


@dataclass(frozen=True, kw_only=True)
class ErrorRates:
    """Of some clips; adding pools."""

    clips: int = 0
    duration_sec: float = 0.0
    letters: EditCounts = field(default_factory=EditCounts)
    """Spaces do not count."""
    words: EditCounts = field(default_factory=EditCounts)

    def __add__(self, other: "ErrorRates") -> "ErrorRates":
        return ErrorRates(
            clips=self.clips + other.clips,
            duration_sec=self.duration_sec + other.duration_sec,
            letters=self.letters + other.letters,
            words=self.words + other.words,
        )

    @property
    def cer(self) -> float:
        """Wrong letters, from 0 up, possibly above 1; NaN without any."""
        return self.letters.rate

    @property
    def wer(self) -> float:
        """Wrong words, likewise."""
        return self.words.rate


@dataclass(frozen=True, kw_only=True)
class Transcript:
    """What was said in a clip and what was heard."""

    language: str
    reference: str
    heard: str
    duration_sec: float = 0.0


def error_rates(transcripts: Iterable[Transcript]) -> ErrorRates:
    """Return the pooled error rates of some clips."""
    rows = list(transcripts)
    if not rows:
        return ErrorRates()
    references = [row.reference for row in rows]
    heard = [row.heard for row in rows]
    return ErrorRates(
        clips=len(rows),
        duration_sec=sum(row.duration_sec for row in rows),
        letters=_counts(jiwer.process_characters(_joined(references), _joined(heard))),
        words=_counts(jiwer.process_words(references, heard)),
    )


def rates_by_language(transcripts: Iterable[Transcript]) -> dict[str, ErrorRates]:
    """Return the pooled error rates of each language, by code and in its order."""
    rows_of: dict[str, list[Transcript]] = {}
    for row in transcripts:
        rows_of.setdefault(row.language, []).append(row)
    return {language: error_rates(rows_of[language]) for language in sorted(rows_of)}


def _joined(texts: Iterable[str]) -> list[str]:
    return ["".join(text.split()) for text in texts]


def _counts(found: jiwer.WordOutput | jiwer.CharacterOutput) -> EditCounts:
    return EditCounts(
        hits=found.hits,
        substitutions=found.substitutions,
        deletions=found.deletions,
        insertions=found.insertions,
    )
