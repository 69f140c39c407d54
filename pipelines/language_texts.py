"""Texts of one language for its language model: of corpora, and of plain files."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from models.data import SpeechShards
from models.decoding.arpa import letters_of
from pipelines.clip_texts import clip_texts
from pipelines.spelling import spelled_text
from schemas.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class TextConfig:
    """Which texts, and how they are spelled."""

    language: str
    split: str = "train"
    selection: str | None = "default"
    romanised: bool = True
    """In a-z and the apostrophe; else in the language's own letters."""
    units: str = "letters"
    """Or words."""
    is_joined: bool = False
    """Letters without a mark between words."""

    def __post_init__(self) -> None:
        if self.units not in ("letters", "words"):
            raise ConfigError(f"--unit: expected letters or words, got {self.units}")
        if self.is_joined and self.units == "words":
            raise ConfigError("--joined: expected --unit letters, got words")


def sentences(
    sources: Iterable[Path], config: TextConfig, seen: Counter[str]
) -> Iterator[list[str]]:
    """Yield the units of each clip's text, and of each line of a file.

    ``seen`` counts sentences that are used and those that are left out, because they
    hold a number that may be read in several ways.

    Raises:
      ConfigError: a source is neither a corpus with this language nor a file of text.
    """
    for text in _texts(sources, config):
        spelled = spelled_text(text, config.language, romanised=config.romanised)
        if spelled is None:
            seen["left out"] += 1
        elif spelled:
            seen["used"] += 1
            words = spelled.split(" ")
            yield (
                words
                if config.units == "words"
                else letters_of(words, is_joined=config.is_joined)
            )


def _texts(sources: Iterable[Path], config: TextConfig) -> Iterator[str]:
    for source in sources:
        if source.is_file():
            try:
                yield from source.read_text(encoding="utf-8-sig").splitlines()
            except UnicodeDecodeError as error:
                raise ConfigError(
                    f"{source}: expected lines of text in UTF-8, got {error}"
                ) from error
            continue
        shards = SpeechShards(
            corpus=source,
            split=config.split,
            selection=config.selection,
            language=config.language,
        )
        for clip in clip_texts(shards):
            yield clip.text
