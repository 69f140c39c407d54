"""Texts of clips as a model is to write them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from aligner.normalise import normalise_verse
from aligner.romanise import romanise_word
from aligner.spelling import is_gap
from models.data import ClipText


def spelled_text(text: str, language: str, *, romanised: bool) -> str | None:
    """Return the words of a text in lower case, one space between them.

    None for a text with a number: nobody knows in which form it was read.
    """
    written, end = "", 0
    for word in normalise_verse(text, language):
        if word.is_number:
            return None
        if is_gap(text, end, word.char_start):
            written += " "
        letters = word.normalised
        written += romanise_word(letters, language) if romanised else letters
        end = word.char_end
    return " ".join(written.split())


@dataclass(frozen=True, kw_only=True)
class ClipSpeller:
    """What a model learns to write of each clip: a ``Spell`` for workers to take along.

    A pseudo-label is in its teacher's letters and stays as it is. The text of a clip is
    normalised, and romanised if asked for; it is unknown (None) where numbers or speech
    that is not written are in the clip, unless ``spoken`` has what was read.
    """

    romanised: bool
    spoken: Mapping[str, str] = field(default_factory=dict)
    """What was read in clips whose text is written otherwise, by key."""

    def __call__(self, clip: ClipText) -> str | None:
        """Return letters with one space between words, None if they are unknown."""
        if clip.source:
            return " ".join(clip.text.split())
        text = self.spoken.get(clip.key)
        if text is None and clip.star_sec > 0:
            return None
        text = clip.text if text is None else text
        return spelled_text(text, clip.language, romanised=self.romanised)
