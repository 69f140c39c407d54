"""Reads a wav2vec 2.0 tokenizer: which letter each column of the output stands for."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from schemas.errors import ArtifactError, ConfigError

_SHOWN_LANGUAGES = 12


@dataclass(frozen=True)
class Vocabulary:
    """The columns of a CTC output layer."""

    labels: tuple[str, ...]
    """A letter each; "" for the blank; special tokens keep a name that is no letter."""
    blank: int
    word_separator: int | None

    @property
    def romanised(self) -> bool:
        """The letters are all within a-z; digits and signs do not count."""
        letters = [
            label for label in self.labels if len(label) == 1 and label.isalpha()
        ]
        return bool(letters) and all("a" <= letter <= "z" for letter in letters)


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

    languages = _languages(folder)
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


def _languages(folder: Path) -> tuple[str, ...]:
    """Return the languages of a nested vocabulary, none if it is a flat one."""
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
