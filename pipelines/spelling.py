"""Texts of clips as a model is to write them."""

from aligner.normalise import normalise_verse
from aligner.romanise import romanise_word
from aligner.spelling import is_gap
from models.data import Clip


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


def spelled_clip(clip: Clip, *, romanised: bool) -> str | None:
    """Return what was said in a clip, as ``spelled_text`` does."""
    return spelled_text(clip.text, clip.row["language"], romanised=romanised)
