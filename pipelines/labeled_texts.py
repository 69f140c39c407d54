"""What the texts of a language say of it: its letters, and how fast it is read."""

import heapq
from dataclasses import dataclass

from aligner.normalise import normalise_verse
from aligner.rates import Places
from pipelines.tables import has_table, language_table, languages_of
from schemas.keys import digest_of
from schemas.tables import SEGMENT_TABLE

# About 40 hours: enough for the letters and the usual speed of a language.
_MOST = 20_000


@dataclass(frozen=True)
class LabeledText:
    """The text of one aligned segment."""

    text: str
    romanised: str
    duration_sec: float


@dataclass(frozen=True)
class Rates:
    """How fast a language's texts are read; None with too few of them."""

    letters: Places | None
    words: Places | None


def labeled_texts(root: str, language: str) -> tuple[LabeledText, ...]:
    """Return texts of a language: all, or 20,000 of them that do not change.

    Raises:
      ArtifactError: the table is of another version.
    """
    if not has_table(root, SEGMENT_TABLE) or language not in languages_of(
        root, SEGMENT_TABLE
    ):
        return ()
    columns = ["key", "text", "romanised", "duration_sec"]
    rows = language_table(root, SEGMENT_TABLE, language, columns).to_pylist()
    texts = [row for row in rows if row["text"]]
    chosen = heapq.nsmallest(_MOST, texts, key=lambda row: digest_of(row["key"]))
    return tuple(
        LabeledText(row["text"], row["romanised"], row["duration_sec"])
        for row in chosen
    )


def rates_of(root: str, language: str, *, romanised: bool) -> Rates:
    """Return the rates of a language, in the letters of its texts or romanised."""
    letters, words = [], []
    for text in labeled_texts(root, language):
        if romanised:
            spelled = [word for word in text.romanised.split(" ") if word]
        else:
            tokens = normalise_verse(text.text, language)
            spelled = [token.normalised for token in tokens]
        letters.append(sum(map(len, spelled)) / text.duration_sec)
        words.append(len(spelled) / text.duration_sec)
    return Rates(Places.among(letters), Places.among(words))
