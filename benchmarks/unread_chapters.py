"""Corpora in which some chapters have no text, though what they say is known.

The readers of a language read some chapters with text and some without. Of the latter
some are as clear as those with text, some have the noise of a room, and some are read
by others.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.speech import BENCH, VOICES, Speech, speech_of
from pipelines.config import CorpusConfig, CorpusSection
from pipelines.synth.corpus import ChapterJob, write_manifest
from pipelines.synth.files import AudioFileOptions
from pipelines.synth.options import ChapterOptions
from pipelines.synth.truth import ChapterTruth

SAME, NOISY, OTHER = "same readers", "same readers, noise", "other readers"
KINDS = (SAME, NOISY, OTHER)
_NOISE_DB = -12.0
_READERS = 3
_OTHERS = 2


@dataclass(frozen=True)
class UnreadCorpus:
    """A corpus to be run, and what is said where it has no text."""

    config: CorpusConfig
    kinds: dict[str, str]
    """Of the recordings without text."""
    truths: dict[str, ChapterTruth]


def unread_corpus(
    languages: Sequence[str], chapters: tuple[int, int], seed: int, minutes: float
) -> UnreadCorpus:
    """Speak chapters and write a manifest that hides the texts of some.

    Args:
      languages: ISO 639-3.
      chapters: with text in each language, and without of each kind.
      seed: of the first chapter.
      minutes: length of each.
    """
    labeled = _jobs(languages, "text", chapters[0], seed, minutes)
    hidden = {
        kind: _jobs(languages, name, chapters[1], seed, minutes)
        for kind, name in zip(KINDS, ("same", "noisy", "other"), strict=True)
    }
    speech = speech_of([*labeled, *(job for jobs in hidden.values() for job in jobs)])
    folder = BENCH / f"unread-{'-'.join(languages)}-{seed}-{len(speech.jobs)}"
    return UnreadCorpus(
        CorpusConfig(corpus=_written(speech, folder)),
        {job.recording_id: kind for kind, jobs in hidden.items() for job in jobs},
        {truth.recording_id: truth for truth in speech.truths},
    )


def _jobs(
    languages: Sequence[str], name: str, chapters: int, seed: int, minutes: float
) -> list[ChapterJob]:
    place = ("text", "same", "noisy", "other").index(name)
    voices = VOICES[_READERS : _READERS + _OTHERS] if name == "other" else VOICES
    readers = voices[: _OTHERS if name == "other" else _READERS]
    return [
        ChapterJob(
            recording_id=f"{language}-{name}-{number}",
            options=ChapterOptions(
                language=language,
                minutes=minutes,
                voices=(readers[number % len(readers)],),
                noise_db=_NOISE_DB if name == "noisy" else None,
                seed=seed + 100 * place + number,
            ),
            audio=AudioFileOptions(format="flac", rate_hz=16_000),
            is_unlabeled=name != "text",
        )
        for language in languages
        for number in range(chapters)
    ]


def _written(speech: Speech, folder: Path) -> CorpusSection:
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("audio", "text"):
        if not (folder / name).is_symlink():
            (folder / name).symlink_to((speech.folder / name).absolute())
    return CorpusSection(
        name="unread",
        manifest=str(write_manifest(speech.jobs, folder).absolute()),
        output=str((folder / "corpus").absolute()),
        allow_outside=True,
    )
