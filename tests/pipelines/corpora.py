"""Small corpora for tests: speech, manifest, configuration, and what came out."""

import csv
import hashlib
import shutil
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from pipelines.config import load_config
from pipelines.job import prepare_job, run_job
from pipelines.synth.chapter import ChapterOptions
from pipelines.synth.corpus import ChapterJob, make_chapter
from pipelines.synth.files import AudioFileOptions
from pipelines.synth.truth import ChapterTruth
from schemas.source import TextFormat

COLUMNS = "recording_id language audio text text_format book chapter reader".split()
_NO_RESULTS = ("store/fetch/", "logs/")
SMALL_LANGUAGES = "[unlabeled]\nmin_language_minutes = 0\n"
"""Else no language of the tests would have unlabeled audio."""
SHORT = ChapterOptions(language="swh", minutes=0.3, words_per_verse=(6, 10))


@dataclass(frozen=True)
class Speech:
    """A folder with audio, text and truth of some chapters."""

    folder: Path
    jobs: tuple[ChapterJob, ...]
    truths: Mapping[str, ChapterTruth]

    def audio(self, recording_id: str) -> Path:
        return next((self.folder / "audio").glob(f"{recording_id}.*"))

    def text(self, recording_id: str) -> Path:
        return next((self.folder / "text").glob(f"{recording_id}.*"))

    def verses(self, recording_id: str) -> list[str]:
        return [verse.text for verse in self.truths[recording_id].verses]

    def row(self, recording_id: str) -> dict[str, str]:
        job = next(job for job in self.jobs if job.recording_id == recording_id)
        return {
            "recording_id": recording_id,
            "language": job.options.language,
            "audio": f"audio/{self.audio(recording_id).name}",
            "text": f"text/{self.text(recording_id).name}",
            "text_format": job.text_format.value,
            "book": job.book,
            "chapter": str(job.chapter),
            "reader": "espeak-ng",
        }

    def rows(self, unlabeled: Collection[str] = ()) -> list[dict[str, str]]:
        rows = [self.row(job.recording_id) for job in self.jobs]
        for row in rows:
            if row["recording_id"] in unlabeled:
                row["text"] = row["text_format"] = ""
        return rows


def speak(folder: Path) -> Speech:
    """Speak the chapters: a title and digits, a verse bridge, another script."""
    jobs = (
        ChapterJob(
            recording_id="swh-mrk-001",
            options=replace(SHORT, title=True, digits=1),
            audio=AudioFileOptions(format="mp3", rate_hz=22_050),
            book="MRK",
        ),
        ChapterJob(
            recording_id="swh-luk-001",
            options=replace(SHORT, voices=("f2",)),
            audio=AudioFileOptions(format="flac", rate_hz=16_000),
            text_format=TextFormat.TSV,
            book="LUK",
        ),
        ChapterJob(
            recording_id="rus-jhn-001",
            options=replace(SHORT, language="rus", voices=("m3",)),
            audio=AudioFileOptions(format="ogg", rate_hz=44_100, channels=2),
            text_format=TextFormat.USFM,
            book="JHN",
        ),
    )
    for name in ("audio", "text", "truth"):
        (folder / name).mkdir()
    truths = {job.recording_id: make_chapter(job, str(folder)) for job in jobs}
    return Speech(folder, jobs, truths)


def write_corpus(
    folder: Path,
    speech: Speech,
    rows: Iterable[Mapping[str, str]],
    settings: str = "",
) -> Path:
    """Write manifest and configuration beside copies of the speech."""
    for name in ("audio", "text"):
        shutil.copytree(speech.folder / name, folder / name, dirs_exist_ok=True)
    write_manifest(folder, rows)
    toml = folder / "corpus.toml"
    if "[unlabeled]" not in settings:
        settings += SMALL_LANGUAGES
    toml.write_text(
        '[corpus]\nname = "test"\nmanifest = "recordings.csv"\noutput = "corpus"\n'
        + settings
    )
    return toml


def write_manifest(folder: Path, rows: Iterable[Mapping[str, str]]) -> None:
    with (folder / "recordings.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)


def run(toml: Path, runner: str, workers: int = 1) -> int:
    """Run in this process; returns the number of rejects."""
    return run_job(prepare_job(load_config(toml), workers), runner)


def run_plainly(toml: Path) -> int:
    return run(toml, "plain")


def contents(output: Path) -> dict[str, str]:
    """Return the digest of every file, by its path in the corpus.

    Left out are logs, and notes of where local files lay and when they were changed.
    """
    return {
        path.relative_to(output).as_posix(): hashlib.sha256(
            path.read_bytes()
        ).hexdigest()
        for path in sorted(output.rglob("*"))
        if path.is_file()
        and not path.relative_to(output).as_posix().startswith(_NO_RESULTS)
    }


def states(output: Path) -> dict[str, tuple[int, int]]:
    """Return what tells whether a file was written again: inode and time."""
    return {
        path.relative_to(output).as_posix(): (
            path.stat().st_ino,
            path.stat().st_mtime_ns,
        )
        for path in output.rglob("*")
        if path.is_file()
    }
