"""Which clips a CTC job can learn from, and why not from the others.

A look at all texts before the training: what cannot be learned is counted and named
once, and letters that a model lacks are an error before an hour is spent.
"""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from models.data import ClipText
from models.training.ctc import NO_LETTERS, UNKNOWN_TEXT, Spell
from models.vocabulary import Vocabulary
from schemas.errors import LettersUnknown


@dataclass
class Survey:
    """What some clips are good for."""

    keys_of: dict[str, list[str]] = field(default_factory=dict)
    """The usable clips of each language."""
    letters: set[str] = field(default_factory=set)
    """Of usable clips."""
    languages: dict[str, float] = field(default_factory=dict)
    """Usable seconds of each language."""
    unusable: dict[str, str] = field(default_factory=dict)
    """Why, by key."""

    @property
    def usable(self) -> list[str]:
        """The keys of all usable clips."""
        return [key for keys in self.keys_of.values() for key in keys]

    def add(self, other: "Survey") -> None:
        """Count other clips in."""
        for code, keys in other.keys_of.items():
            self.keys_of.setdefault(code, []).extend(keys)
            heard_sec = self.languages.get(code, 0.0)
            self.languages[code] = heard_sec + other.languages[code]
        self.letters |= other.letters
        self.unusable |= other.unusable

    @property
    def reasons(self) -> Counter[str]:
        """How many clips are unusable for which reason."""
        return Counter(self.unusable.values())


def survey(
    clips: Iterable[ClipText],
    spell: Spell,
    vocabulary: Vocabulary | None = None,
    *,
    skips_unknown: bool = False,
    between_sec: tuple[float, float] = (0.0, math.inf),
) -> Survey:
    """Look at the text of every clip once.

    Args:
      clips: of all sources.
      spell: their texts.
      vocabulary: that the texts have to keep to; None for any letters.
      skips_unknown: a text with other letters is unusable instead of an error.
      between_sec: shorter and longer clips are unusable.

    Raises:
      LettersUnknown: texts have letters outside the vocabulary.
    """
    found = Survey()
    known = None if vocabulary is None else vocabulary.columns.keys()
    strange: dict[str, set[str]] = {}
    for clip in clips:
        if why := _length(clip, between_sec):
            found.unusable[clip.key] = why
            continue
        text = spell(clip)
        letters = set("".join((text or "").split()))
        if not letters:
            found.unusable[clip.key] = UNKNOWN_TEXT if text is None else NO_LETTERS
        elif known is not None and not letters <= known:
            strange[clip.key] = letters - known
            found.unusable[clip.key] = "letters outside the vocabulary"
        else:
            found.keys_of.setdefault(clip.language, []).append(clip.key)
            found.letters |= letters
            heard_sec = found.languages.get(clip.language, 0.0)
            found.languages[clip.language] = heard_sec + clip.duration_sec
    if strange and not skips_unknown:
        raise _unknown(strange, len(found.usable))
    return found


def _length(clip: ClipText, between_sec: tuple[float, float]) -> str:
    """Return what is wrong with a clip's length, in the milliseconds of its key."""
    duration_msec = round(clip.duration_sec * 1000)
    shortest_sec, longest_sec = between_sec
    if duration_msec < shortest_sec * 1000:
        return f"shorter than {shortest_sec:g} s"
    if duration_msec > longest_sec * 1000:
        return f"longer than {longest_sec:g} s"
    return ""


def _unknown(strange: dict[str, set[str]], usable: int) -> LettersUnknown:
    letters = " ".join(sorted(set().union(*strange.values()))[:40])
    return LettersUnknown(
        f"{len(strange)} of {len(strange) + usable} clips: expected letters of the "
        f"model's vocabulary, got others: {letters} (first in {min(strange)}); spell "
        "them otherwise (--letters), train a new vocabulary (--new-letters), or leave "
        "these clips out (--skip-unknown)"
    )
