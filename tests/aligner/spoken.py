"""Emissions of a reader whose words are known, and the chapter that was to be read."""

import string
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from aligner.chapter_path import ChapterPath, best_chapter_path
from aligner.config import AlignConfig
from aligner.pauses import Pause
from aligner.spelling import Speller
from aligner.tokens import EncodedChapter, encode_chapter
from aligner.variants import Variants, find_variants
from schemas.source import Aside, Chapter, Verse

LABELS = ("", *string.ascii_lowercase, "'")
_LETTER_FRAMES = 2
_FRAME_SEC = 0.02


@dataclass(frozen=True)
class Letters:
    """All that the aligner asks of a model but its emissions."""

    labels: tuple[str, ...] = LABELS
    blank: int = 0
    hop_samples: int = 320
    romanised: bool = True
    word_separator: int | None = None


# As a Wav2Vec2 vocabulary has it.
SEPARATED = Letters(labels=(*LABELS, "|"), word_separator=len(LABELS))


@dataclass(frozen=True)
class Spoken:
    """What was said: emissions (T, C), pauses, and the frames of each utterance."""

    emissions: np.ndarray
    pauses: tuple[Pause, ...]
    spans: tuple[tuple[int, int], ...]


def spoken(*said: str, pause_frames: int = 20, model: Letters = Letters()) -> Spoken:
    """Say some utterances, a pause before each and after the last.

    Each letter has two frames, with a blank behind it. Where the model has a word
    separator it comes after each word, in the pause after an utterance's last one.
    """
    mark = "" if model.word_separator is None else "|"
    labels = [0] * pause_frames
    spans, pauses = [], []
    for utterance in said:
        start = len(labels)
        pauses.append(((start - pause_frames) * _FRAME_SEC, start * _FRAME_SEC))
        for letter in utterance.replace(" ", mark):
            labels += [model.labels.index(letter)] * _LETTER_FRAMES + [0]
        spans.append((start, len(labels) - 1))
        pause = [0] * pause_frames
        if mark:
            pause[1:2] = [model.labels.index(mark)]
        labels += pause
    emissions = np.full((len(labels), len(model.labels)), -9.0, np.float32)
    emissions[np.arange(len(labels)), labels] = -0.01
    return Spoken(emissions, tuple(pauses), tuple(spans))


def chapter_of(*verses: str, asides: Sequence[Aside] = ()) -> Chapter:
    """Return an English chapter."""
    numbered = tuple(Verse(str(k + 1), text) for k, text in enumerate(verses))
    return Chapter(language="eng", verses=numbered, asides=tuple(asides))


def encoded_with_variants(
    chapter: Chapter, config: AlignConfig, model: Letters = Letters()
) -> tuple[EncodedChapter, Variants]:
    """Return a chapter's own line and what may differ from it."""
    encoded = encode_chapter(
        chapter, model.labels, model.blank, romanised=True,
        word_separator=model.word_separator, star_at_start=config.star_at_start,
    )  # fmt: skip
    speller = Speller.of(model, chapter.language)
    return encoded, find_variants(chapter, encoded, speller, config)


def read_chapter(
    chapter: Chapter, heard: Spoken, config: AlignConfig, model: Letters = Letters()
) -> tuple[EncodedChapter, ChapterPath]:
    """Align a chapter with what was heard."""
    encoded, variants = encoded_with_variants(chapter, config, model)
    found = best_chapter_path(
        heard.emissions, encoded, heard.pauses, config, model, variants
    )
    return encoded, found
