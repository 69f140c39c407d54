"""Language models as ARPA files, which KenLM and most decoders read."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from models.decoding.ngram import END, SPECIAL_WORDS, START, UNKNOWN, Estimated
from models.whole_file import whole_file
from schemas.errors import ArtifactError

SEPARATOR = "|"
"""Stands between words where the words of a model are letters."""
_LOG10_UNHEARD_OF = -100.0  # KenLM's, of unknown words in a model without them


def write_arpa(model: Estimated, path: Path) -> None:
    """Write a language model; equal models give equal files."""
    with (
        whole_file(path) as temporary,
        temporary.open("w", encoding="utf-8", newline="\n") as file,
    ):
        file.write("\\data\\\n")
        for length, estimates in enumerate(model.by_length, 1):
            file.write(f"ngram {length}={len(estimates.words_KN)}\n")
        for length, estimates in enumerate(model.by_length, 1):
            is_longest = length == len(model.by_length)
            file.write(f"\n\\{length}-grams:\n")
            for numbers, log10_prob, log10_backoff in zip(
                estimates.words_KN.tolist(),
                estimates.log10_probs_K.tolist(),
                estimates.log10_backoffs_K.tolist(),
                strict=True,
            ):
                words = " ".join(model.words[number] for number in numbers)
                line = f"{log10_prob:.7f}\t{words}"
                file.write(line if is_longest else f"{line}\t{log10_backoff:.7f}")
                file.write("\n")
        file.write("\n\\end\\\n")


@dataclass(frozen=True)
class NgramModel:
    """A language model to score texts with; backs off as the format says."""

    order: int
    entries: dict[tuple[str, ...], tuple[float, float]]
    """Log-probability and weight of backing off of each n-gram, both to base 10."""

    @property
    def words(self) -> list[str]:
        """All that it knows but the special ones, in the file's order."""
        return [
            ngram[0]
            for ngram in self.entries
            if len(ngram) == 1 and ngram[0] not in SPECIAL_WORDS
        ]

    def log10_prob(self, word: str, context: Sequence[str]) -> float:
        """Return the log-probability of a word after others, to base 10."""
        known = word if (word,) in self.entries else UNKNOWN
        before = tuple(context)[max(0, len(context) - self.order + 1) :]
        penalty = 0.0
        while True:
            entry = self.entries.get((*before, known))
            if entry is not None:
                return penalty + entry[0]
            if not before:
                return penalty + _LOG10_UNHEARD_OF
            penalty += self.entries.get(before, (0.0, 0.0))[1]
            before = before[1:]

    def sentence_log_prob(self, words: Sequence[str]) -> float:
        """Return the natural log-probability of a whole sentence with its end."""
        total, context = 0.0, [START]
        for word in (*words, END):
            total += self.log10_prob(word, context)
            context.append(word)
        return total * math.log(10)

    def text_log_prob(self, text: str) -> float:
        """Return the natural log-probability of a text, in letters or in words."""
        words = text.split()
        return self.sentence_log_prob(
            letters_of(words, is_joined=(SEPARATOR,) not in self.entries)
            if are_letters(self.words)
            else words
        )


def letters_of(words: Sequence[str], *, is_joined: bool = False) -> list[str]:
    """Return a text as the units of a language model of letters."""
    return list(("" if is_joined else SEPARATOR).join(words))


def are_letters(words: Sequence[str]) -> bool:
    """Tell whether the words of a language model are single letters."""
    return all(len(word) == 1 for word in words)


def read_arpa(path: Path) -> NgramModel:
    """Read a language model.

    Raises:
      ArtifactError: it is missing, or no ARPA file, or it breaks off.
    """
    entries: dict[tuple[str, ...], tuple[float, float]] = {}
    longest = 0
    for length, fields in _lines(path):
        longest = max(longest, length)
        ngram = tuple(fields[1 : length + 1])
        rest = fields[length + 1 :]
        try:
            entries[ngram] = float(fields[0]), float(rest[0]) if rest else 0.0
        except ValueError as error:
            raise _damaged(path, f"{' '.join(fields)!r}") from error
        if len(ngram) != length or len(rest) > 1:
            raise _damaged(path, f"{' '.join(fields)!r} among {length}-grams")
    if not entries:
        raise _damaged(path, "no n-grams")
    return NgramModel(longest, entries)


def read_words(path: Path) -> list[str]:
    """Return the words of a language model, without reading longer n-grams.

    Raises:
      ArtifactError: it is missing, or no ARPA file, or it breaks off.
    """
    words = []
    for length, fields in _lines(path):
        if length > 1:
            break
        words.append(fields[1])
    return [word for word in words if word not in SPECIAL_WORDS]


def _lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield the length and the fields of each n-gram."""
    if not path.is_file():
        raise ArtifactError(
            f"{path}: no language model here; `pericope train lm` makes one"
        )
    length = 0
    with path.open(encoding="utf-8") as file:
        try:
            for line in file:
                text = line.strip("\n ")
                if text == "\\end\\":
                    return
                if text.startswith("\\") and text.endswith("-grams:"):
                    length = int(text[1:].partition("-")[0])
                elif length and text:
                    fields = text.split()
                    if len(fields) <= length:
                        raise _damaged(path, f"{text!r} among {length}-grams")
                    yield length, fields
        except UnicodeDecodeError as error:
            raise _damaged(path, "bytes that are no UTF-8") from error
    raise _damaged(path, "no \\end\\")


def _damaged(path: Path, got: str) -> ArtifactError:
    return ArtifactError(
        f"{path}: expected a language model in ARPA format, got {got}; make it anew "
        "with `pericope train lm`"
    )
