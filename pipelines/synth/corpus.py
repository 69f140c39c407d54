"""A folder of synthetic chapters: audio, text, truth, manifest and configuration."""

import csv
import multiprocessing
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from pipelines.synth.chapter import speak_chapter
from pipelines.synth.files import (
    AudioFileOptions,
    text_suffix,
    write_audio,
    write_text,
)
from pipelines.synth.options import ChapterOptions
from pipelines.synth.truth import ChapterTruth, write_truth
from schemas.keys import check_recording_id
from schemas.source import TextFormat, Verse

MANIFEST_COLUMNS = (
    "recording_id language audio text text_format book chapter reader drama licence "
    "timing"
).split()
_LICENCE = "CC0-1.0"


@dataclass(frozen=True, kw_only=True)
class ChapterJob:
    """One chapter to be made: all that a fresh process needs to know.

    Raises:
      KeyUnusable: the recording id cannot be the name of files and clips.
    """

    recording_id: str
    options: ChapterOptions
    audio: AudioFileOptions = field(default_factory=AudioFileOptions)
    text_format: TextFormat = TextFormat.PLAIN
    book: str = ""
    chapter: int = 1
    own_text: tuple[str, ...] = ()
    """Verses to be read instead of invented ones."""
    is_unlabeled: bool = False
    """The manifest names no text, as for most recordings of the world."""

    def __post_init__(self) -> None:
        check_recording_id(self.recording_id)


def make_chapter(job: ChapterJob, folder: str) -> ChapterTruth:
    """Speak one chapter and write its three files; returns the truth.

    Raises:
      PericopeError: as ``speak_chapter`` and ``write_audio`` do.
    """
    root = Path(folder)
    samples, truth = speak_chapter(job.recording_id, job.options, job.own_text)
    write_audio(samples, root / _audio_path(job), job.audio)
    verses = [Verse(verse.number, verse.text) for verse in truth.verses]
    write_text(
        verses, root / _text_path(job), job.text_format, job.book or "XXA", job.chapter
    )
    write_truth(truth, root / _truth_path(job))
    return truth


def make_chapters(
    jobs: Iterable[ChapterJob], folder: Path, workers: int = 0
) -> Iterator[ChapterTruth]:
    """Make chapters, each in a process of its own; yields the truths in order.

    espeak-ng gives equal samples for equal calls only in a fresh process.

    Args:
      jobs: any number of chapters with ids of their own.
      folder: gets the folders audio, text and truth.
      workers: processes at the same time; 0: one a core.

    Raises:
      PericopeError: of the first chapter that could not be made; no other is begun.
    """
    for name in ("audio", "text", "truth"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(
        workers or os.cpu_count() or 1, mp_context=context, max_tasks_per_child=1
    ) as pool:
        futures = [pool.submit(make_chapter, job, str(folder)) for job in jobs]
        try:
            for future in futures:
                yield future.result()
        finally:
            pool.shutdown(cancel_futures=True)


def write_manifest(
    jobs: Iterable[ChapterJob], folder: Path, *, with_timing: bool = False
) -> Path:
    """Write ``recordings.csv`` beside the chapters.

    ``with_timing`` names the truth as known word times: nothing will be aligned.
    """
    path = folder / "recordings.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, MANIFEST_COLUMNS)
        writer.writeheader()
        for job in jobs:
            row = {
                "recording_id": job.recording_id,
                "language": job.options.language,
                "audio": _audio_path(job).as_posix(),
                "text": "" if job.is_unlabeled else _text_path(job).as_posix(),
                "text_format": "" if job.is_unlabeled else job.text_format.value,
                "book": job.book,
                "chapter": job.chapter,
                "reader": job.options.voices[0] or "espeak-ng",
                "drama": str(job.options.drama).lower(),
                "licence": _LICENCE,
                "timing": _truth_path(job).as_posix() if with_timing else "",
            }
            writer.writerow(row)
    return path


def write_corpus_toml(folder: Path, name: str, extra: str = "") -> Path:
    """Write a ``corpus.toml`` that runs as it is, unless the folder has one already."""
    path = folder / "corpus.toml"
    if path.exists():
        return path
    path.write_text(
        f'[corpus]\nname = "{name}"\nmanifest = "recordings.csv"\noutput = "corpus"\n'
        + extra,
        encoding="utf-8",
    )
    return path


def _audio_path(job: ChapterJob) -> Path:
    return Path("audio") / f"{job.recording_id}{job.audio.suffix}"


def _text_path(job: ChapterJob) -> Path:
    return Path("text") / f"{job.recording_id}{text_suffix(job.text_format)}"


def _truth_path(job: ChapterJob) -> Path:
    return Path("truth") / f"{job.recording_id}.json"
