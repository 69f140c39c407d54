"""Which letter each column of a CTC output stands for: built, read and written.

Written and read as a wav2vec 2.0 tokenizer (vocab.json and its settings).
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from schemas.errors import ArtifactError, ConfigError, LettersUnknown

WORD_SEPARATOR = "|"
_BLANK_TOKEN = "<pad>"
_FIRST = (_BLANK_TOKEN, "<s>", "</s>", "<unk>", WORD_SEPARATOR)
"""Columns before the letters, as in the vocabularies of MMS."""

_SHOWN_LANGUAGES = 12
_SHOWN_LETTERS = 20


@dataclass(frozen=True)
class Vocabulary:
    """The columns of a CTC output layer."""

    labels: tuple[str, ...]
    """A letter each; "" for the blank; special tokens keep a name that is no letter."""
    blank: int
    word_separator: int | None

    @classmethod
    def from_texts(cls, texts: Iterable[str]) -> "Vocabulary":
        """Return the vocabulary of all letters in texts, of all languages together.

        The blank comes first and "|" separates words, as in MMS; letters are in the
        order of Unicode, so that equal letters give equal vocabularies.

        Raises:
            ConfigError: there is no letter in them, or one is "|".
        """
        letters = {letter for text in texts for word in text.split() for letter in word}
        if not letters or WORD_SEPARATOR in letters:
            came = f"{WORD_SEPARATOR!r} as a letter" if letters else "none"
            raise ConfigError(
                f"vocabulary: expected texts with letters, got {came}; normalise them "
                "first"
            )
        labels = ("", *_FIRST[1:], *sorted(letters))
        return cls(labels, 0, labels.index(WORD_SEPARATOR))

    @classmethod
    def from_json(cls, document: str) -> "Vocabulary":
        """Read what ``to_json`` wrote.

        Raises:
            ValueError: it is no JSON, or lacks something.
        """
        try:
            found = json.loads(document)
            labels = tuple(found["labels"])
            return cls(labels, found["blank"], found["word_separator"])
        except (KeyError, TypeError) as error:
            raise ValueError(f"no vocabulary: {error!r}") from error

    def to_json(self) -> str:
        """Return the columns as JSON; equal ones alike."""
        document = {
            "labels": self.labels,
            "blank": self.blank,
            "word_separator": self.word_separator,
        }
        return json.dumps(document, sort_keys=True)

    @property
    def romanised(self) -> bool:
        """The letters are all within a-z; digits and signs do not count."""
        letters = [
            label for label in self.labels if len(label) == 1 and label.isalpha()
        ]
        return bool(letters) and all("a" <= letter <= "z" for letter in letters)

    @cached_property
    def columns(self) -> dict[str, int]:
        """The column of every letter; blank, separator and special tokens are none."""
        return {
            label: column
            for column, label in enumerate(self.labels)
            if len(label) == 1 and column != self.word_separator
        }

    def encode(self, text: str, clip: str = "") -> list[int]:
        """Return the columns that CTC has to read for a text.

        White space becomes one word separator, or nothing if there is none.

        Args:
            text: letters as the labels have them.
            clip: what an error calls the text.

        Raises:
            LettersUnknown: the text has letters that no column stands for.
        """
        words = text.split()
        unknown = sorted(set("".join(words)) - self.columns.keys())
        if unknown:
            shown = " ".join(unknown[:_SHOWN_LETTERS])
            raise LettersUnknown(
                f"{clip or 'text'}: expected letters of the vocabulary, got "
                f"{len(unknown)} that are not in it: {shown}; normalise or romanise "
                "the text, or build the vocabulary from texts that have them"
            )
        between = [] if self.word_separator is None else [self.word_separator]
        tokens: list[int] = []
        for word in words:
            tokens += between if tokens else []
            tokens += [self.columns[letter] for letter in word]
        return tokens

    def save(self, folder: Path, language: str | None = None) -> None:
        """Write the tokenizer that ``read_vocabulary`` and transformers read.

        Args:
            folder: is there.
            language: of which language it is, in a vocabulary that has one part for
                each. Parts of others that are there stay, and what transformers takes
                by itself remains the first.

        Raises:
            ArtifactError: a vocabulary without languages is there.
        """
        from transformers import Wav2Vec2CTCTokenizer

        tokens = list(self.labels)
        tokens[self.blank] = _BLANK_TOKEN
        if self.word_separator is not None:
            tokens[self.word_separator] = WORD_SEPARATOR
        part: dict[str, Any] = {token: column for column, token in enumerate(tokens)}
        path = folder / "vocab.json"
        if language is not None:
            part = {**_other_parts(path), language: part}
        path.write_text(json.dumps(part, ensure_ascii=False), encoding="utf-8")
        first = _settings(folder).get("target_lang") if language else None
        tokenizer = Wav2Vec2CTCTokenizer(str(path), target_lang=first or language)
        tokenizer.save_pretrained(folder)


def read_vocabulary(folder: Path, language: str | None, columns: int) -> Vocabulary:
    """Return what the columns of a checkpoint's output layer stand for.

    Args:
        folder: holds vocab.json and the tokenizer's settings.
        language: of a vocabulary that has one part for each language, as MMS has.
        columns: width of the output layer.

    Raises:
        ConfigError: the language is missing or not in the vocabulary.
        ArtifactError: the vocabulary is missing, damaged or wider than the output.
    """
    from transformers import Wav2Vec2CTCTokenizer

    languages = vocabulary_languages(folder)
    settings = _settings(folder)
    chosen: dict[str, Any] = {}
    if languages and (language or not settings.get("target_lang")):
        if language not in languages:
            raise ConfigError(
                f"model.name: {folder} has a vocabulary for each language; expected "
                f"hf:<model>#<language> with one of {_list(languages)}, got "
                f"{language or 'none'}"
            )
        chosen = {"target_lang": language}
    tokenizer = Wav2Vec2CTCTokenizer.from_pretrained(folder, **chosen)
    columns_of: dict[str, int] = dict(tokenizer.encoder)
    blank = columns_of.get(str(tokenizer.pad_token))
    widest = max(columns_of.values(), default=-1)
    if blank is None or widest >= columns:
        raise ArtifactError(
            f"{folder}/vocab.json: expected a padding token (the CTC blank) and "
            f"columns below {columns}, got {tokenizer.pad_token!r} in column {blank} "
            f"and columns up to {widest}; vocabulary and weights do not belong together"
        )
    separator = columns_of.get(_word_separator(settings))
    special = {tokenizer.bos_token, tokenizer.eos_token, tokenizer.unk_token}
    labels = [f"<unused {column}>" for column in range(columns)]
    for token, column in columns_of.items():
        # In angle brackets a special token of one character is no letter of a text.
        no_letter = token in special and len(token) == 1
        labels[column] = f"<{token}>" if no_letter else token
    labels[blank] = ""
    return Vocabulary(_lower_case(labels), blank, separator)


def _other_parts(path: Path) -> dict[str, Any]:
    """Return what a nested vocabulary has already."""
    if not path.is_file():
        return {}
    if not vocabulary_languages(path.parent):
        raise ArtifactError(
            f"{path}: expected a vocabulary with a part for each language, got one "
            "without; choose another folder"
        )
    parts: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return parts


def vocabulary_languages(folder: Path) -> tuple[str, ...]:
    """Return the languages of a nested vocabulary, none if it is a flat one.

    Raises:
        ArtifactError: it is missing or damaged.
    """
    path = folder / "vocab.json"
    try:
        vocabulary = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ArtifactError(
            f"{path}: missing; save the tokenizer beside the model"
        ) from error
    except ValueError as error:
        raise ArtifactError(f"{path}: damaged: {error}") from error
    if not isinstance(vocabulary, dict) or not vocabulary:
        raise ArtifactError(f"{path}: expected an object of tokens, got something else")
    nested = all(isinstance(value, dict) for value in vocabulary.values())
    return tuple(vocabulary) if nested else ()


def _settings(folder: Path) -> dict[str, Any]:
    path = folder / "tokenizer_config.json"
    if not path.is_file():
        return {}
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except ValueError as error:
        raise ArtifactError(f"{path}: damaged: {error}") from error


def _word_separator(settings: dict[str, Any]) -> str:
    """Return the token between words; transformers 5.23 forgets any but "|"."""
    token = settings.get("word_delimiter_token", "|")
    return str(token["content"] if isinstance(token, dict) else token)


def _list(languages: Iterable[str]) -> str:
    ordered = sorted(languages)
    more = len(ordered) - _SHOWN_LANGUAGES
    shown = ", ".join(ordered[:_SHOWN_LANGUAGES])
    return f"{shown} and {more} more" if more > 0 else shown


def _lower_case(labels: list[str]) -> tuple[str, ...]:
    """Return labels in lower case, as texts are, unless two would become one.

    English checkpoints of the first years have capital letters only.
    """
    lower = [
        label.lower() if len(label) == len(label.lower()) == 1 else label
        for label in labels
    ]
    return tuple(lower if len(set(lower)) == len(lower) else labels)
