"""Systematic mismatches of a corpus, from its alignments table alone."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from aligner.mismatches import (
    HeardWords,
    MiningConfig,
    Mismatch,
    Pattern,
    find_mismatches,
    written_form,
)
from aligner.romanise import romanise_word
from pipelines.tables import language_table, languages_of
from schemas.errors import ArtifactError
from schemas.tables import ALIGNMENT_TABLE, SEGMENT_TABLE

_COLUMNS = ["recording_id", "book", "chapter", "verse", "romanised", "words"]


@dataclass(frozen=True, kw_only=True)
class Example:
    """A word that has a pattern, and where to listen to it."""

    recording_id: str
    book: str
    chapter: int
    verse: str
    start_sec: float
    end_sec: float
    word: str
    romanised: str
    confidence: float


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A mismatch of one language as it is told."""

    language: str
    pattern: str
    is_word: bool
    romanised: str
    """What the aligner made of it: of letters by themselves, of a word as stored."""
    count: int
    spellings: int
    recordings: int
    low_recordings: int
    readers: int
    """Named ones that read a word with it."""
    confidence: float
    confidence_without: float
    effect: float
    p_value: float
    advice: str
    examples: tuple[Example, ...]


def mine_corpus(
    root: str, config: MiningConfig, language: str = "", examples: int = 3
) -> Iterator[Finding]:
    """Yield the mismatches of a corpus, language by language.

    Args:
      root: the corpus.
      config: what is worth reporting.
      language: only this one, if given.
      examples: how many words to show of each.

    Raises:
      ArtifactError: there is no table, or no word in it has a confidence.
    """
    languages = languages_of(root, ALIGNMENT_TABLE)
    if language:
        languages = [code for code in languages if code == language]
    if not languages:
        raise ArtifactError(
            f"{root}/alignments: expected the table"
            f"{' of ' + language if language else ''}, found none; run the corpus first"
        )
    heard = 0
    for code in languages:
        verses = language_table(root, ALIGNMENT_TABLE, code, _COLUMNS)
        spoken = _Spoken.of(verses)
        heard += len(spoken.words.confidence_W)
        readers = None
        for mismatch in find_mismatches(spoken.words, config):
            readers = _readers(root, code) if readers is None else readers
            yield _told(mismatch, spoken, code, readers, examples)
    if not heard:
        raise ArtifactError(
            f"{root}/alignments: expected words with a confidence, found none; run the "
            "corpus with align.confidence = true and a text for some recording"
        )


@dataclass(frozen=True, eq=False)
class _Spoken:
    """The words with a confidence of one language, and where each stands."""

    verses: pa.Table
    entries: pa.StructArray
    """All words of the table."""
    verse_E: np.ndarray
    """Row of each of them."""
    entry_W: np.ndarray
    """Which of them have a confidence."""
    words: HeardWords

    @classmethod
    def of(cls, verses: pa.Table) -> "_Spoken":
        lists = verses["words"].combine_chunks()
        entries = pc.list_flatten(lists)
        verse_E = pc.list_parent_indices(lists).to_numpy(zero_copy_only=False)
        confidence = entries.field("confidence").to_numpy(zero_copy_only=False)
        entry_W = np.flatnonzero(~np.isnan(confidence))
        written = entries.field("word").take(pa.array(entry_W)).dictionary_encode()
        forms: dict[str, int] = {}
        form_of = [
            forms.setdefault(written_form(word), len(forms))
            for word in written.dictionary.to_pylist()
        ]
        recordings = verses["recording_id"].combine_chunks().dictionary_encode()
        recording_V = recordings.indices.to_numpy(zero_copy_only=False)
        words = HeardWords(
            spellings=tuple(forms),
            spelling_W=np.array(form_of, np.int64)[written.indices.to_numpy()],
            recording_W=recording_V[verse_E[entry_W]].astype(np.int64),
            confidence_W=confidence[entry_W],
        )
        return cls(verses, entries, verse_E, entry_W, words)

    def example(self, word: int) -> Example:
        """Return one of the words with all that helps to find it."""
        entry = int(self.entry_W[word])
        row = int(self.verse_E[entry])
        verse = self.verses.slice(row, 1).to_pylist()[0]
        first = int(np.searchsorted(self.verse_E, row))
        found = self.entries[entry].as_py()
        return Example(
            recording_id=verse["recording_id"],
            book=verse["book"],
            chapter=verse["chapter"],
            verse=verse["verse"],
            start_sec=found["start_sec"],
            end_sec=found["end_sec"],
            word=found["word"],
            romanised=verse["romanised"].split(" ")[entry - first],
            confidence=found["confidence"],
        )

    def recording_ids(self, words: np.ndarray) -> list[str]:
        """Return the recordings in which some of the words are."""
        rows = np.unique(self.verse_E[self.entry_W[words]])
        return self.verses["recording_id"].take(pa.array(rows)).unique().to_pylist()


def _told(
    found: Mismatch,
    spoken: _Spoken,
    language: str,
    readers: dict[str, str],
    examples: int,
) -> Finding:
    shown = [spoken.example(word) for word in _spread(found, spoken, examples)]
    pattern = found.pattern
    romanised = romanise_word(pattern.text, language)
    if pattern.is_word:
        romanised = spoken.example(int(found.words[0])).romanised
    names = {readers.get(name, "") for name in spoken.recording_ids(found.words)}
    return Finding(
        language=language,
        pattern=pattern.text,
        is_word=pattern.is_word,
        romanised=romanised,
        count=found.count,
        spellings=found.spellings,
        recordings=found.recordings,
        low_recordings=found.low_recordings,
        readers=len(names - {""}),
        confidence=found.confidence,
        confidence_without=found.confidence_without,
        effect=found.effect,
        p_value=found.p_value,
        advice=_advice(pattern, romanised, found.recordings),
        examples=tuple(shown),
    )


def _spread(found: Mismatch, spoken: _Spoken, count: int) -> list[int]:
    """Return the least sure words, of different spellings and recordings first."""
    words = spoken.words
    seen: set[tuple[str, int]] = set()
    first: list[int] = []
    rest: list[int] = []
    for word in found.words.tolist():
        about = {
            ("s", int(words.spelling_W[word])),
            ("r", int(words.recording_W[word])),
        }
        (rest if about & seen else first).append(word)
        seen |= about
    return [*first, *rest][:count]


def _advice(pattern: Pattern, romanised: str, recordings: int) -> str:
    if pattern.is_word:
        advice = "read otherwise than written? (abbreviation, foreign name): the text"
    elif not romanised:
        advice = "not aligned at all: letter, joiner or unspoken? aligner/rules.py"
    elif not pattern.text.isalpha():
        advice = "mark or apostrophe that is spoken, or not? aligner/rules.py"
    else:
        advice = (
            f"not spoken as {romanised!r}? aligner/rules.py, aligner/romanise.py, or "
            "another letter in the text"
        )
    return f"{advice} (one recording only: or its reader)" if recordings < 2 else advice


def _readers(root: str, language: str) -> dict[str, str]:
    """Return who reads each recording that has segments."""
    if language not in languages_of(root, SEGMENT_TABLE):
        return {}
    table = language_table(root, SEGMENT_TABLE, language, ["recording_id", "reader"])
    pairs = table.group_by(["recording_id", "reader"]).aggregate([])
    return {row["recording_id"]: row["reader"] for row in pairs.to_pylist()}
